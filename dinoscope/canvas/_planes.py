"""Sections at any resolution: from the image's own levels where it has them, else shrunk on demand and remembered."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dinoscope.errors import Cancelled
from dinoscope.image import Recent, coarsest_level

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dinoscope.geometry import Region
    from dinoscope.image import ArrayLike
    from dinoscope.tiling import Pyramid

_DIRECT = 8
"""Voxels per side that are read for one pixel; a coarser tile is put together from finer ones, which are remembered."""

_REMEMBERED_BYTES = 128 * 2**20

Shrink = Literal["mean", "pick"]
"""How voxels become one pixel: the mean of those that are numbers, or for labels the one in the middle."""


@dataclass(frozen=True, slots=True)
class Place:
    """A tile of a section in a pyramid."""

    section: int
    level: int
    row: int
    column: int


class Planes:
    """Tiles of an image's sections.

    Parameters
    ----------
    levels
        The array and its coarser versions, finest first, in the axes (z, y, x), (y, x), (z, y, x, s) or (y, x, s).
    stacked
        Whether there is an axis z.
    pyramid
        The tiles.
    shrink
        How voxels become a pixel.
    """

    def __init__(self, levels: Sequence[ArrayLike], stacked: bool, pyramid: Pyramid, shrink: Shrink = "mean") -> None:
        self._levels, self._stacked, self._pyramid, self._shrink = tuple(levels), stacked, pyramid, shrink
        self._recent: Recent[NDArray[Any]] = Recent(_REMEMBERED_BYTES, weigh=lambda tile: tile.nbytes)

    def read(self, place: Place, wanted: Callable[[], bool] = lambda: True) -> NDArray[Any]:
        """Pixels of a tile, shape (h, w) or (h, w, 3), in the dtype of the image.

        Parameters
        ----------
        place
            Which tile, at a level whose step is at least one voxel.
        wanted
            Asked between two parts of the work; False ends it.

        Raises
        ------
        Cancelled
            If the tile is not wanted any more.
        RegionError
            If there is no such tile.
        ImageReadError
            If the file behind the image turns out to be damaged.
        """
        tile = self._recent.get(place)
        if tile is None:
            if not wanted():
                raise Cancelled("nobody waits for this tile any more")
            step = self._pyramid.step(place.level)
            source, factors = coarsest_level(self._levels, int(self._stacked), step)
            near = step <= _DIRECT * max(factors)
            tile = self._read_direct(place, source, factors) if near else self._read_finer(place, wanted)
            self._recent.put(place, tile)
        return tile

    def _read_direct(self, place: Place, source: ArrayLike, factors: tuple[float, float]) -> NDArray[Any]:
        voxels = self._pyramid.voxels(place.level, place.row, place.column)
        index: list[slice | int] = []
        if self._stacked:
            index.append(place.section * source.shape[0] // self._levels[0].shape[0])
        edges = [self._edges(place.level, voxels, axis, factors[axis], source) for axis in (0, 1)]
        index += [slice(int(edge[0]), int(edge[-1])) for edge in edges]
        pixels = np.asarray(source[tuple(index)])
        for axis, edge in enumerate(edges):
            pixels = self._reduced(pixels, edge - edge[0], axis)
        return _as(pixels, source)

    def _edges(self, level: int, voxels: Region, axis: int, factor: float, source: ArrayLike) -> NDArray[np.int64]:
        """Where the pixels of a tile begin in the voxels of a level, and the end of the last, shape (n + 1,)."""
        count, step = self._pyramid.pixels(level, voxels)[axis], self._pyramid.step(level)
        edges = np.minimum(voxels.start[axis] + step * np.arange(count + 1), voxels.stop[axis]) / factor
        last = source.shape[self._stacked + axis]
        begins = np.minimum(np.floor(edges[:-1] + 1e-6), last - 1)
        end = min(max(math.ceil(edges[-1] - 1e-6), begins[-1] + 1), last)
        return np.append(begins, end).astype(np.int64)

    def _read_finer(self, place: Place, wanted: Callable[[], bool]) -> NDArray[Any]:
        """A tile from the four (at the border fewer) tiles of the next level that cover it."""
        rows, columns = self._pyramid.shape(place.level + 1)
        across = range(2 * place.column, min(2 * place.column + 2, columns))
        parts = []
        for row in range(2 * place.row, min(2 * place.row + 2, rows)):
            finer = [Place(place.section, place.level + 1, row, column) for column in across]
            parts.append(np.concatenate([self.read(part, wanted) for part in finer], axis=1))
        pixels = np.concatenate(parts, axis=0)
        for axis in (0, 1):
            pixels = self._reduced(pixels, np.append(np.arange(0, pixels.shape[axis], 2), pixels.shape[axis]), axis)
        return _as(pixels, self._levels[0])

    def _reduced(self, pixels: NDArray[Any], edges: NDArray[np.int64], axis: int) -> NDArray[Any]:
        """One pixel for the pixels between two edges each."""
        if len(edges) == pixels.shape[axis] + 1:
            return pixels
        if self._shrink == "pick":
            middles = np.minimum((edges[:-1] + edges[1:]) // 2, pixels.shape[axis] - 1)
            return np.asarray(pixels.take(middles, axis))
        if pixels.dtype.kind == "f":
            return _finite_means(pixels, edges[:-1], axis)
        sums = np.add.reduceat(pixels, edges[:-1], axis=axis, dtype=np.float32)
        counts = np.maximum(np.diff(edges), 1).astype(np.float32)
        return np.asarray(sums / counts.reshape([-1 if i == axis else 1 for i in range(sums.ndim)]))


def _finite_means(pixels: NDArray[Any], starts: NDArray[np.int64], axis: int) -> NDArray[Any]:
    """Means of what begins at `starts`; a lone NaN is left out, or it would grow with every coarser level."""
    known = np.isfinite(pixels)
    dtype = np.result_type(pixels.dtype, np.float32)
    sums = np.add.reduceat(np.where(known, pixels, 0), starts, axis=axis, dtype=dtype)
    counts = np.add.reduceat(known, starts, axis=axis, dtype=dtype)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def _as(pixels: NDArray[Any], source: ArrayLike) -> NDArray[Any]:
    """Pixels in the dtype of where they come from."""
    dtype = np.dtype(source.dtype)
    if pixels.dtype == dtype or dtype.kind == "f":
        return pixels.astype(dtype, copy=False)
    return np.asarray(np.rint(pixels).astype(dtype))
