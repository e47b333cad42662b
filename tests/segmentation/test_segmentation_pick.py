from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from skimage.draw import disk
from skimage.measure import points_in_poly

from dinoscope.features import ImageFacts
from dinoscope.prompts import PolygonPrompt, check_prompts
from dinoscope.segmentation import Segmentation, outline_at, segment
from dinoscope.settings import SegmentationSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray


def found_in(*planted: NDArray[np.bool_], stacked: bool = False) -> Segmentation:
    """Objects of planted masks (z, y, x), one class for each: patches of one voxel keep them as they are."""
    voxels = (planted[0].shape[0], planted[0].shape[1], planted[0].shape[2])
    values = np.stack(planted).astype(np.float32)
    similarity = SimilarityMap(
        ("a", "b")[: len(planted)], values, PatchGrid(voxels, 1), np.ones(len(planted), np.float32)
    )
    facts = ImageFacts("i", "array:i", "zyx" if stacked else "yx", voxels, (5.0,) * 3, ("nm",) * 3, "digest")
    return segment(similarity, facts, SegmentationSettings(threshold=0.5))


def covered(outline: PolygonPrompt | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Voxels whose centres lie inside of an outline, shape (y, x)."""
    assert outline is not None
    centres = np.indices(shape).reshape(2, -1).T
    inside: NDArray[np.bool_] = points_in_poly(centres, np.asarray(outline.vertices)).reshape(shape)
    return inside


def blob(shape: tuple[int, int], *centres: tuple[float, float], radius: float = 9.0) -> NDArray[np.bool_]:
    mask = np.zeros((1, *shape), bool)
    for centre in centres:
        mask[0][disk(centre, radius, shape=shape)] = True
    return mask


def test_the_outline_of_an_object_covers_it_and_no_other() -> None:
    planted = blob((60, 80), (20.3, 25.0), (40.0, 60.0))
    outline = outline_at(found_in(planted), (0, 20.0, 25.0), True)
    alone = blob((60, 80), (20.3, 25.0))[0]
    assert (covered(outline, alone.shape) != alone).sum() <= 0.05 * alone.sum()


@pytest.mark.parametrize("positive", [True, False])
def test_the_outline_has_the_class_and_the_asked_sign(positive: bool) -> None:
    first, second = blob((60, 80), (20.0, 25.0)), blob((60, 80), (40.0, 60.0))
    outline = outline_at(found_in(first, second), (0, 40.0, 60.0), positive)
    assert outline is not None
    assert (outline.class_name, outline.positive, outline.section) == ("b", positive, 0)


def test_an_object_that_leaves_the_first_window_is_followed() -> None:
    planted = np.zeros((1, 40, 700), bool)
    planted[0, 10:20, 5:690] = True
    found = covered(outline_at(found_in(planted), (0, 15.0, 40.0), True), (40, 700))
    np.testing.assert_array_equal(found[11:19, 6:689], True)
    assert found.sum() <= planted.sum()


@pytest.mark.parametrize("corner", [(0, 0), (0, 40), (40, 0), (40, 40)])
def test_an_object_in_a_corner_of_the_image_is_covered_within_the_image(corner: tuple[int, int]) -> None:
    planted = np.zeros((1, 50, 50), bool)
    planted[0, corner[0] : corner[0] + 10, corner[1] : corner[1] + 10] = True
    outline = outline_at(found_in(planted), (0, corner[0] + 5.0, corner[1] + 5.0), True)
    assert outline is not None
    check_prompts([outline], (1, 50, 50))
    assert (covered(outline, (50, 50)) != planted[0]).sum() <= 4  # the corners are cut


@pytest.mark.parametrize("box", [(20, 21, 20, 21), (20, 21, 5, 40), (5, 40, 20, 21), (49, 50, 49, 50), (0, 1, 0, 30)])
def test_the_thinnest_object_still_has_an_outline_with_an_inside(box: tuple[int, int, int, int]) -> None:
    planted = np.zeros((1, 50, 50), bool)
    planted[0, box[0] : box[1], box[2] : box[3]] = True
    outline = outline_at(found_in(planted), (0, float(box[0]), float(box[2])), True)
    assert outline is not None
    assert len(outline.vertices) >= 3
    check_prompts([outline], (1, 50, 50))
    found = covered(outline, (50, 50))
    assert found.any()
    assert not (found & ~planted[0]).any()


def test_a_large_ragged_hole_is_not_taken_for_the_object() -> None:
    planted = np.zeros((1, 60, 60), bool)
    planted[0, 5:55, 5:55] = True
    planted[0, 10:50:4, 8:52] = False  # combs, whose rim is longer than the outer one
    planted[0, 10:50, 29:31] = False
    found = covered(outline_at(found_in(planted), (0, 6.0, 6.0), True), (60, 60))
    assert found[6:54, 6:54].all()


def test_of_an_object_in_two_parts_the_one_under_the_finger_is_outlined() -> None:
    planted = np.zeros((2, 40, 60), bool)
    planted[0, 5:35, 5:30] = True
    planted[0, 15:20, 45:50] = True
    planted[1, 15:20, 5:50] = True  # joins both parts in the next section
    outline = outline_at(found_in(planted, stacked=True), (0, 17.0, 47.0), True)
    found = covered(outline, (40, 60))
    assert found[17, 47]
    assert not found[:, :40].any()


def test_an_outline_lies_in_the_section_of_the_finger() -> None:
    planted = np.zeros((3, 40, 40), bool)
    planted[0, 5:15, 5:15] = planted[1, 5:25, 5:25] = True
    outline = outline_at(found_in(planted, stacked=True), (1.2, 10.0, 10.0), True)
    assert outline is not None
    assert outline.section == 1
    found = covered(outline, (40, 40))
    assert (found != planted[1]).sum() <= 4


@pytest.mark.parametrize(
    "position", [(0, 5.0, 5.0), (0, -1.0, 20.0), (0, 20.0, 80.0), (1, 20.0, 25.0), (-1, 20.0, 25.0), (0, 1e6, 0.0)]
)
def test_beside_the_objects_and_beside_the_image_there_is_no_outline(position: tuple[float, float, float]) -> None:
    assert outline_at(found_in(blob((60, 80), (20.0, 25.0))), position, True) is None
