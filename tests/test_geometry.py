from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.errors import AxesError, RegionError
from dinoscope.geometry import Axis, Region


@st.composite
def regions(draw: st.DrawFn, ndim: int = 2) -> Region:
    start = draw(st.tuples(*[st.integers(-20, 20)] * ndim))
    extent = draw(st.tuples(*[st.integers(0, 20)] * ndim))
    return Region(start, tuple(a + n for a, n in zip(start, extent, strict=True)))


def cells(region: Region) -> set[tuple[int, ...]]:
    return {tuple(a + i for a, i in zip(region.start, index, strict=True)) for index in np.ndindex(region.shape)}


@given(regions(), regions())
def test_intersection_and_containment_are_those_of_sets(a: Region, b: Region) -> None:
    assert cells(a.intersect(b)) == cells(a) & cells(b)
    if b.size:
        assert a.contains(b) == (cells(b) <= cells(a))


@given(regions(), st.tuples(st.integers(-9, 9), st.integers(-9, 9)))
def test_shift_moves_every_cell(region: Region, offset: tuple[int, int]) -> None:
    assert cells(region.shift(offset)) == {(y + offset[0], x + offset[1]) for y, x in cells(region)}
    assert region.shift(offset).relative_to(region).start == offset


def test_grow_and_slices() -> None:
    region = Region((2, 3), (4, 6)).grow((1, 2))
    assert (region.start, region.stop, region.shape, region.size) == ((1, 1), (5, 8), (4, 7), 28)
    assert np.zeros((9, 9))[region.slices].shape == (4, 7)


@pytest.mark.parametrize(
    ("start", "stop", "words"), [((0,), (1, 2), "different numbers"), ((3, 0), (2, 2), "lies before")]
)
def test_bad_regions_are_refused(start: tuple[int, ...], stop: tuple[int, ...], words: str) -> None:
    with pytest.raises(RegionError, match=words):
        Region(start, stop)


def test_regions_of_other_dimensions_do_not_combine() -> None:
    with pytest.raises(RegionError, match="2 axes cannot be combined with 3"):
        Region((0, 0), (1, 1)).shift((0, 0, 0))


@pytest.mark.parametrize(
    ("name", "size", "scale"), [("q", 1, 1.0), ("x", 0, 1.0), ("x", 1, 0.0), ("x", 1, float("nan"))]
)
def test_bad_axes_are_refused(name: str, size: int, scale: float) -> None:
    with pytest.raises(AxesError):
        Axis(name, size, scale)


def test_axis_kinds() -> None:
    assert [Axis(name, 1).kind for name in "tczs"] == ["time", "channel", "space", "colour"]
