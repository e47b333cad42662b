from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.distance import cdist

from dinoscope.geometry import Region
from dinoscope.segmentation import ObjectRules, find_objects
from dinoscope.segmentation._pieces import Facts
from dinoscope.segmentation._splitting import climb, find_depths
from dinoscope.tiling import blocks
from tests.segmentation.objects import balls, blobs, objects_of

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.jobs import Progress

FLAT = ObjectRules(flat=True, split=0.7, reach=40)
SOLID = ObjectRules(split=0.7, reach=20)


def test_two_touching_discs_are_two_of_the_right_area() -> None:
    mask = balls((1, 80, 140), [(0, 40, 40), (0, 40, 94)], 30)
    whole, _ = objects_of(mask, ObjectRules(flat=True))
    found, labels = objects_of(mask, FLAT)
    assert (whole.count, found.count) == (1, 2)
    # Less the half of what both discs share: a lens of two equal circles 54 apart.
    half = 27.0
    cap = 30**2 * math.acos(half / 30) - half * math.sqrt(30**2 - half**2)
    np.testing.assert_allclose(found.voxels[1:], math.pi * 30**2 - cap, rtol=0.02)
    assert labels[0, 40, 40] != labels[0, 40, 94]
    np.testing.assert_array_equal(labels > 0, mask > 0)


@pytest.mark.parametrize(("apart", "count"), [(20, 1), (36, 1), (48, 2), (58, 2)])
def test_how_wide_a_neck_joins_is_the_setting(apart: int, count: int) -> None:
    """Two discs of radius 30: the neck is 2 sqrt(30^2 - (apart / 2)^2) wide, 0.7 of 60 at an `apart` of 42.8."""
    mask = balls((1, 80, 140), [(0, 40, 40), (0, 40, 40 + apart)], 30)
    assert objects_of(mask, FLAT)[0].count == count


def test_touching_balls_of_flat_voxels_are_two() -> None:
    spacing = (5.0, 1.0, 1.0)
    beside = balls((11, 60, 110), [(5, 30, 30), (5, 30, 76)], 25, spacing)
    above = balls((21, 60, 60), [(5, 30, 30), (14.2, 30, 30)], 25, spacing)
    for mask in (beside, above):
        found, labels = objects_of(mask, ObjectRules(split=0.7, reach=40, spacing=spacing))
        assert found.count == 2
        half = 23.0
        cap = math.pi * (25 - half) ** 2 * (2 * 25 + half) / 3
        np.testing.assert_allclose(found.voxels[1:], (4 / 3 * math.pi * 25**3 - cap) / 5, rtol=0.05)
        np.testing.assert_array_equal(labels > 0, mask > 0)


def test_a_ball_of_flat_voxels_stays_one() -> None:
    spacing = (5.0, 1.0, 1.0)
    assert (
        objects_of(balls((11, 60, 60), [(5, 30, 30)], 25, spacing), ObjectRules(split=0.9, spacing=spacing))[0].count
        == 1
    )


def test_a_bar_stays_one_and_so_does_a_ring() -> None:
    bar = np.zeros((1, 60, 200), np.uint8)
    bar[0, 25:35, 5:195] = 1
    ring = balls((1, 100, 100), [(0, 50, 50)], 40) - balls((1, 100, 100), [(0, 50, 50)], 25)
    assert objects_of(bar, FLAT)[0].count == objects_of(ring, FLAT)[0].count == 1


def test_a_part_below_the_smallest_size_is_not_split_off() -> None:
    mask = balls((1, 80, 140), [(0, 40, 40)], 30) | balls((1, 80, 140), [(0, 40, 78)], 8)
    assert objects_of(mask, FLAT)[0].count == 2
    rules = ObjectRules(flat=True, split=0.7, reach=40, min_part=300, min_voxels=300)
    found, labels = objects_of(mask, rules)
    assert found.count == 1
    np.testing.assert_array_equal(labels, mask)


def test_classes_that_touch_do_not_thicken_one_another() -> None:
    """Two touching discs of a class that lie in another class are split as on their own."""
    discs = balls((1, 80, 140), [(0, 40, 40), (0, 40, 94)], 30)
    found, labels = objects_of(np.where(discs > 0, 2, 1).astype(np.uint8), FLAT)
    alone = objects_of(discs, FLAT)[1]
    assert sorted(found.class_of[np.unique(labels[discs > 0])]) == [2, 2]
    pairs = np.unique(np.stack([labels[discs > 0], alone[discs > 0]]), axis=1)
    assert pairs.shape == (2, 2)


@given(
    st.integers(0, 1000),
    st.booleans(),
    st.sampled_from([0.0, 0.5, 0.7, 0.9]),
    st.sampled_from([(1.0, 1.0, 1.0), (3.3, 1.0, 1.1)]),
    st.tuples(st.integers(1, 3), st.integers(7, 40), st.integers(7, 40)),
)
def test_ids_do_not_depend_on_the_blocks(
    seed: int, flat: bool, split: float, spacing: tuple[float, float, float], block: tuple[int, int, int]
) -> None:
    """Blobs smaller than the reach, larger ones, and all the ways in which objects are found."""
    mask = blobs(seed, (3, 34, 38), (1, 3, 3))
    rules = ObjectRules(
        flat=flat, linked=flat, bridge=1, split=split, spacing=spacing, reach=4 + seed % 9, hole_voxels=seed % 30
    )
    whole, expected = objects_of(mask, rules)
    found, labels = objects_of(mask, rules, block)
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(found.class_of, whole.class_of)
    np.testing.assert_array_equal(
        found.voxels, np.bincount(labels.ravel(), minlength=found.count + 1) * (found.voxels > 0)
    )


def test_what_is_larger_than_the_reach_is_not_cut_along_a_seam() -> None:
    mask = balls((1, 200, 200), [(0, 100, 100)], 95)
    rules = ObjectRules(flat=True, split=0.9, reach=10)
    assert objects_of(mask, rules, (1, 64, 48))[0].count == 1


@given(st.integers(0, 1000), st.floats(0.3, 0.95))
def test_every_part_hangs_together_and_no_voxel_is_lost(seed: int, split: float) -> None:
    mask = blobs(seed, (5, 30, 30), (1, 2, 2))
    found, labels = objects_of(mask, ObjectRules(split=split, reach=12), (2, 11, 13))
    np.testing.assert_array_equal(found.class_of[labels], mask)
    for number in range(1, found.count + 1):
        assert ndimage.label(labels == number, np.ones((3, 3, 3)))[1] == 1


def test_depth_is_the_distance_to_where_the_class_ends() -> None:
    classes = np.zeros((1, 9, 30), np.uint8)
    classes[0, :, 5:15], classes[0, :, 15:25] = 1, 2
    depths = find_depths(classes, (1.0, 1.0, 2.0), 5.0)
    x = np.arange(10)
    np.testing.assert_allclose(depths[0, 4, 5:15], np.minimum(2 * np.minimum(x + 1, 10 - x) - 0.5, 5))
    np.testing.assert_allclose(depths[0, 4, 15:25], depths[0, 4, 5:15])
    assert not depths[classes == 0].any()
    np.testing.assert_array_equal(find_depths(np.ones((1, 2, 2), np.uint8), (1.0, 1.0, 1.0), 7.0), 7)


@pytest.mark.parametrize("cost", [0, 10**9])
@given(seed=st.integers(0, 1000), spacing=st.sampled_from([(1.0, 1.0, 1.0), (2.5, 1.0, 1.2)]))
def test_depths_are_those_of_all_pairs_of_voxels(cost: int, seed: int, spacing: tuple[float, float, float]) -> None:
    """Part by part, and as a whole where beginning anew costs too much."""
    classes = blobs(seed, (4, 17, 19), (1, 2, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dinoscope.segmentation._splitting._BOX_COST", cost)
        depths = find_depths(classes, spacing, 4.0)
    places = np.argwhere(classes >= 0) * np.array(spacing)
    apart = cdist(places, places)
    kinds = classes.ravel()
    nearest = np.where(kinds[:, np.newaxis] != kinds, apart, np.inf).min(axis=1)
    expected = np.where(kinds > 0, np.minimum(nearest - 0.5, 4.0), 0.0)
    np.testing.assert_allclose(depths.ravel(), expected, atol=1e-6)


@given(st.integers(0, 1000))
def test_passes_are_taken_a_few_at_a_time_with_the_same_result(seed: int) -> None:
    mask = blobs(seed, (1, 60, 60), (0, 2, 2))
    rules = ObjectRules(flat=True, split=0.8, reach=12)
    _, expected = objects_of(mask, rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dinoscope.segmentation._merging._AT_ONCE", 3)
        np.testing.assert_array_equal(objects_of(mask, rules)[1], expected)


@given(st.integers(0, 1000))
def test_steps_climb_and_end(seed: int) -> None:
    rng = np.random.default_rng(seed)
    depths = rng.integers(0, 4, (3, 5, 6)).astype(np.float32)  # full of plateaus
    objects = rng.integers(0, 3, depths.shape)
    ahead = climb(depths, objects, (2.0, 1.0, 1.0)).ravel()
    flat, ids = depths.ravel(), objects.ravel()
    own = np.arange(flat.size)
    moved = ahead != own
    assert (flat[ahead] >= flat).all()
    assert (ids[ahead] == ids).all()
    assert not moved[ids == 0].any()
    level = moved & (flat[ahead] == flat)
    assert (ahead[level] > own[level]).all()  # so that nothing goes round in a circle


def test_facts_of_groups_add_up() -> None:
    facts = Facts(
        np.array([0, 1, 1, 2], np.uint8),
        np.array([0, 5, 7, 9]),
        np.array([False, False, True, False]),
        np.array([0, 40, 30, 20]),
    )
    found = facts.grouped(np.array([0, 2, 2, 1]))
    assert found.classes.tolist() == [0, 2, 1]
    assert found.voxels.tolist() == [0, 9, 12]
    assert found.certain.tolist() == [False, False, True]
    assert found.places.tolist() == [0, 20, 30]


def test_on_disk_as_in_memory_with_a_progress_to_the_end(tmp_path: Path) -> None:
    mask = blobs(1, (3, 40, 44), (1, 3, 3))
    rules = ObjectRules(flat=True, linked=True, split=0.8, reach=10, tile=(1, 16, 20))
    expected = objects_of(mask, rules)[1]
    scratch = zarr.create_array(tmp_path / "scratch", shape=mask.shape, chunks=(1, 15, 15), dtype="uint32")
    seen: dict[str, Progress] = {}
    found = find_objects(
        blocks(Region.of_shape(mask.shape), (1, 25, 25)),
        lambda block: mask[block.slices],
        scratch,
        rules,
        lambda progress: seen.update({progress.stage: progress}),
    )
    np.testing.assert_array_equal(found.object_of[np.asarray(scratch[:])], expected)
    assert {stage: (last.done, last.total) for stage, last in seen.items()} == {"split": (27, 27), "link": (3, 3)}
