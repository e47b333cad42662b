"""Lazy arrays as napari likes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from dinoscope.image import ArrayLike

CHUNK = 512
"""Voxels per side of what napari reads at once."""


def lazy(array: ArrayLike) -> da.Array:
    """The array for napari, which cuts stacks before it reads only where dask does it for it.

    It gets no name that a cache could know it by: what is behind it may be growing.
    """
    chunks = (*(1 for _ in array.shape[:-2]), *(min(CHUNK, size) for size in array.shape[-2:]))
    meta = np.empty((0,) * len(chunks), array.dtype)  # what dask would otherwise find out by reading
    found: da.Array = da.from_array(array, chunks, name=False, meta=meta)  # type: ignore[no-untyped-call]
    return found


class Shown:
    """An array for a layer that follows what people do: cut as often as napari likes, and then read once.

    dask would do as well, but goes through all its chunks at each look, which takes longer than to compare a mask.

    Parameters
    ----------
    source
        The array.
    bounds
        What of it there is, a slice with step 1 per axis; all by default.
    axes
        The axes of it that are there still; all by default.
    """

    def __init__(
        self, source: ArrayLike, bounds: tuple[slice, ...] | None = None, axes: tuple[int, ...] | None = None
    ) -> None:
        self._source = source
        self._bounds = tuple(slice(0, size) for size in source.shape) if bounds is None else bounds
        self._axes = tuple(range(len(source.shape))) if axes is None else axes
        self.dtype: np.dtype[Any] = np.dtype(source.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent along each axis that is there."""
        return tuple(self._bounds[axis].stop - self._bounds[axis].start for axis in self._axes)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._axes)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        """Extent along the first axis."""
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        """A part of the array, which is not read yet; for what is no integer, slice with step 1 or ellipsis, it is.

        Raises
        ------
        IndexError
            If an integer lies outside, or there are more parts than axes.
        """
        parts = index if isinstance(index, tuple) else (index,)
        if not all(map(_is_plain, parts)):
            return np.asarray(self)[index]
        parts = _written_out(parts, self.ndim)
        bounds, axes = list(self._bounds), list[int]()
        for axis, part in zip(self._axes, parts, strict=True):
            inside = range(bounds[axis].start, bounds[axis].stop)[part if isinstance(part, slice) else int(part)]
            if isinstance(inside, range):
                axes.append(axis)
                bounds[axis] = slice(inside.start, inside.start + len(inside))
            else:
                bounds[axis] = slice(inside, inside + 1)
        return Shown(self._source, tuple(bounds), tuple(axes))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """The elements, read now."""
        block = np.asarray(self._source[self._bounds]) if self.size else np.empty(self.shape, self.dtype)
        return block.reshape(self.shape).astype(dtype or self.dtype, copy=bool(copy))


def _is_plain(part: Any) -> bool:
    if isinstance(part, slice):
        return part.step in (None, 1)
    return part is Ellipsis or (isinstance(part, int | np.integer) and not isinstance(part, bool))


def _written_out(parts: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    """An index with one part per axis."""
    at = parts.index(Ellipsis) if Ellipsis in parts else len(parts)
    first, last = parts[:at], parts[at + 1 :]
    if len(first) + len(last) > ndim or Ellipsis in last:
        raise IndexError(f"index {parts!r} has too many parts for an array of {ndim} axes")
    return (*first, *(slice(None),) * (ndim - len(first) - len(last)), *last)
