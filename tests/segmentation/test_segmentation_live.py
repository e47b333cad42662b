from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from dinoscope.features import IntensityRange
from dinoscope.geometry import Region
from dinoscope.image import LazyArray, open_image
from dinoscope.segmentation import (
    Evidence,
    FineMap,
    Picture,
    Prior,
    choose_thresholds,
    hasty_mask,
    label_region,
    lazy_map,
    lazy_mask,
    lazy_uncertainty,
    similarity_at,
    uncertainty,
)
from dinoscope.similarity import SimilarityMap
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray


def random_map(voxels: tuple[int, int, int], stride: int = 4, scale: float = 1.0, classes: int = 2) -> SimilarityMap:
    grid = PatchGrid(voxels, stride, scale)
    values = np.random.default_rng(3).random((classes, *grid.shape), dtype=np.float32)
    return SimilarityMap(("a", "b", "c")[:classes], values, grid, np.ones(classes, np.float32))


def looked_up(
    similarity: SimilarityMap, z: int, y: NDArray[np.floating[Any]], x: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Similarities at rows y and columns x of a section by SciPy's own interpolation, shape (K, y, x)."""
    side = similarity.grid.stride / similarity.grid.scale
    at = np.meshgrid(*((voxel + 0.5) / side - 0.5 for voxel in (y, x)), indexing="ij")
    planes = similarity.read(similarity.grid.extent)[:, z].astype(float)
    return np.stack([ndimage.map_coordinates(plane, at, order=1, mode="nearest") for plane in planes])


@given(st.integers(1, 9), st.sampled_from([0.5, 0.7, 1.0, 2.0]), st.data())
def test_with_a_step_the_middle_of_every_whole_block_is_looked_at(step: int, scale: float, data: st.DataObject) -> None:
    voxels = (2, 37, 53)
    similarity = random_map(voxels, scale=scale)
    start = [data.draw(st.integers(0, n - step)) for n in voxels[1:]]
    count = [data.draw(st.integers(1, (n - a) // step)) for n, a in zip(voxels[1:], start, strict=True)]
    stop = [a + n * step for a, n in zip(start, count, strict=True)]
    found = similarity_at(similarity, Region((0, *start), (2, *stop)), step)
    y, x = (a + step * np.arange(n) + (step - 1) / 2 for a, n in zip(start, count, strict=True))
    for z in range(2):
        np.testing.assert_allclose(found[:, z], looked_up(similarity, z, y, x), atol=1e-5)


@pytest.mark.parametrize(
    ("side", "steps"), [(2048, [1]), (2049, [1, 2, 4]), (4097, [1, 2, 4, 8]), (4104, [1, 2, 4, 8, 16])]
)
def test_a_pyramid_halves_until_it_is_small_and_begins_whole(side: int, steps: list[int]) -> None:
    levels = lazy_mask(random_map((1, 37, side), stride=16), np.array([0.5, 0.5], np.float32), stacked=False)
    assert [level.shape for level in levels] == [(37 // step, side // step) for step in steps]


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_every_level_shows_the_most_similar_class_at_the_middle_of_its_voxels(stacked: bool, scale: float) -> None:
    sections = 3 if stacked else 1
    similarity = random_map((sections, 37, 4201), stride=14, scale=scale)
    thresholds = np.array([0.45, 0.55], np.float32)
    levels = lazy_mask(similarity, thresholds, stacked)
    assert len(levels) == 5
    for step, level in zip((1, 2, 4, 8, 16), levels, strict=True):
        y, x = (np.arange(n // step) * step + (step - 1) / 2 for n in (37, 4201))
        for z in range(sections):
            values = looked_up(similarity, z, y, x)
            reached = np.where(values >= thresholds[:, None, None], values, -1)
            expected = np.where(reached.max(axis=0) >= 0, reached.argmax(axis=0) + 1, 0)
            sure = (np.abs(values - thresholds[:, None, None]) > 1e-5).all(axis=0) & (np.ptp(values, axis=0) > 1e-5)
            found = level[z] if stacked else level[:, :]
            assert level.dtype == np.uint8
            assert found.shape == expected.shape
            np.testing.assert_array_equal(found[sure], expected[sure])


@given(st.data())
def test_a_part_of_a_level_is_that_part_of_the_whole_level(data: st.DataObject) -> None:
    similarity = random_map((2, 41, 2301), stride=14)
    level = lazy_mask(similarity, np.array([0.5, 0.5], np.float32), stacked=True)[1]
    index = []
    for size in level.shape:
        first = data.draw(st.integers(0, size - 1))
        index.append(slice(first, data.draw(st.integers(first + 1, min(size, first + 60)))))
    whole = label_region(similarity, Region((0, 0, 0), (2, 40, 2300)), np.array([0.5, 0.5], np.float32), 2)
    np.testing.assert_array_equal(level[tuple(index)], whole[tuple(index)])


def test_a_lower_side_than_a_step_still_has_a_voxel() -> None:
    similarity = random_map((1, 1, 4201), stride=14, classes=1)
    levels = lazy_mask(similarity, np.zeros(1, np.float32), stacked=False)
    assert [level.shape for level in levels] == [(1, 4201), (1, 2100), (1, 1050), (1, 525), (1, 262)]
    assert all((level[:, :] == 1).all() for level in levels)


@pytest.mark.parametrize("remembers", [False, True])
def test_what_is_compared_later_shows_up(remembers: bool) -> None:
    similarity = random_map((1, 16, 16))
    similarity.values[:] = 0
    shown = FineMap(similarity) if remembers else similarity
    mask = lazy_mask(shown, np.array([0.5, 0.5], np.float32), stacked=False)[0]
    assert not mask[:, :].any()
    similarity.values[1] = 1
    assert (mask[:, :] == 2).all()


@pytest.mark.parametrize("index", [0, 1])
def test_a_lazy_map_is_the_map_of_its_class(index: int) -> None:
    stack, plane = random_map((3, 37, 29)), random_map((1, 37, 29))
    whole = stack.read(stack.grid.extent)[index]
    np.testing.assert_array_equal(lazy_map(stack, index, stacked=True)[1:3, 2:9, 3], whole[1:3, 2:9, 3])
    np.testing.assert_array_equal(lazy_map(plane, index, stacked=False)[:, :], plane.read(plane.grid.extent)[index, 0])


def test_lazy_uncertainty_is_that_of_every_patch() -> None:
    stack, plane = random_map((3, 37, 29)), random_map((1, 37, 29))
    for similarity, stacked in ((stack, True), (plane, False)):
        similarity.values[:] = 0.2
        similarity.values[1, -1, 4, 5] = 0.8
        found = lazy_uncertainty(similarity, np.array([0.8, 0.8], np.float32), stacked)
        assert found.shape == (similarity.grid.shape if stacked else similarity.grid.shape[1:])
        expected = np.full(found.shape, 0.25)  # 0.2 is a quarter of the way from 0 to the threshold
        expected[(-1, 4, 5) if stacked else (4, 5)] = 1
        np.testing.assert_allclose(found[...], expected, rtol=1e-6)


@given(st.floats(0.0, 1.0, width=32))
def test_uncertainty_is_one_at_the_threshold_and_falls_to_nothing_at_the_ends(level: float) -> None:
    values = np.unique(np.append(np.linspace(0, 1, 101, dtype=np.float32), np.float32(level)))
    found = uncertainty(values[np.newaxis], np.array([level], np.float32))
    at = int(np.searchsorted(values, np.float32(level)))
    assert found[at] == 1
    assert (np.diff(found[: at + 1]) >= -1e-6).all()
    assert (np.diff(found[at:]) <= 1e-6).all()
    assert found.min() >= 0
    if at > 0:
        assert found[0] == 0
    if at < len(values) - 1:
        assert found[-1] == 0


def test_of_several_classes_the_most_doubtful_counts() -> None:
    values = np.array([[0.5, 0.0], [1.0, 0.2]], np.float32)
    np.testing.assert_allclose(uncertainty(values, np.array([0.5, 0.4], np.float32)), [1.0, 0.5], rtol=1e-6)


def test_thresholds_are_chosen_from_the_part_that_was_compared() -> None:
    similarity = random_map((1, 40, 40))
    similarity.values[:] = 0
    similarity.values[0, 0, 2:5, 3:6] = 0.4
    similarity.values[1, 0, 2:5, 3:6] = 0.5
    similarity.values[1, 0, 3, 4] = 0.9  # an object, too small to be ordinary
    known = Region((0, 2, 3), (1, 5, 6))
    # 0.6 of the way from what is ordinary to the examples, which reach 1
    np.testing.assert_allclose(choose_thresholds(similarity, "auto", known), [0.76, 0.8], rtol=1e-6)
    np.testing.assert_allclose(choose_thresholds(similarity, "auto"), [0.6, 0.6], rtol=1e-6)
    np.testing.assert_allclose(choose_thresholds(similarity, 0.3, known), [0.3, 0.3], rtol=1e-6)


def refined(side: int) -> FineMap:
    """A map with an image that has a say in it."""
    similarity = random_map((1, 40, side), stride=14)
    image = open_image(np.random.default_rng(5).random((40, side), dtype=np.float32), name="noise")
    return FineMap(similarity, Evidence(Prior.of(similarity), Picture(image, IntensityRange(0.0, 1.0))))


def test_a_hasty_mask_is_rough_until_its_levels_were_read_and_says_so() -> None:
    fine, thresholds, missed = refined(2400), np.array([0.5, 0.5], np.float32), list[None]()
    levels = lazy_mask(fine, thresholds, stacked=False)
    hasty = hasty_mask(levels, lambda: missed.append(None))
    assert [level.shape for level in hasty] == [(40, 2400), (20, 1200), (10, 600), (5, 300)]
    rough = hasty[1][2:18, 100:900]
    assert len(missed) == 1
    np.testing.assert_array_equal(
        rough, label_region(fine.similarity, Region((0, 4, 200), (1, 36, 1800)), thresholds, 2)[0]
    )
    exact = levels[1][2:18, 100:900]
    assert (exact != rough).any()
    np.testing.assert_array_equal(hasty[1][2:18, 100:900], exact)
    assert len(missed) == 1
    moved = hasty_mask(lazy_mask(fine, thresholds + 0.1, stacked=False), lambda: missed.append(None))
    np.testing.assert_array_equal(moved[1][2:18, 100:900], levels_at(fine, thresholds + 0.1)[1][2:18, 100:900])
    assert len(missed) == 1


def levels_at(fine: FineMap, thresholds: NDArray[np.float32]) -> list[LazyArray]:
    """A mask that nobody has looked at."""
    return lazy_mask(FineMap(fine.similarity, fine.evidence), thresholds, stacked=False)


def test_the_finest_level_is_never_rough() -> None:
    fine, thresholds, missed = refined(2400), np.array([0.5, 0.5], np.float32), list[None]()
    hasty = hasty_mask(lazy_mask(fine, thresholds, stacked=False), lambda: missed.append(None))
    np.testing.assert_array_equal(hasty[0][:, :], levels_at(fine, thresholds)[0][:, :])
    assert not missed


def test_where_the_map_has_changed_a_hasty_mask_is_rough_again() -> None:
    fine, thresholds, missed = refined(2400), np.array([0.5, 0.5], np.float32), list[None]()
    levels = lazy_mask(fine, thresholds, stacked=False)
    hasty = hasty_mask(levels, lambda: missed.append(None))
    levels[1][:, :]
    fine.similarity.values[:, 0, 0, 0] = 0.0
    hasty[1][:, 1100:1200]
    assert not missed
    hasty[1][:, :40]
    assert len(missed) == 1


def test_thumbnails_read_nothing_of_an_image() -> None:
    read = list[tuple[slice, ...]]()

    class Watched(LazyArray):
        def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
            read.append(bounds)
            return np.zeros([part.stop - part.start for part in bounds], np.float32)

    similarity = random_map((1, 40, 4201), stride=14)
    picture = Picture(open_image(Watched((40, 4201), np.float32), name="watched"), IntensityRange(0.0, 1.0))
    fine = FineMap(similarity, Evidence(Prior.of(similarity), picture))
    thresholds = np.array([0.5, 0.5], np.float32)
    coarsest = lazy_mask(fine, thresholds, stacked=False)[-1]
    np.testing.assert_array_equal(coarsest[:, :], lazy_mask(similarity, thresholds, stacked=False)[-1][:, :])
    assert not read


def test_without_an_image_nothing_is_rough() -> None:
    similarity, missed = random_map((1, 37, 2400), stride=14), list[None]()
    thresholds = np.array([0.5, 0.5], np.float32)
    for shown in (similarity, FineMap(similarity)):
        levels = lazy_mask(shown, thresholds, stacked=False)
        for level, expected in zip(hasty_mask(levels, lambda: missed.append(None)), levels, strict=True):
            np.testing.assert_array_equal(level[:, :], expected[:, :])
    assert not missed
