"""Maps from a few clicks, by DINOSim and by two simpler ways, and how well a map agrees with the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from dinoscope.evaluate import best_dice, draw_clicks
from dinoscope.geometry import Region
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference
from dinoscope.segmentation import auto_thresholds, similarity_at
from dinoscope.settings import ReferenceSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.similarity._probe import logistic_regression

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.features import FeatureStore

PROBE_C = 0.01
"""Inverse strength of the penalty, as scikit-learn counts it."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is looked for.

    Attributes
    ----------
    voxels
        Mask, shape (z, y, x).
    clicked
        The section the examples are drawn on.
    measured
        Sections that count, shape (z,).
    """

    voxels: NDArray[np.bool_]
    clicked: int
    measured: NDArray[np.bool_]

    def clicks(self, count: int, seed: int) -> list[PointPrompt]:
        """Examples: the deepest points of objects, or any points of the middle line where all is one network."""
        mask = self.voxels[self.clicked]
        if _is_network(mask):
            return self._prompts(_draw(skeletonize(mask), count, seed), True)
        return self._prompts(draw_clicks(mask, count, seed), True)

    def counter_examples(self, count: int, seed: int) -> list[PointPrompt]:
        """Places outside, each equally likely."""
        return self._prompts(_draw(~self.voxels[self.clicked], count, seed), False)

    def _prompts(self, places: NDArray[Any], positive: bool) -> list[PointPrompt]:
        return [PointPrompt((float(self.clicked), float(y), float(x)), positive=positive) for y, x in places]


def _is_network(mask: NDArray[np.bool_]) -> bool:
    """Whether most of a mask hangs together, so that clicks per object would be one click."""
    labels, _ = ndimage.label(mask)
    return bool(2 * np.bincount(labels[mask]).max() > np.count_nonzero(mask))


def _draw(mask: NDArray[np.bool_], count: int, seed: int) -> NDArray[np.int64]:
    inside = np.argwhere(mask)
    drawn: NDArray[np.int64] = inside[np.random.default_rng(seed).choice(len(inside), size=count, replace=False)]
    return drawn


def scores(similarity: SimilarityMap, truth: Truth) -> dict[str, float]:
    """Dice and IoU at thresholds 0.5, automatic, and the best there is."""
    everywhere = similarity_at(similarity, Region.of_shape(similarity.grid.voxels))[0]
    values, real = everywhere[truth.measured], truth.voxels[truth.measured]
    best, at = best_dice(values, real)
    labelled = real.any(axis=(1, 2))
    automatic = float(auto_thresholds(similarity)[0])
    fixed, auto = dice(values >= 0.5, real), dice(values >= automatic, real)
    return {
        "dice_fixed": fixed, "dice_auto": auto, "iou_auto": auto / (2 - auto), "dice_best": best,
        "iou_best": best / (2 - best), "dice_labelled": best_dice(values[labelled], real[labelled])[0],
        "threshold_auto": automatic, "threshold_best": at,
    }  # fmt: skip


def best_scores(store: FeatureStore, values: NDArray[np.float64], truth: Truth) -> dict[str, float]:
    """Dice and IoU at the best threshold on any value per patch (z, gy, gx); larger is more alike."""
    # From 0 to 1, which is where `best_dice` looks for thresholds: the masks they give stay the same.
    unit = ((values - values.min()) / np.ptp(values)).astype(np.float32)
    similarity = SimilarityMap(("object",), unit[np.newaxis], store.grid, np.ones(1, np.float32))
    found = scores(similarity, truth)
    return {key: found[key] for key in ("dice_best", "iou_best", "dice_labelled")}


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Overlap of two masks."""
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


def probe_map(store: FeatureStore, prompts: list[PointPrompt]) -> NDArray[np.float64]:
    """Log-odds of a logistic regression on examples and counter-examples for every patch, shape (z, gy, gx).

    Features are standardised by all patches of the section that the examples are on.
    """
    reference = build_reference(store, prompts, ReferenceSettings())
    section = round(prompts[0].position[0])
    _, rows, columns = store.grid.shape
    here = store.read(Region((section, 0, 0), (section + 1, rows, columns))).reshape(-1, store.channels)
    mean, std = here.mean(axis=0, dtype=np.float64), here.std(axis=0, dtype=np.float64) + 1e-6
    positive = reference.positive
    # Both classes weigh alike, as with class_weight="balanced" of scikit-learn.
    shares = PROBE_C * len(positive) / 2 / np.where(positive, positive.sum(), (~positive).sum())
    plane = logistic_regression((reference.vectors - mean) / std, np.where(positive, 1.0, -1.0), shares)
    weights, bias = plane[:-1], plane[-1]
    return np.asarray((store.read(store.grid.extent) - mean) / std @ weights + bias)


def cosine_map(store: FeatureStore, prompts: list[PointPrompt]) -> NDArray[np.float64]:
    """Cosine of every patch to the mean vector of the examples, shape (z, gy, gx)."""
    prototype = build_reference(store, prompts, ReferenceSettings()).vectors.mean(axis=0, dtype=np.float64)
    patches = store.read(store.grid.extent).astype(np.float64)
    lengths = np.linalg.norm(patches, axis=-1) * np.linalg.norm(prototype)
    return np.asarray(patches @ prototype / np.maximum(lengths, 1e-12))
