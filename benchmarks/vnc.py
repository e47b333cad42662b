"""Mitochondria of VNC sections 00-05 from 5 clicks on section 00: what an encoder is worth with DINOSim.

``python -m benchmarks.vnc [ENCODER ...]``; an encoder is a name, a path, or ``random-dinov2-small``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._data import data_folder, save
from dinoscope.encoders import create_encoder, random_dinov2
from dinoscope.evaluate import best_dice, draw_clicks
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference
from dinoscope.segmentation import auto_thresholds, similarity_at
from dinoscope.settings import ImageSettings, IntensitySettings, ReferenceSettings, SimilaritySettings, TilingSettings
from dinoscope.similarity import compare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder

SEEDS = range(5)
CLICKS = 5
SECTIONS = ImageSettings(sections="0:6", image_pixel_size=4.6)


def main() -> None:
    """Measure every encoder that is asked for."""
    names = sys.argv[1:] or ["nano", "random-dinov2-small"]
    truth = sections("mitochondria") > 0
    share = float(truth.mean())
    everything = {"dice": 2 * share / (1 + share), "iou": share}
    save("vnc", {"everything": everything, **{name: measure(name, truth) for name in names}})


def sections(name: str) -> NDArray[Any]:
    """The voxels of sections 00 to 05."""
    image = open_image(data_folder() / "vnc" / name, SECTIONS)
    return image.read(image.extent)


def measure(name: str, truth: NDArray[np.bool_]) -> dict[str, Any]:
    """Mean and spread over the seeds of the clicks."""
    encoder = random_dinov2("small") if name == "random-dinov2-small" else create_encoder(name, "cpu")
    with tempfile.TemporaryDirectory() as scratch:
        store = features(data_folder() / "vnc" / "raw", encoder, Path(scratch))
        runs = [one_seed(store, truth, seed) for seed in SEEDS]
    keys = runs[0].keys()
    result = {key: {"mean": float(np.mean([r[key] for r in runs])), "std": float(np.std([r[key] for r in runs]))}
              for key in keys}  # fmt: skip
    told = ", ".join(f"{key} {value['mean']:.3f} ± {value['std']:.3f}" for key, value in result.items())
    print(f"{name}: {told}", flush=True)
    return result


def features(images: Path, encoder: Encoder, folder: Path) -> FeatureStore:
    """All features of the sections."""
    image = open_image(images, SECTIONS)
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings())
    store = FeatureStore.create(folder / "features.zarr", manifest)
    extract_features(image, encoder, store)
    return store


def one_seed(store: FeatureStore, truth: NDArray[np.bool_], seed: int) -> dict[str, float]:
    """Dice and IoU at thresholds 0.5, automatic, and the best there is."""
    clicks = draw_clicks(truth[0], CLICKS, seed)
    prompts = [PointPrompt((0.0, float(y), float(x))) for y, x in clicks]
    similarity = compare(store, build_reference(store, prompts, ReferenceSettings()), SimilaritySettings())
    values = similarity_at(similarity, Region.of_shape(store.grid.voxels))[0]
    best, at = best_dice(values, truth)
    automatic = float(auto_thresholds(similarity)[0])
    fixed, auto = dice(values >= 0.5, truth), dice(values >= automatic, truth)
    return {
        "dice_fixed": fixed, "dice_auto": auto, "iou_auto": auto / (2 - auto), "dice_best": best,
        "iou_best": best / (2 - best), "threshold_auto": automatic, "threshold_best": at,
    }  # fmt: skip


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Overlap of two masks."""
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


if __name__ == "__main__":
    main()
