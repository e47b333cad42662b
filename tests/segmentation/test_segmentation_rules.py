from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from skimage.filters import apply_hysteresis_threshold

from dinoscope.errors import SettingsError
from dinoscope.features import ImageFacts
from dinoscope.segmentation import ObjectRules, object_rules, segment
from dinoscope.settings import SegmentationSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.tiling import PatchGrid
from tests.segmentation.objects import balls, objects_of

if TYPE_CHECKING:
    from dinoscope.geometry import LengthUnit


def facts(
    size: tuple[float, float, float], axis_names: str = "zyx", unit_z: LengthUnit = "nm", sections: int = 4
) -> ImageFacts:
    return ImageFacts("i", "array:i", axis_names, (sections, 40, 40), size, (unit_z, "nm", "nm"), "digest")


@pytest.mark.parametrize(
    ("image", "link", "flat", "linked"),
    [
        (facts((50, 4.6, 4.6)), "auto", True, True),
        (facts((10, 10, 10)), "auto", False, False),
        (facts((1, 4.6, 4.6), unit_z="pixel"), "auto", True, True),
        (facts((50, 4.6, 4.6)), "touch", False, False),
        (facts((10, 10, 10)), "overlap", True, True),
        (facts((10, 10, 10)), "none", True, False),
        (facts((1, 4.6, 4.6), "yx", "pixel", 1), "overlap", True, False),
    ],
)
def test_thick_sections_are_linked_by_overlap(image: ImageFacts, link: str, flat: bool, linked: bool) -> None:
    rules = object_rules(image, SegmentationSettings.model_validate({"link": link}))
    assert (rules.flat, rules.linked) == (flat, linked)


def test_sizes_are_those_of_discs_within_sections_and_of_balls_through_them() -> None:
    image = facts((50, 5, 4))
    settings = SegmentationSettings(min_diameter=40, max_diameter=400, max_hole=20, link="overlap")
    rules = object_rules(image, settings)
    assert rules.min_voxels == pytest.approx(math.pi / 6 * 40**3 / 1000)
    assert rules.max_voxels == pytest.approx(math.pi / 6 * 400**3 / 1000)
    assert rules.min_part == pytest.approx(math.pi / 4 * 40**2 / 20)
    assert rules.hole_voxels == pytest.approx(math.pi / 4 * 20**2 / 20)
    settings.link = "none"
    assert object_rules(image, settings).min_voxels == pytest.approx(math.pi / 4 * 40**2 / 20)
    assert rules.spacing == (12.5, 1.25, 1.0)


def test_sections_of_unknown_distance_limit_sizes_within_sections_only() -> None:
    image = facts((1, 5, 5), unit_z="pixel")
    with pytest.raises(SettingsError, match="max_diameter"):
        object_rules(image, SegmentationSettings(max_diameter=100))
    assert object_rules(image, SegmentationSettings(max_diameter=100, link="none")).max_voxels > 0
    assert object_rules(image, SegmentationSettings()).spacing == (1, 1, 1)


def test_limits_that_leave_nothing_are_refused() -> None:
    with pytest.raises(SettingsError, match="from 50 up to 40"):
        object_rules(facts((5, 5, 5)), SegmentationSettings(min_diameter=50, max_diameter=40))


def test_objects_within_the_limits_are_kept() -> None:
    mask = np.zeros((1, 60, 150), np.uint8)
    for x, radius in [(20, 5), (60, 10), (115, 25)]:
        mask |= balls(mask.shape, [(0, 30, x)], radius)
    rules = ObjectRules(flat=True, min_voxels=math.pi * 7**2, max_voxels=math.pi * 15**2)
    found, labels = objects_of(mask, rules, (1, 33, 30))
    assert found.count == 1
    assert labels[0, 30, 60] == 1
    assert not labels[0, 30, [20, 115]].any()


@pytest.mark.parametrize("block", [(1, 60, 60), (1, 13, 17)])
@pytest.mark.parametrize(("largest", "filled"), [(0, [0, 0]), (40, [1, 0]), (200, [1, 1])])
def test_holes_up_to_a_size_are_filled(block: tuple[int, int, int], largest: float, filled: list[int]) -> None:
    mask = balls((1, 60, 60), [(0, 30, 30)], 25)
    mask -= balls(mask.shape, [(0, 30, 20)], 3) + balls(mask.shape, [(0, 30, 38)], 7)
    found, labels = objects_of(mask, ObjectRules(flat=True, hole_voxels=largest), block)
    assert found.count == 1
    assert labels[0, 30, [20, 38]].tolist() == filled
    assert found.voxels[1] == (labels == 1).sum()
    assert not labels[0, 0, 0]


def test_a_gap_between_two_objects_is_no_hole() -> None:
    mask = np.ones((1, 9, 9), np.uint8)
    mask[0, 4, 4], mask[0, :, 5:] = 0, 2
    labels = objects_of(mask, ObjectRules(flat=True, hole_voxels=5))[1]
    assert labels[0, 4, 4] == 0


@pytest.mark.parametrize("block", [(2, 40, 40), (1, 7, 11)])
def test_uncertain_objects_are_dropped_as_by_hysteresis(block: tuple[int, int, int]) -> None:
    values = np.random.default_rng(3).random((2, 40, 40))
    labels = np.where(values < 0.55, 0, np.where(values < 0.95, -1, 1)).astype(np.int16)
    found = objects_of(labels, ObjectRules(), block)[1]
    np.testing.assert_array_equal(found > 0, apply_hysteresis_threshold(values, 0.55, 0.95))


@pytest.mark.parametrize(("certainty", "kept"), [(0.0, 2), (0.4, 2), (0.6, 1), (1.0, 0)])
def test_certainty_counts_from_the_threshold_to_the_examples(certainty: float, kept: int) -> None:
    grid = PatchGrid((1, 40, 40), 1)
    values = np.zeros((1, 1, 40, 40), np.float32)
    values[0, 0, 5:15, 5:15] = 0.5  # nowhere farther than half of the way from 0.4 to 0.6
    values[0, 0, 25:35, 25:35] = 0.45
    values[0, 0, 30, 30] = 0.58
    found = segment(
        SimilarityMap(("a",), values, grid, np.array([0.6], np.float32)),
        facts((1, 5, 5), "yx", "pixel", 1),
        SegmentationSettings(threshold=0.4, certainty=certainty, refine="none"),
    )
    assert len(found.object_classes) == kept
    if kept == 1:
        assert found.mask[30, 30] == 1
        assert found.mask[30, 26] == 1
