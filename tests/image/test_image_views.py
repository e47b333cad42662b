"""Lazy arrays and views give what NumPy gives, and read no more than asked for."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dinoscope.errors import RegionError
from dinoscope.image._lazy import Adopted
from dinoscope.image._recent import Recent
from dinoscope.image._views import Cropped, Picked, Reordered, Stacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dinoscope.image import ArrayLike


class CountingArray:
    """An array that counts the voxels it hands out."""

    def __init__(self, values: NDArray[Any]) -> None:
        self._values = values
        self.shape, self.dtype = values.shape, values.dtype
        self.voxels = 0

    def __getitem__(self, index: Any) -> NDArray[Any]:
        part: NDArray[Any] = self._values[index]
        self.voxels += part.size
        return part


arrays = hnp.arrays(np.int16, hnp.array_shapes(min_dims=2, max_dims=4, max_side=6))


def boxes(shape: tuple[int, ...]) -> st.SearchStrategy[tuple[slice, ...]]:
    spans = [st.tuples(st.integers(0, n), st.integers(0, n)).map(lambda p: slice(min(p), max(p))) for n in shape]
    return st.tuples(*spans)


@given(st.data())
def test_any_chain_of_views_reads_what_numpy_reads(data: st.DataObject) -> None:
    values = data.draw(arrays)
    counting = CountingArray(values)
    view: ArrayLike = counting
    for _ in range(data.draw(st.integers(0, 3))):
        kind = data.draw(st.sampled_from(["crop", "pick", "order"]))
        if kind == "crop":
            index = data.draw(boxes(values.shape))
            view, values = Cropped(view, index), values[index]
        elif kind == "pick" and 0 not in values.shape and values.ndim > 1:
            axis = data.draw(st.integers(0, values.ndim - 1))
            at = data.draw(st.integers(0, values.shape[axis] - 1))
            view, values = Picked(view, axis, at), np.take(values, at, axis)
        else:
            order = tuple(data.draw(st.permutations(range(values.ndim))))
            view, values = Reordered(view, order), values.transpose(order)
    box = data.draw(boxes(values.shape))
    counting.voxels = 0
    np.testing.assert_array_equal(view[box], values[box])
    assert view.shape == values.shape
    assert counting.voxels == values[box].size


@given(st.data())
def test_integers_ellipsis_and_negative_positions_work_as_in_numpy(data: st.DataObject) -> None:
    values = data.draw(arrays)
    parts = [
        data.draw(st.integers(-n, n - 1) | st.slices(n).filter(lambda part: part.step in (None, 1)))
        for n in values.shape
    ]
    keep = data.draw(st.integers(0, values.ndim))
    index = (*parts[:keep], ...) if data.draw(st.booleans()) else (..., *parts[values.ndim - keep :])
    np.testing.assert_array_equal(Adopted(values)[index], values[index])


@pytest.mark.parametrize("index", [slice(0, 4, 2), (0, 0, 0), 9, -5, "x", (..., ...), np.array([0, 1])])
def test_an_index_that_is_no_box_is_refused(index: Any) -> None:
    with pytest.raises(RegionError):
        Adopted(np.zeros((4, 4)))[index]


def test_stacked_fetches_only_the_sections_that_are_read() -> None:
    values = np.arange(60).reshape(5, 3, 4)
    fetched: list[int] = []

    def fetch(position: int) -> NDArray[Any]:
        fetched.append(position)
        part: NDArray[Any] = values[position]
        return part

    stack = Stacked(5, fetch, (3, 4), values.dtype)
    np.testing.assert_array_equal(stack[1:3, :2, 1:], values[1:3, :2, 1:])
    assert fetched == [1, 2]


def test_foreign_byte_order_becomes_native() -> None:
    values = np.arange(12, dtype=">u2").reshape(3, 4)
    adopted = Adopted(values)
    assert adopted.dtype.isnative
    assert adopted[...].dtype == np.uint16
    np.testing.assert_array_equal(adopted[1:], values[1:])


def test_dask_can_wrap_a_lazy_array() -> None:
    values = np.arange(24).reshape(4, 6)
    from_array: Any = da.from_array
    wrapped = from_array(Cropped(values, (slice(1, 4), slice(0, 6))), chunks=(2, 2))
    np.testing.assert_array_equal(wrapped.compute(), values[1:4])


def test_views_can_be_pickled() -> None:
    view = Picked(Cropped(np.arange(24).reshape(2, 3, 4), (slice(0, 2), slice(1, 3), slice(0, 4))), 0, 1)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(view))[...], view[...])


@pytest.mark.parametrize("weigh", [None, len])
def test_recent_forgets_the_oldest_but_never_the_newest(weigh: Callable[[str], int] | None) -> None:
    recent: Recent[str] = Recent(2) if weigh is None else Recent(2, weigh)
    recent.put("a", "1")
    recent.put("b", "2")
    assert recent.get("a") == "1"
    recent.put("c", "3")
    assert recent.get("b") is None
    assert (recent.get("a"), recent.get("c")) == ("1", "3")
    recent.put("c", "a long one")
    assert recent.get("c") == "a long one"
    assert (recent.get("a") is None) == (weigh is not None)


def test_recent_survives_threads() -> None:
    recent: Recent[int] = Recent(8)

    def work(seed: int) -> None:
        for step in range(200):
            recent.put((seed * step) % 20, step)
            recent.get(step % 20)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert sum(recent.get(key) is not None for key in range(20)) == 8
