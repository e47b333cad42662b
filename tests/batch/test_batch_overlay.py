from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as Picture

from dinoscope.batch import Recipe, Stages, Work, find
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.settings import ImageSettings, ReferenceSettings, SegmentationSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("axes", ["yx", "zyx", "yxs", "zyxs"])
def test_an_overlay_shows_the_first_section_in_grey(tmp_path: Path, axes: str) -> None:
    shape = tuple({"z": 3, "y": 120, "x": 160, "s": 3}[name] for name in axes)
    pixels = np.full(shape, 20, np.uint8)
    square = {"z": slice(0, 1), "y": slice(32, 64), "x": slice(96, 128), "s": slice(None)}
    pixels[tuple(square[name] for name in axes)] = 220
    work = Work.open(
        open_image(pixels, ImageSettings(axes=axes)),
        FakeEncoder(),
        Stages(reference=ReferenceSettings(crop=100)),
        tmp_path / "features.zarr",
    )
    reference = work.look_up([PointPrompt((0, 48.0, 112.0), "square")], lambda told: None)
    recipe = Recipe(reference=reference, segmentation=SegmentationSettings(threshold=0.6), results=("overlay",))
    found = find(work, recipe, tmp_path, lambda told: None)
    with Picture.open(found.writers["overlay"](tmp_path / "o.png")) as picture:
        seen = np.asarray(picture).astype(int)[: 120 * 900 // 160]
    ys, xs = np.nonzero(np.ptp(seen, axis=-1) > 40)
    zoom = 900 / 160
    edges = np.array([ys.min(), ys.max(), xs.min(), xs.max()]) / zoom
    assert edges == pytest.approx((32, 64, 96, 128), abs=4)
