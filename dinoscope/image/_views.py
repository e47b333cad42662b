"""Lazy views: other ways to look at an array, none of which copies it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.image._lazy import Bounds, LazyArray, bounded, piece_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray

    from dinoscope.image._image import ArrayLike


class Cropped(LazyArray):
    """A box of an array, counted from its own corner.

    Parameters
    ----------
    source
        The array to look at.
    index
        One slice with step 1 per axis.
    """

    def __init__(self, source: ArrayLike, index: tuple[slice, ...]) -> None:
        self._source = source
        self._bounds, _ = bounded(index, tuple(source.shape))
        super().__init__(tuple(part.stop - part.start for part in self._bounds), source.dtype)

    @property
    def piece(self) -> tuple[int, ...]:
        """That of the source, of which a part may be asked for."""
        return piece_of(self._source)

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        moved = zip(bounds, self._bounds, strict=True)
        return np.asarray(self._source[tuple(slice(b.start + o.start, b.stop + o.start) for b, o in moved)])


class Picked(LazyArray):
    """An array at one index of one axis; the axis is gone."""

    def __init__(self, source: ArrayLike, axis: int, index: int) -> None:
        shape = tuple(source.shape)
        super().__init__(shape[:axis] + shape[axis + 1 :], source.dtype)
        self._source, self._axis, self._index = source, axis, index

    @property
    def piece(self) -> tuple[int, ...]:
        """That of the source, which may have more than one index of the axis that is gone."""
        source = piece_of(self._source)
        return source[: self._axis] + source[self._axis + 1 :]

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        one = slice(self._index, self._index + 1)
        block = np.asarray(self._source[(*bounds[: self._axis], one, *bounds[self._axis :])])
        return block.squeeze(self._axis)


class Reordered(LazyArray):
    """An array with its axes in another order, as `numpy.transpose` gives it."""

    def __init__(self, source: ArrayLike, order: tuple[int, ...]) -> None:
        super().__init__(tuple(source.shape[axis] for axis in order), source.dtype)
        self._source, self._order = source, order

    @property
    def piece(self) -> tuple[int, ...]:
        """That of the source, reordered."""
        source = piece_of(self._source)
        return tuple(source[axis] for axis in self._order)

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        there = tuple(bounds[self._order.index(axis)] for axis in range(len(self._order)))
        return np.asarray(self._source[there]).transpose(self._order)


class Stacked(LazyArray):
    """Arrays of one shape and dtype, stacked along a new first axis and fetched when they are read.

    Parameters
    ----------
    count
        How many there are.
    fetch
        Gives the array at a position.
    shape, dtype
        Shape and dtype that all of them have.
    """

    def __init__(self, count: int, fetch: Callable[[int], ArrayLike], shape: tuple[int, ...], dtype: DTypeLike) -> None:
        super().__init__((count, *shape), dtype)
        self._fetch = fetch

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        block = np.empty([part.stop - part.start for part in bounds], self.dtype)
        for row, position in enumerate(range(bounds[0].start, bounds[0].stop)):
            block[row] = self._fetch(position)[bounds[1:]]
        return block
