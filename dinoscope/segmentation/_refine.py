"""From patches to the borders of objects: near every place, what tells inside from outside in the image itself.

The map says roughly where a class is. Of the intensities within a few patches it makes two, that of the class and that
of what lies around it, and a pixel is moved towards the one it is more like. Done a few times, each time with the
classes of the time before, borders settle where the image changes.

Design notes
------------
- It is Fisher's linear discriminant in a sliding window, with the map as prior: locally ``log p(I | inside) / p(I |
  outside) = (m1 - m0) (I - (m1 + m0) / 2) / v`` for Gaussians of means m1 and m0 and the same variance v.
- Means and variance come from cells of half a patch, so that they cost little; only the discriminant is evaluated at
  pixels.
- All sums are of a fixed order, and halos are as wide as what is summed over: a voxel has one value, whatever is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from dinoscope.geometry import Region
from dinoscope.segmentation._upsample import interpolate, similarity_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.segmentation._picture import Picture
    from dinoscope.segmentation._prior import Prior
    from dinoscope.similarity import SimilarityMap
    from dinoscope.tiling import PatchGrid

_WINDOW = 2
"""Cells on each side within which inside and outside are compared: 5 cells are 2.5 patches."""

_ROUNDS = 3
"""How often the classes of cells are made anew."""

_HALO = 4
"""Patches around a region that have a say in it: `_ROUNDS` windows and the interpolation, in cells of half a patch."""

_MIRRORED = 2
"""Patches more of the map, so that what is mirrored at the border of the image is there to be mirrored."""

REACH = _HALO + _MIRRORED
"""Patches around a region on whose similarities those of its voxels depend."""

_SOFTNESS = 0.2
"""What a similarity of one part of the way from the ordinary to that of the examples weighs in log odds: 1 / 0.2."""

_MOST = 3.0
"""Log odds that the image may add or take: 0.6 of that way, so that it alone makes no object."""

_NOISE = 1e-3
"""Variance of intensities in [0, 1] that is no evidence."""

_TINY = float(np.finfo(np.float32).tiny)

_SURE = 0.005
"""Nothing is more surely inside or outside than that."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What moves similarities to where the image changes.

    Attributes
    ----------
    prior
        What the map means by itself.
    picture
        The image.
    """

    prior: Prior
    picture: Picture

    def read(self, similarity: SimilarityMap, region: Region, step: int) -> NDArray[np.float32]:
        """Similarities at the voxels of a region (z, y, x), shape (K, z, y / step, x / step), rounded up.

        Raises
        ------
        ImageReadError
            If the file behind the image turns out to be damaged.
        """
        pixels = self.picture.lattice(similarity.grid, step)
        if pixels is None:
            return similarity_at(similarity, region, step)
        values = similarity_at(similarity, region, step)
        for row, z in enumerate(range(region.start[0], region.stop[0])):
            section = Region((z, *region.start[1:]), (z + 1, *region.stop[1:]))
            values[:, row] += self._moves(similarity, section, pixels, step)
        return values.clip(0.0, 1.0, out=values)

    def _moves(self, similarity: SimilarityMap, section: Region, pixels: PatchGrid, step: int) -> NDArray[np.float32]:
        """What is added to the similarities of a part of a section, shape (K, y / step, x / step)."""
        patches = similarity.grid.patches_around(section).grow((0, _HALO, _HALO))
        side = pixels.stride // 2
        seen = self.picture.smoothed(pixels, patches, step)
        cells = _cells(seen, side)
        places = [_places(section, pixels, patches, step, axis) for axis in (1, 2)]
        parts = [_part(at, size) for at, size in zip(places, seen.shape, strict=True)]
        moves = []
        for similar, even, span in zip(
            _cell_similarities(similarity, patches), self.prior.evens, self.prior.span, strict=True
        ):
            weight = max(_SOFTNESS * float(span), _TINY)
            slope, offset = _discriminant(cells, (similar - float(even)) / weight)
            odds = _spread(slope, side, parts)
            odds *= seen[parts[0], parts[1]]
            odds += _spread(offset, side, parts)
            odds.clip(-_MOST, _MOST, out=odds)
            moves.append(np.float32(weight) * _at(odds, places, parts))
        return np.stack(moves)


def _cells(seen: NDArray[np.float32], side: int) -> NDArray[np.float64]:
    """Mean intensities of cells of `side` pixels per side."""
    height, width = (size // side for size in seen.shape)
    mean: NDArray[np.float64] = seen.reshape(height, side, width, side).mean(axis=(1, 3), dtype=np.float64)
    return mean


def _discriminant(
    cells: NDArray[np.float64], prior: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What an intensity is multiplied with, and what is then added, for the log odds that it is inside.

    Parameters
    ----------
    cells
        Intensities, shape (h, w).
    prior
        Log odds from the map, shape (h, w).

    Returns
    -------
    Two arrays of shape (h, w).
    """
    mean, square = _windowed(cells), _windowed(cells * cells)
    odds = prior
    for _ in range(_ROUNDS):
        inside = _SURE + (1.0 - 2.0 * _SURE) / (1.0 + np.exp(-odds.clip(-30.0, 30.0)))
        share, sums = _windowed(inside), _windowed(inside * cells)
        ours, theirs = sums / share, (mean - sums) / (1.0 - share)
        variance = np.maximum(square - share * ours**2 - (1.0 - share) * theirs**2, 0.0) + _NOISE
        slope = (ours - theirs) / variance
        offset = -slope * (ours + theirs) / 2.0
        odds = prior + (slope * cells + offset).clip(-_MOST, _MOST)
    return slope.astype(np.float32), offset.astype(np.float32)


def _windowed(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the window around every cell, summed in the same order everywhere."""
    weights = np.full(2 * _WINDOW + 1, 1.0 / (2 * _WINDOW + 1))
    down = ndimage.correlate1d(cells, weights, axis=0)
    mean: NDArray[np.float64] = ndimage.correlate1d(down, weights, axis=1)
    return mean


def _spread(cells: NDArray[np.float32], side: int, parts: Sequence[slice]) -> NDArray[np.float32]:
    """Values of cells at some rows and columns of pixels, bilinear between the middles of cells."""
    for axis, part in enumerate(parts):
        places = (np.arange(part.start, part.stop) + 0.5) / side - 0.5
        cells = interpolate(cells, places, axis)
    return cells


def _cell_similarities(similarity: SimilarityMap, patches: Region) -> NDArray[np.float64]:
    """Similarities at the middles of cells of half a patch, shape (K, 2 gy, 2 gx), mirrored at the image's borders."""
    grid = similarity.grid
    known = patches.grow((0, _MIRRORED, _MIRRORED)).intersect(grid.extent)
    values = similarity.read(known)[:, 0].astype(np.float64)
    for axis in (1, 2):
        cells = np.arange(2 * patches.start[axis], 2 * patches.stop[axis])
        size = grid.voxels[axis] / grid.patch_voxels
        middles = np.abs((cells + 0.5) / 2.0)
        places = np.minimum(middles, np.abs(2.0 * size - middles)) - 0.5 - known.start[axis]
        values = interpolate(values, places, axis)
    return values


def _places(section: Region, pixels: PatchGrid, patches: Region, step: int, axis: int) -> NDArray[np.float64]:
    """Where the voxels along an axis of a section lie in the pixels of some patches."""
    voxels = np.arange(section.start[axis], section.stop[axis], step, dtype=np.float64) + (step - 1) / 2
    places: NDArray[np.float64] = (voxels + 0.5) * pixels.scale - 0.5 - patches.start[axis] * pixels.stride
    return places


def _part(places: NDArray[np.float64], size: int) -> slice:
    """The pixels, of `size`, that decide the values at some places, and one more: the last is no end of them."""
    return slice(max(math.floor(places[0]), 0), min(math.floor(places[-1]) + 2, size))


def _at(
    odds: NDArray[np.float32], places: Sequence[NDArray[np.float64]], parts: Sequence[slice]
) -> NDArray[np.float32]:
    """Values at places between the middles of the pixels, bilinear; `parts` says which of the pixels there are."""
    for axis, (at, part) in enumerate(zip(places, parts, strict=True)):
        within = at - part.start
        if np.array_equal(within, np.arange(len(within))):
            odds = odds[(slice(None),) * axis + (slice(0, len(within)),)]
        else:
            odds = interpolate(odds, within, axis)
    return odds
