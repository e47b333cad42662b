"""Boxes around real mitochondria, against clicks into the middle of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage

from dinoscope.encoders import create_encoder
from dinoscope.evaluate import best_dice, draw_clicks
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.prompts import BoxPrompt, PointPrompt, as_mask
from dinoscope.reference import build_reference, object_in_box
from dinoscope.segmentation import similarity_at
from dinoscope.settings import IntensitySettings, ReferenceSettings, SimilaritySettings, TilingSettings
from dinoscope.similarity import compare

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.prompts import MaskPrompt, Prompt

pytestmark = [pytest.mark.data, pytest.mark.slow]

SEEDS = range(3)
CLICKS = 5


@pytest.fixture(scope="module")
def section(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[FeatureStore, NDArray[np.bool_]]:
    image = open_image(data_dir / "vnc" / "raw" / "00.tif")
    truth = open_image(data_dir / "vnc" / "mitochondria" / "00.png")
    encoder = create_encoder("nano", "cpu")
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings())
    store = FeatureStore.create(tmp_path_factory.mktemp("vnc") / "s.zarr", manifest)
    extract_features(image, encoder, store)
    return store, truth.read(truth.extent) > 0


def boxes_around(truth: NDArray[np.bool_], clicks: list[tuple[float, float]]) -> list[BoxPrompt]:
    labels, _ = ndimage.label(truth)
    found = ndimage.find_objects(labels)
    sides = [found[labels[round(y), round(x)] - 1] for y, x in clicks]
    return [BoxPrompt(0, (y.start, x.start), (y.stop - 1, x.stop - 1)) for y, x in sides]


def dice(found: MaskPrompt, truth: NDArray[np.bool_]) -> float:
    (y, x), (height, width) = found.origin, found.mask.shape
    whole = np.zeros_like(truth)
    whole[y : y + height, x : x + width] = found.mask
    return float(2 * (whole & truth).sum() / (whole.sum() + truth.sum()))


def test_what_is_found_in_a_box_is_nearer_to_the_object_than_the_box(
    section: tuple[FeatureStore, NDArray[np.bool_]],
) -> None:
    store, truth = section
    labels, _ = ndimage.label(truth)
    found, whole = [], []
    for seed in SEEDS:
        clicks = [(float(y), float(x)) for y, x in draw_clicks(truth, CLICKS, seed)]
        for (y, x), box in zip(clicks, boxes_around(truth, clicks), strict=True):
            real = labels == labels[round(y), round(x)]
            found.append(dice(object_in_box(store, box), real))
            whole.append(dice(as_mask(box), real))
    assert np.mean(found) > np.mean(whole) + 0.02, (found, whole)


@pytest.mark.parametrize("method", ["dinosim", "probe"])
def test_boxes_find_as_much_as_clicks(section: tuple[FeatureStore, NDArray[np.bool_]], method: str) -> None:
    store, truth = section
    settings = SimilaritySettings.model_validate({"method": method})
    scores: dict[str, list[float]] = {"clicks": [], "boxes": []}
    for seed in SEEDS:
        clicks = [(float(y), float(x)) for y, x in draw_clicks(truth, CLICKS, seed)]
        kinds: dict[str, list[Prompt]] = {
            "clicks": [PointPrompt((0.0, y, x)) for y, x in clicks],
            "boxes": [*boxes_around(truth, clicks)],
        }
        for kind, prompts in kinds.items():
            similarity = compare(store, build_reference(store, prompts, ReferenceSettings()), settings)
            values = similarity_at(similarity, Region.of_shape(similarity.grid.voxels))[0]
            scores[kind].append(best_dice(values[0], truth)[0])
    assert np.mean(scores["boxes"]) > np.mean(scores["clicks"]) - 0.015, scores
