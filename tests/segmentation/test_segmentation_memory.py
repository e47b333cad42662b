"""What was looked at is put together from blocks, and worked out once."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dinoscope.features import IntensityRange
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.segmentation import Evidence, FineMap, Picture, Prior, _memory, label_region
from dinoscope.segmentation._memory import Memory, blocks_of
from dinoscope.similarity import SimilarityMap
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

VOXELS = (2, 67, 83)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of which there are many in a small image."""
    monkeypatch.setattr(_memory, "SIDE", 16)


def random_map(classes: int = 2) -> SimilarityMap:
    grid = PatchGrid(VOXELS, 4)
    values = np.random.default_rng(3).random((classes, *grid.shape), dtype=np.float32)
    return SimilarityMap(("a", "b", "c")[:classes], values, grid, np.ones(classes, np.float32))


PRIOR = Prior(np.full(2, 0.6, np.float32), np.full(2, 0.5, np.float32))


def refined(similarity: SimilarityMap) -> FineMap:
    image = open_image(np.random.default_rng(5).random(VOXELS, dtype=np.float32), name="noise")
    return FineMap(similarity, Evidence(PRIOR, Picture(image, IntensityRange(0.0, 1.0))))


def looked_at(fine: FineMap, region: Region, step: int) -> NDArray[np.float32]:
    """What a look gives, put together; what it leaves out stays nan."""
    shape = (len(fine.classes), region.shape[0], *(-(-size // step) for size in region.shape[1:]))
    whole = np.full(shape, np.nan, np.float32)
    for place, values in fine.look(region, step):
        assert np.isnan(whole[(slice(None), *place)]).all()
        whole[(slice(None), *place)] = values
    return whole


@st.composite
def regions(draw: st.DrawFn, step: int) -> Region:
    """A region of whole pixels, of which the last may reach past the image."""
    start, stop = [], []
    for size, side in zip(VOXELS, (1, step, step), strict=True):
        pixels = -(-size // side)
        first = draw(st.integers(0, pixels - 1))
        start.append(first * side)
        stop.append(min(draw(st.integers(first + 1, pixels)) * side, size))
    return Region(tuple(start), tuple(stop))


@settings(max_examples=25)
@given(st.integers(1, 6), st.data())
@pytest.mark.parametrize("with_image", [False, True])
def test_a_look_is_what_is_read(with_image: bool, step: int, data: st.DataObject) -> None:
    similarity = random_map()
    fine = refined(similarity) if with_image else FineMap(similarity)
    region = data.draw(regions(step))
    everything = fine.read(Region.of_shape(VOXELS), step)
    first = [region.start[0], *(start // step for start in region.start[1:])]
    found = looked_at(fine, region, step)
    box = tuple(slice(low, low + size) for low, size in zip(first, found.shape[1:], strict=True))
    np.testing.assert_allclose(found, everything[(slice(None), *box)], atol=1e-5)


def test_a_look_from_between_two_pixels_is_what_is_read_there() -> None:
    fine, region = refined(random_map()), Region((0, 5, 3), (1, 65, 81))
    np.testing.assert_array_equal(looked_at(fine, region, 2), fine.read(region, 2))


@settings(max_examples=25)
@given(st.data())
def test_a_voxel_looks_the_same_in_every_view(data: st.DataObject) -> None:
    similarity = random_map()
    one, other = data.draw(regions(1)), data.draw(regions(1))
    common = one.intersect(other)
    if not common.size:
        return
    parts = []
    for region in (one, other):
        inside = tuple(slice(a - s, b - s) for a, b, s in zip(common.start, common.stop, region.start, strict=True))
        parts.append(looked_at(refined(similarity), region, 1)[(slice(None), *inside)])
    np.testing.assert_array_equal(parts[0], parts[1])


@pytest.mark.parametrize("with_image", [False, True])
def test_looking_again_works_nothing_out_and_looking_aside_only_what_is_new(
    with_image: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    similarity = random_map()
    fine, worked = refined(similarity) if with_image else FineMap(similarity), list[Region]()
    read = FineMap.read

    def noted(self: FineMap, region: Region, step: int = 1) -> NDArray[np.float32]:
        worked.append(region)
        return read(self, region, step)

    monkeypatch.setattr(FineMap, "read", noted)
    looked_at(fine, Region((0, 16, 16), (1, 48, 48)), 1)
    assert len(worked) == 4
    looked_at(fine, Region((0, 20, 17), (1, 40, 48)), 1)
    assert len(worked) == 4
    looked_at(fine, Region((0, 20, 20), (1, 40, 49)), 1)
    assert {region.start for region in worked[4:]} == {(0, 16, 48), (0, 32, 48)}


def test_where_a_map_grows_it_is_looked_up_anew_and_elsewhere_not(monkeypatch: pytest.MonkeyPatch) -> None:
    similarity = random_map()
    fine, region = refined(similarity), Region((0, 0, 0), (1, 64, 80))
    before = looked_at(fine, region, 1)
    similarity.values[:, 0, 0, 0] = 0.0
    worked = list[Region]()
    read = FineMap.read

    def noted(self: FineMap, region: Region, step: int = 1) -> NDArray[np.float32]:
        worked.append(region)
        return read(self, region, step)

    monkeypatch.setattr(FineMap, "read", noted)
    after = looked_at(fine, region, 1)
    assert worked
    assert max(max(block.start[1:]) for block in worked) <= 32  # 6 patches of 4 voxels have a say
    assert (after != before).any()
    monkeypatch.undo()
    np.testing.assert_array_equal(after, looked_at(refined(similarity), region, 1))


@given(st.integers(1, 3), st.data())
def test_the_most_similar_class_that_reaches_its_threshold_is_the_label(classes: int, data: st.DataObject) -> None:
    similarity, region = random_map(classes), Region((0, 0, 0), (1, 9, 18))
    similarity.values[...] = np.round(np.asarray(similarity.values[...]) * 4) / 4  # classes are often equally similar
    levels = st.lists(st.floats(0, 1, width=32), min_size=classes, max_size=classes)
    thresholds = np.array(data.draw(levels), np.float32)
    fine = FineMap(similarity)
    values = fine.read(region)
    expected = np.zeros(region.shape, int)
    for at in np.ndindex(*region.shape):
        able = [(-values[(k, *at)], k) for k in range(classes) if values[(k, *at)] >= thresholds[k]]
        expected[at] = min(able)[1] + 1 if able else 0
    for shown in (fine, similarity):
        np.testing.assert_array_equal(label_region(shown, region, thresholds), expected)


def test_what_two_threads_want_at_once_is_worked_out_once() -> None:
    memory, made, source = Memory(), list[int](), np.zeros(1, np.float32)
    both = threading.Barrier(2)

    def make() -> NDArray[np.float32]:
        made.append(threading.get_ident())
        return np.ones(3, np.float32)

    def ask(_: int) -> NDArray[np.float32]:
        both.wait(10)
        return memory.recall("block", source, make)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(ask, range(2))
    assert first is second
    assert len(made) == 1


def test_what_is_remembered_cannot_be_changed() -> None:
    given_away = Memory().recall("block", np.zeros(1, np.float32), lambda: np.ones(3, np.float32))
    with pytest.raises(ValueError, match="read-only"):
        given_away[0] = 5


def test_a_memory_travels_without_its_content() -> None:
    memory, source = Memory(), np.zeros(1, np.float32)
    memory.recall("block", source, lambda: np.ones(3, np.float32))
    there: Memory = pickle.loads(pickle.dumps(memory))
    assert there.recall("block", source, lambda: np.full(3, 7, np.float32))[0] == 7


def covered(blocks: Iterator[tuple[Region, tuple[slice, ...], tuple[slice, ...]]], shape: tuple[int, ...]) -> None:
    seen = np.zeros(shape, int)
    for block, place, inner in blocks:
        assert all(low % 16 == 0 for low in block.start[1:])
        assert all(a.stop - a.start == b.stop - b.start for a, b in zip(place, inner, strict=True))
        seen[place] += 1
    assert (seen == 1).all()


@given(st.integers(1, 5), st.data())
def test_blocks_cover_a_region_once_and_lie_where_they_lie(step: int, data: st.DataObject) -> None:
    region = data.draw(regions(step))
    covered(blocks_of(region, step, VOXELS), (region.shape[0], *(-(-size // step) for size in region.shape[1:])))
