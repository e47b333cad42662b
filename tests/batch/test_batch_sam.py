"""SAM 2 for many images: made once, and missed before any work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from dinoscope.batch import Recipe, apply
from dinoscope.errors import SegmenterNotFoundError
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference
from dinoscope.settings import IntensitySettings, ReferenceSettings, SegmentationSettings, TilingSettings
from dinoscope.testing import FakeEncoder
from tests.segmentation.segmenters import Draws, bright

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.jobs import Progress


def inside(seed: int) -> NDArray[np.bool_]:
    mask = np.zeros((160, 200), bool)
    mask[32:64, 32:64] = mask[96:128, 120 + seed : 152 + seed] = True
    return mask


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"section{seed}.tif" for seed in range(2)]
    for seed, path in enumerate(paths):
        noise = np.random.default_rng(seed).random((160, 200), dtype=np.float32)
        tifffile.imwrite(path, 0.2 * noise + 0.7 * inside(seed).astype(np.float32))
    return paths


@pytest.fixture
def recipe(tmp_path: Path, images: list[Path]) -> Recipe:
    image, encoder = open_image(images[0]), FakeEncoder()
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings())
    store = FeatureStore.create(tmp_path / "by hand.zarr", manifest)
    extract_features(image, encoder, store)
    return Recipe(
        reference=build_reference(store, [PointPrompt((0, 48.0, 48.0))], ReferenceSettings()),
        segmentation=SegmentationSettings(threshold=0.6, refine="sam2", sam2_weights="none"),
        results=("mask",),
        labels_as="tif",
        store_folder=tmp_path / "stores",
    )


def fake(name: str, device: str) -> FakeEncoder:
    return FakeEncoder()


def test_one_segmenter_draws_in_all_images(
    tmp_path: Path, images: list[Path], recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def create(*wanted: Any) -> Draws:
        asked.append(wanted)
        return Draws(bright)

    monkeypatch.setattr("dinoscope.segmentation._sam_weights.create_segmenter", create)
    steps: list[Progress] = []
    rows = list(apply(recipe, images, tmp_path / "out", progress=steps.append, make_encoder=fake))
    assert asked == [("none", "auto")]
    assert {"parts", "sam2"} <= {step.stage for step in steps}
    for seed, row in enumerate(rows):
        np.testing.assert_array_equal(tifffile.imread(row.paths["mask"]) > 0, inside(seed))


def test_missing_weights_end_it_before_any_image(tmp_path: Path, images: list[Path], recipe: Recipe) -> None:
    with pytest.raises(SegmenterNotFoundError, match="no SAM 2 weights 'none'"):
        next(apply(recipe, images, tmp_path / "out", make_encoder=fake))
    assert not (tmp_path / "stores").exists()


def test_where_no_objects_are_wanted_no_weights_are(tmp_path: Path, images: list[Path], recipe: Recipe) -> None:
    points_only = replace(recipe, results=("detections",))
    rows = list(apply(points_only, images, tmp_path / "out", make_encoder=fake))
    assert [row.status for row in rows] == ["done", "done"]
