"""One object is one object, however many blocks it crosses on its way to the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from scipy import ndimage

from dinoscope.batch import Recipe, Stages, Work, find
from dinoscope.image import open_image
from dinoscope.measure import measure_objects
from dinoscope.prompts import PointPrompt
from dinoscope.settings import ImageSettings, ReferenceSettings, SegmentationSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE = 96
"""Side of what is segmented, split and written at once."""


def snake(rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.bool_]:
    """A band 28 voxels wide that winds through a section from left to right."""
    away = rows - 200 - 130 * np.sin(columns / 40.0)
    slope = 130 / 40.0 * np.cos(columns / 40.0)
    inside: NDArray[np.bool_] = np.abs(away) / np.hypot(1, slope) < 14
    return inside & (columns > 20) & (columns < 560)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dinoscope.segmentation._segment.BLOCK", (1, SIDE, SIDE))
    monkeypatch.setattr("dinoscope.segmentation._rules._FLAT_TILE", (1, SIDE, SIDE))
    monkeypatch.setattr("dinoscope.segmentation._rules._SOLID_TILE", (2, SIDE, SIDE))
    monkeypatch.setattr("dinoscope.outputs._sink.CHUNK", SIDE)
    monkeypatch.setattr("dinoscope.outputs._scratch._IN_MEMORY", 0)
    monkeypatch.setattr("dinoscope.measure._pieces.SIDE", SIDE)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("sections", [0, 5])
def test_an_object_that_crosses_many_blocks_of_the_result_has_one_id(tmp_path: Path, sections: int) -> None:
    plane = snake(*np.indices((400, 580)))
    plane[4:36, 300:340] = True  # and one that lies within its blocks
    truth = np.broadcast_to(plane, (sections, *plane.shape)) if sections else plane
    image = open_image(np.where(truth, 0.9, 0.1).astype(np.float32), ImageSettings(image_pixel_size=1.0))
    if sections:
        image = image.with_section_distance(1.0)
    work = Work.open(image, FakeEncoder(), Stages(reference=ReferenceSettings(crop=200)), tmp_path / "features.zarr")
    reference = work.look_up([PointPrompt((0, 20.0, 320.0), "bright")], lambda told: None)
    settings = SegmentationSettings(threshold=0.5, split=0.3)
    found = find(
        work, Recipe(reference=reference, segmentation=settings, results=("instances",)), tmp_path, lambda told: None
    )
    found.writers["instances"](tmp_path / "instances.zarr")
    written = zarr.open_array(tmp_path / "instances.zarr" / "0", mode="r")
    ids = np.asarray(written[:])
    assert written.chunks[-2:] == (SIDE, SIDE)
    core = ndimage.binary_erosion(plane, iterations=8)
    core[:40] = False
    along = ids[..., core]
    assert len(np.unique(along)) == 1
    assert along.min() > 0
    touched = {tuple(chunk) for chunk in (np.argwhere(ids == along.flat[0])[:, -2:] // SIDE).tolist()}
    assert len(touched) >= 20
    assert sorted(np.unique(ids)) == [0, 1, 2]
    table = measure_objects(open_image(tmp_path / "instances.zarr"))
    size = table["volume_voxels" if sections else "area_px"]
    np.testing.assert_array_equal(size, np.bincount(ids.ravel())[1:])
