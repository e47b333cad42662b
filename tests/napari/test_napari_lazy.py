"""Arrays that are cut before they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.layers import Labels

from dinoscope.image import LazyArray
from dinoscope.napari._lazy import Shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPE = (5, 7, 6)
PIXELS = np.arange(210, dtype=np.uint8).reshape(SHAPE)


class Watched(LazyArray):
    """Notes what is read."""

    def __init__(self, pixels: NDArray[Any] = PIXELS) -> None:
        super().__init__(pixels.shape, pixels.dtype)
        self._pixels, self.seen = pixels, list[tuple[tuple[int, int], ...]]()

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        self.seen.append(tuple((part.start, part.stop) for part in bounds))
        return self._pixels[bounds]


ends = st.one_of(st.none(), st.integers(-8, 8))
parts = st.one_of(st.builds(slice, ends, ends), st.integers(-8, 8), st.just(Ellipsis))


@given(st.lists(st.lists(parts, max_size=4), max_size=3))
def test_it_is_cut_as_numpy_cuts(cuts: list[list[Any]]) -> None:
    shown, expected = Shown(Watched()), PIXELS
    for cut in cuts:
        try:
            expected = expected[tuple(cut)]
        except IndexError:
            with pytest.raises(IndexError):
                shown[tuple(cut)]
            return
        shown = shown[tuple(cut)]
        assert (shown.shape, shown.ndim, shown.size) == (expected.shape, expected.ndim, expected.size)
    found = np.asarray(shown)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)


def test_however_often_it_is_cut_it_is_read_once_and_no_more_than_is_left() -> None:
    source = Watched()
    part = Shown(source)[1:4, 2:6][1, :, 3:5]
    assert source.seen == []
    np.testing.assert_array_equal(np.asarray(part), PIXELS[2, 2:6, 3:5])
    assert source.seen == [((2, 3), (2, 6), (3, 5))]


@pytest.mark.parametrize(
    "index", [slice(None, None, 2), (slice(None), [0, 3]), np.array([1, 2]), PIXELS > 100, (None, 1), (2, ..., None)]
)
def test_what_numpy_can_cut_besides_is_read_first(index: Any) -> None:
    np.testing.assert_array_equal(Shown(Watched())[index], PIXELS[index])


def test_it_turns_into_any_dtype_and_row_by_row() -> None:
    shown = Shown(Watched())
    assert np.asarray(shown, np.float32).dtype == np.float32
    assert len(shown) == 5
    np.testing.assert_array_equal(np.stack([np.asarray(shown[row]) for row in range(5)]), PIXELS)


def test_what_is_read_last_shows_up() -> None:
    pixels = PIXELS.copy()
    shown = Shown(Watched(pixels))[0]
    pixels[:] = 3
    assert (np.asarray(shown) == 3).all()


@pytest.mark.parametrize("multiscale", [False, True])
def test_a_layer_reads_the_section_that_it_shows(multiscale: bool) -> None:
    fine, coarse = Watched(), Watched(PIXELS[:, :3, :3].copy())
    layer = Labels([Shown(fine), Shown(coarse)] if multiscale else Shown(fine), multiscale=multiscale)
    assert layer.ndim == 3
    for seen in (*fine.seen, *coarse.seen):
        assert seen[0] == (0, 1)
    assert fine.seen or coarse.seen
