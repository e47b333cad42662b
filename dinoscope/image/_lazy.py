"""The base of every array that reads from disk only what is asked for."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import ImageReadError, RegionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray

Bounds = tuple[slice, ...]
"""One slice per axis, each with an integer start and stop inside of the array, and step 1."""


class LazyArray(ABC):
    """An n-d array behind which pixels are read on demand.

    A subclass says its shape and dtype up front and reads one box of voxels in `_read`. Values always come out in
    native byte order. Reading is safe from several threads.

    Parameters
    ----------
    shape
        Extent along each axis.
    dtype
        Type of one sample.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.shape = tuple(int(extent) for extent in shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype).newbyteorder("=")

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of samples."""
        return math.prod(self.shape)

    @property
    def piece(self) -> tuple[int, ...]:
        """Extent along each axis of what is read whole, whatever part of it is asked for; 1 where nothing more is."""
        return (1,) * self.ndim

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Voxels at a NumPy index of integers and slices with step 1."""
        bounds, drop = bounded(index, self.shape)
        extent = tuple(part.stop - part.start for part in bounds)
        block = self._read(bounds) if all(extent) else np.empty(extent, self.dtype)
        return block.astype(self.dtype, copy=False)[drop]

    @abstractmethod
    def _read(self, bounds: Bounds) -> NDArray[Any]:
        """Voxels of a box that is not empty, in any byte order, with as many axes as the array."""


class Adopted(LazyArray):
    """A foreign array (zarr, HDF5, dask, NumPy) behind the rules above."""

    def __init__(self, source: Any) -> None:
        super().__init__(source.shape, source.dtype)
        self._source = source

    @property
    def piece(self) -> tuple[int, ...]:
        """That of the source."""
        return piece_of(self._source)

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        return np.asarray(self._source[bounds])


class Deferred(LazyArray):
    """An array that is opened when it is first read.

    Parameters
    ----------
    shape, dtype
        What it will turn out to have.
    make
        Opens it. It can be pickled if the array shall be.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike, make: Callable[[], Any]) -> None:
        super().__init__(shape, dtype)
        self._make = make
        self._source: Any = None
        self._lock = Lock()

    def __reduce__(self) -> tuple[object, ...]:
        return Deferred, (self.shape, self.dtype, self._make)

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        with self._lock:
            if self._source is None:
                self._source = self._opened()
        return np.asarray(self._source[bounds])

    def _opened(self) -> Any:
        source = self._make()
        if tuple(source.shape) != self.shape:
            raise ImageReadError(
                f"a resolution level has shape {tuple(source.shape)} now, expected {self.shape}: its file changed "
                "since the image was opened; open it again"
            )
        return source


def piece_of(array: Any) -> tuple[int, ...]:
    """Extent along each axis of what is read whole of an array, as far as it tells; 1 where it does not."""
    if isinstance(array, LazyArray):
        return array.piece
    told = getattr(array, "chunks", None) or ()
    if len(told) != len(array.shape):
        return (1,) * len(array.shape)
    largest = (size if isinstance(size, int) else max(size) for size in told)  # dask tells all chunks along an axis
    return tuple(min(int(size), int(extent)) for size, extent in zip(largest, array.shape, strict=True))


def bounded(index: Any, shape: tuple[int, ...]) -> tuple[Bounds, tuple[int | slice, ...]]:
    """A NumPy index as bounded slices, and the index that then removes the axes picked by an integer.

    Raises
    ------
    RegionError
        If the index is longer than the shape, leaves it, has a step, or is neither integer nor slice.
    """
    parts = index if isinstance(index, tuple) else (index,)
    parts = _expanded(parts, len(shape))
    bounds: list[slice] = []
    drop: list[int | slice] = []
    for part, extent in zip(parts, shape, strict=True):
        if isinstance(part, slice):
            start, stop, step = part.indices(extent)
            if step != 1:
                raise RegionError(f"index {index!r} has step {step}: expected slices with step 1")
            bounds.append(slice(start, max(start, stop)))
            drop.append(slice(None))
        else:
            position = _position(part, extent)
            bounds.append(slice(position, position + 1))
            drop.append(0)
    return tuple(bounds), tuple(drop)


def _expanded(parts: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    """The index with one part per axis, an ellipsis written out."""
    given = [part for part in parts if part is not Ellipsis]
    if len(given) > ndim or len(parts) - len(given) > 1:
        raise RegionError(f"index {parts!r} has too many parts for an array of {ndim} axes")
    rest = (slice(None),) * (ndim - len(given))
    at = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    return (*parts[:at], *rest, *parts[at + 1 :])


def _position(part: Any, extent: int) -> int:
    if not isinstance(part, int | np.integer):
        raise RegionError(f"index part {part!r}: expected an integer or a slice")
    position = int(part) + extent if part < 0 else int(part)
    if not 0 <= position < extent:
        raise RegionError(f"index {int(part)} lies outside of an axis of {extent}")
    return position
