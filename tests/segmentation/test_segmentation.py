from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from dinoscope.errors import SettingsError
from dinoscope.features import ImageFacts
from dinoscope.geometry import LengthUnit, Region
from dinoscope.segmentation import ObjectRules, auto_thresholds, find_objects, label_region, segment, similarity_at
from dinoscope.segmentation._prior import ordinary
from dinoscope.settings import SegmentationSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.tiling import PatchGrid, blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

Units = tuple[LengthUnit, LengthUnit, LengthUnit]
NM: Units = ("nm", "nm", "nm")


def facts(voxels: tuple[int, int, int], axis_names: str = "zyx", units: Units = NM) -> ImageFacts:
    return ImageFacts("i", "array:i", axis_names, voxels, (40.0, 5.0, 5.0), units, "digest")


def as_map(values: NDArray[np.float32], grid: PatchGrid) -> SimilarityMap:
    return SimilarityMap(tuple("abc"[: len(values)]), values, grid, np.full(len(values), 0.9, np.float32))


def random_map(voxels: tuple[int, int, int], classes: int = 1, scale: float = 1.0, seed: int = 0) -> SimilarityMap:
    grid = PatchGrid(voxels, 4, scale)
    values = np.random.default_rng(seed).random((classes, *grid.shape), dtype=np.float32)
    return as_map(values, grid)


def test_between_patch_centres_the_map_is_linear() -> None:
    grid = PatchGrid((1, 8, 12), 4)
    ramp = np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3)
    found = similarity_at(as_map(ramp, grid), grid.extent.of_shape(grid.voxels))[0, 0]
    y, x = np.mgrid[0:8, 0:12]
    py, px = ((v + 0.5) / 4 - 0.5 for v in (y, x))
    expected = 3 * np.clip(py, 0, 1) + np.clip(px, 0, 2)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@given(st.sampled_from([0.5, 0.7, 1.0, 2.0]), st.data())
def test_a_voxel_has_the_same_value_in_every_region(scale: float, data: st.DataObject) -> None:
    voxels = (2, 37, 29)
    similarity = random_map(voxels, scale=scale)
    whole = similarity_at(similarity, Region.of_shape(voxels))
    start = tuple(data.draw(st.integers(0, n - 1)) for n in voxels)
    stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, voxels, strict=True))
    part = similarity_at(similarity, Region(start, stop))
    np.testing.assert_allclose(part, whole[(slice(None), *Region(start, stop).slices)], atol=1e-6)


def test_a_constant_map_stays_constant_up_to_the_rim() -> None:
    grid = PatchGrid((1, 10, 10), 4)  # the last patches reach past the image
    flat = as_map(np.full((1, *grid.shape), 0.25, np.float32), grid)
    np.testing.assert_array_equal(similarity_at(flat, Region.of_shape(grid.voxels)), 0.25)


def test_the_most_similar_class_has_a_voxel() -> None:
    grid = PatchGrid((1, 1, 4), 1)
    values = np.array([[0.9, 0.4, 0.6, 0.5], [0.8, 0.3, 0.7, 0.5]], np.float32).reshape(2, 1, 1, 4)
    labels = label_region(as_map(values, grid), Region.of_shape(grid.voxels), np.array([0.5, 0.5], np.float32))
    np.testing.assert_array_equal(labels[0, 0], [1, 0, 2, 1])


@given(st.integers(0, 1000), st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)), st.floats(0.1, 0.9))
def test_objects_are_those_of_the_whole_whatever_the_blocks(
    seed: int, block: tuple[int, int, int], density: float
) -> None:
    rng = np.random.default_rng(seed)
    classes = (rng.random((3, 12, 14)) < density) * rng.integers(1, 3, (3, 12, 14))
    scratch = np.zeros(classes.shape, np.uint32)
    todo = blocks(Region.of_shape(classes.shape), block)
    found = find_objects(todo, lambda b: classes[b.slices].astype(np.uint8), scratch)
    labels = found.object_of[scratch]
    count = 0
    for value in (1, 2):
        expected, n = ndimage.label(classes == value)
        count += n
        pairs = np.unique(np.stack([expected.ravel(), np.where(classes == value, labels, 0).ravel()]), axis=1)
        assert pairs.shape[1] == len(np.unique(expected)) == len(np.unique(pairs[1]))
    assert found.count == count
    np.testing.assert_array_equal(found.class_of[labels], classes)
    np.testing.assert_array_equal(
        found.voxels, np.bincount(labels.ravel(), minlength=count + 1) * (np.arange(count + 1) > 0)
    )


def test_small_objects_are_dropped_by_their_whole_size() -> None:
    classes = np.zeros((1, 8, 20), np.uint8)
    classes[0, 2:4, 1:19] = 1  # 36 voxels over three blocks, at most 16 in each
    classes[0, 6, 2:6] = 1  # 4 voxels
    scratch = np.zeros(classes.shape, np.uint32)
    rules = ObjectRules(min_voxels=20)
    found = find_objects(blocks(Region.of_shape(classes.shape), (1, 8, 8)), lambda b: classes[b.slices], scratch, rules)
    assert found.count == 1
    kept = found.object_of[scratch] > 0
    np.testing.assert_array_equal(kept[0, :5], classes[0, :5] > 0)
    assert not kept[0, 5:].any()


@pytest.mark.parametrize(("axis_names", "diameter", "kept"), [("yx", 44.0, 1), ("yx", 46.0, 0)])
def test_the_smallest_diameter_is_in_nm(axis_names: str, diameter: float, kept: int) -> None:
    grid = PatchGrid((1, 20, 20), 1)
    values = np.zeros((1, 1, 20, 20), np.float32)
    values[0, 0, 4:12, 4:12] = 1  # 64 voxels of 5 nm: as much as a disc of 45.1 nm
    found = segment(
        as_map(values, grid),
        facts((1, 20, 20), axis_names),
        SegmentationSettings(threshold=0.5, min_diameter=diameter),
    )
    assert len(found.object_classes) == kept
    assert found.mask.shape == found.instances.shape == (20, 20)


def test_sections_of_unknown_distance_have_no_smallest_volume() -> None:
    with pytest.raises(SettingsError, match="section_distance"):
        segment(
            random_map((2, 8, 8)),
            facts((2, 8, 8), units=("pixel", "nm", "nm")),
            SegmentationSettings(min_diameter=10.0),
        )


def test_masks_and_instances_agree() -> None:
    found = segment(random_map((2, 40, 50), classes=3), facts((2, 40, 50)), SegmentationSettings(threshold=0.6))
    mask, instances = found.mask[:, :, :], found.instances[:, :, :]
    names = np.array(["", *found.object_classes])
    classes = np.array(["", *found.classes])
    np.testing.assert_array_equal(names[instances], classes[mask])
    assert instances.max() == len(found.object_classes)
    covered = sum(int(np.prod(block.shape)) for block in found.blocks())
    assert covered == mask.size


@pytest.mark.parametrize("voxels", [(1, 40, 60), (11, 40, 52)])
def test_what_is_ordinary_is_the_median_of_a_sample(
    monkeypatch: pytest.MonkeyPatch, voxels: tuple[int, int, int]
) -> None:
    """Section by section, and as if all of them were in memory: every so many values of 8 sections at most."""
    monkeypatch.setattr("dinoscope.segmentation._prior._ENOUGH", 30)
    monkeypatch.setattr("dinoscope.segmentation._prior._SAMPLED_SIDE", 9)
    similarity = random_map(voxels, classes=2, seed=3)
    values = np.asarray(similarity.values)
    sections, height, width = values.shape[1:]
    top, left = max(0, (height - 9) // 2), max(0, (width - 9) // 2)
    chosen = np.unique(np.linspace(0, sections - 1, 8).round().astype(int))
    sample = values[:, chosen, top : top + 9, left : left + 9].reshape(2, -1)
    np.testing.assert_array_equal(ordinary(similarity), np.median(sample[:, :: 1 + sample.shape[1] // 30], axis=1))
    known = Region((0, 2, 1), (sections, 9, 12))
    part = similarity.read(known).reshape(2, -1)
    np.testing.assert_array_equal(ordinary(similarity, known), np.median(part[:, :: 1 + part.shape[1] // 30], axis=1))


@pytest.mark.parametrize("threshold", ["auto", 0.3])
def test_a_given_threshold_holds_and_auto_finds_the_gap(threshold: float | Literal["auto"]) -> None:
    grid = PatchGrid((1, 64, 64), 4)
    rng = np.random.default_rng(0)
    values = rng.normal(0.15, 0.03, grid.shape)
    values[0, 4:8, 4:8] = rng.normal(0.85, 0.03, (4, 4))
    similarity = as_map(values[np.newaxis].clip(0, 1).astype(np.float32), grid)
    found = segment(similarity, facts((1, 64, 64)), SegmentationSettings(threshold=threshold))
    assert 0.25 < found.thresholds[0] < 0.75
    assert len(found.object_classes) == 1


def test_each_class_has_a_threshold_between_the_ordinary_and_its_examples() -> None:
    grid = PatchGrid((1, 8, 8), 4)
    values = np.stack([np.full(grid.shape, 0.2), np.full(grid.shape, 0.6)]).astype(np.float32)
    similarity = SimilarityMap(("a", "b"), values, grid, np.array([0.7, 1.0], np.float32))
    np.testing.assert_allclose(auto_thresholds(similarity), [0.5, 0.84], rtol=1e-6)


def test_a_class_below_its_threshold_leaves_the_voxel_to_another() -> None:
    grid = PatchGrid((1, 1, 2), 1)
    values = np.array([[0.8, 0.8], [0.6, 0.3]], np.float32).reshape(2, 1, 1, 2)
    labels = label_region(as_map(values, grid), Region.of_shape(grid.voxels), np.array([0.9, 0.5], np.float32))
    np.testing.assert_array_equal(labels[0, 0], [2, 0])
