"""Where another example helps most: planted objects whose answers are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.geometry import Region
from dinoscope.prompts import BoxPrompt, PointPrompt
from dinoscope.segmentation import Suggestion, suggest
from dinoscope.segmentation import _suggest as module
from dinoscope.similarity import SimilarityMap
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.prompts import Prompt

STRIDE = 8
HALF = np.array([0.5], np.float32)
SURE, DOUBTFUL, GROUND = 1.0, 0.65, 0.1
"""Similarities: the examples reach 1, so that at a threshold of 0.5 the answer is least certain at 0.65."""

Place = tuple[int, int, int]


def planted(discs: dict[Place, tuple[float, float]], shape: tuple[int, int, int] = (1, 60, 80)) -> SimilarityMap:
    """A map with discs at some patches (z, gy, gx), each of a radius and a similarity, with a soft rim."""
    grid = PatchGrid((shape[0], shape[1] * STRIDE, shape[2] * STRIDE), STRIDE)
    values = np.full((1, *shape), GROUND, np.float32)
    y, x = np.indices(shape[1:])
    for (z, cy, cx), (radius, value) in discs.items():
        inside = np.clip(radius + 0.5 - np.hypot(y - cy, x - cx), 0, 1)
        values[0, z] = np.maximum(values[0, z], GROUND + inside * (value - GROUND))
    return SimilarityMap(("a",), values, grid, np.ones(1, np.float32))


def patches(found: list[Suggestion]) -> list[Place]:
    return [(int(p[0]), int(p[1] // STRIDE), int(p[2] // STRIDE)) for p in (place.position for place in found)]


def at(z: int, gy: int, gx: int, positive: bool = True) -> PointPrompt:
    """A click on the middle of a patch."""
    return PointPrompt((float(z), gy * STRIDE + 3.5, gx * STRIDE + 3.5), "a", positive)


def test_the_middle_of_the_doubtful_object_is_suggested_and_no_rim() -> None:
    similarity = planted({(0, 15, 20): (6, SURE), (0, 40, 50): (6, DOUBTFUL), (0, 15, 60): (6, 0.2)})
    (place,) = suggest(similarity, HALF)
    assert patches([place]) == [(0, 40, 50)]
    assert (place.class_name, place.found) == ("a", True)
    assert place.doubt == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(place.position, at(0, 40, 50).position)


@pytest.mark.parametrize(("value", "found"), [(0.45, False), (0.55, True)])
def test_it_is_told_whether_the_place_counts_as_one(value: float, found: bool) -> None:
    (place,) = suggest(planted({(0, 30, 30): (6, value)}), HALF)
    assert place.found == found


def test_of_objects_as_doubtful_the_larger_one_comes_first() -> None:
    similarity = planted({(0, 15, 20): (3, DOUBTFUL), (0, 40, 50): (7, DOUBTFUL)})
    assert patches(suggest(similarity, HALF, count=2)) == [(0, 40, 50), (0, 15, 20)]


def test_of_objects_as_large_the_more_doubtful_one_comes_first() -> None:
    similarity = planted({(0, 15, 20): (5, 0.9), (0, 40, 50): (5, 0.7), (0, 40, 20): (5, 0.8)})
    found = suggest(similarity, HALF, count=3)
    assert patches(found) == [(0, 40, 50), (0, 40, 20), (0, 15, 20)]
    assert [place.doubt for place in found] == sorted((place.doubt for place in found), reverse=True)


@pytest.mark.parametrize(
    "prompt",
    [
        at(0, 40, 50),
        at(0, 40, 50, positive=False),
        at(0, 41, 51),
        BoxPrompt(0, (34 * STRIDE, 44 * STRIDE), (46 * STRIDE, 56 * STRIDE)),
    ],
)
def test_what_was_answered_is_not_asked_again(prompt: Prompt) -> None:
    similarity = planted({(0, 40, 50): (4, DOUBTFUL), (0, 15, 20): (4, 0.8)})
    assert patches(suggest(similarity, HALF, [prompt], count=5)) == [(0, 15, 20)]


def test_an_example_in_another_section_says_nothing_about_this_one() -> None:
    similarity = planted({(1, 40, 50): (5, DOUBTFUL)}, (3, 60, 80))
    assert patches(suggest(similarity, HALF, [at(0, 40, 50), at(2, 40, 50)])) == [(1, 40, 50)]


def test_suggestions_are_apart_and_no_more_than_asked_for() -> None:
    rng = np.random.default_rng(0)
    similarity = planted({})
    similarity.values[:] = rng.random(similarity.values.shape, dtype=np.float32)
    found = suggest(similarity, HALF, count=12)
    assert len(found) == 12
    places = np.array(patches(found), float)[:, 1:]
    distances = np.linalg.norm(places[:, None] - places, axis=-1)[~np.eye(12, dtype=bool)]
    assert distances.min() > 3
    assert suggest(similarity, HALF, count=5) == found[:5]


@pytest.mark.parametrize("value", [GROUND, SURE])
def test_where_all_is_certain_nothing_is_suggested(value: float) -> None:
    similarity = planted({(0, 30, 30): (6, value)})
    sure = SimilarityMap(("a",), similarity.values, similarity.grid, np.full(1, 0.8, np.float32))
    assert suggest(sure, HALF, count=3) == []


def test_every_class_has_its_own_threshold_and_doubts() -> None:
    one, other = planted({(0, 15, 20): (6, 0.65)}), planted({(0, 40, 50): (6, 0.86)})
    values = np.concatenate([np.asarray(one.values), np.asarray(other.values)])
    both = SimilarityMap(("a", "b"), values, one.grid, np.ones(2, np.float32))
    found = suggest(both, np.array([0.5, 0.8], np.float32), count=2)
    assert {(place.class_name, *patches([place])) for place in found} == {("a", (0, 15, 20)), ("b", (0, 40, 50))}


def test_only_what_was_compared_is_looked_at() -> None:
    similarity = planted({(0, 15, 20): (6, DOUBTFUL), (0, 40, 50): (6, 0.75)})
    known = Region((0, 30, 30), (1, 60, 80))
    assert patches(suggest(similarity, HALF, known=known, count=3)) == [(0, 40, 50)]


def test_places_lie_inside_of_an_image_that_ends_within_a_patch() -> None:
    grid = PatchGrid((1, 33, 33), STRIDE)  # of the last patches one voxel is left
    values = np.full((1, 1, 5, 5), GROUND, np.float32)
    values[..., 4, 4] = DOUBTFUL
    (place,) = suggest(SimilarityMap(("a",), values, grid, np.ones(1, np.float32)), HALF)
    assert place.position == (0, 32, 32)


def test_ties_go_to_what_comes_first_in_the_image() -> None:
    places = [(1, 12, 60), (0, 40, 20), (0, 40, 60), (0, 12, 60)]
    similarity = planted(dict.fromkeys(places, (5.0, DOUBTFUL)), (2, 60, 80))
    assert patches(suggest(similarity, HALF, count=4)) == sorted(places)


@given(st.integers(1, 4), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**16))
def test_cores_are_the_means_of_the_most_alike_quarter(sections: int, height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random((sections * height * width), dtype=np.float32)
    objects = rng.integers(1, 6, values.size)
    objects = np.unique(objects, return_inverse=True)[1] + 1
    areas = np.bincount(objects)[1:]
    expected = [
        np.sort(values[objects == n])[-int(np.ceil(areas[n - 1] / 4)) :].mean() for n in range(1, len(areas) + 1)
    ]
    np.testing.assert_allclose(module._cores(values, objects.astype(np.int32), areas), expected, rtol=1e-5)


class Counting:
    """An array that knows how much of it was read."""

    def __init__(self, values: NDArray[np.float32]) -> None:
        self.values, self.shape = values, values.shape
        self.read = 0

    def __getitem__(self, index: object) -> NDArray[np.float32]:
        part = np.asarray(self.values[index])  # type: ignore[call-overload]
        self.read += part.size
        return part

    def __setitem__(self, index: object, values: object) -> None:
        raise AssertionError("a suggestion writes nothing")


@pytest.mark.parametrize("shape", [(300, 100, 100), (2, 4000, 3000), (1, 200, 20_000)])
def test_of_a_map_of_any_size_only_so_much_is_looked_at(shape: tuple[int, int, int]) -> None:
    values = np.broadcast_to(np.float32(GROUND), (1, *shape))
    counting = Counting(values)
    grid = PatchGrid((shape[0], shape[1] * STRIDE, shape[2] * STRIDE), STRIDE)
    similarity = SimilarityMap(("a",), counting, grid, np.ones(1, np.float32))
    windows = list(module._windows(grid, grid.extent, None))
    for window in windows:
        assert grid.extent.contains(window)
        assert window.shape[0] == 1
        similarity.read(window)
    assert counting.read <= module._LOOKED_AT
    assert len(set(windows)) == len(windows) > 1


def test_of_a_large_map_what_is_looked_at_is_always_looked_through() -> None:
    shape = (40, 700, 700)
    values = np.full((1, *shape), GROUND, np.float32)
    values[0, 17, 300:306, 310:316] = DOUBTFUL
    grid = PatchGrid((shape[0], shape[1] * STRIDE, shape[2] * STRIDE), STRIDE)
    similarity = SimilarityMap(("a",), values, grid, np.ones(1, np.float32))
    assert suggest(similarity, HALF) == []
    view = Region((17, 2300, 2300), (18, 2600, 2600))
    (place,) = suggest(similarity, HALF, view=view)
    assert patches([place])[0][0] == 17
    assert 300 <= patches([place])[0][1] < 306
    assert 310 <= patches([place])[0][2] < 316
    assert suggest(similarity, HALF, view=Region((17, 9000, 9000), (18, 9100, 9100))) == []
