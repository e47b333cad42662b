"""A label image read piece by piece, with what lies around each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.geometry import Region
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dinoscope.image import Image

SIDE = 1024
"""Voxels per side of a piece."""

SECTIONS = 8
"""Sections read at once: files in chunks give many for the price of one, and neighbours are read only once more."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part of one section.

    Attributes
    ----------
    region
        Where it lies. The regions of all pieces partition the image.
    labels
        Object numbers in the region, shape (1, h, w) or (h, w).
    around
        The same with a margin of `reach` voxels on both sides of every axis; 0 outside of the image.
    near_edges
        Whether a voxel of the region may have another label than one within `reach` of it; same shape as `labels`.
    intensity
        Grey values in the region, or None.
    """

    region: Region
    labels: NDArray[Any]
    around: NDArray[Any]
    near_edges: NDArray[np.bool_]
    intensity: NDArray[Any] | None


def count_pieces(labels: Image) -> int:
    """How many pieces a label image has."""
    return sum(1 for _ in blocks(labels.extent, _piece_shape(labels)))


def read_pieces(labels: Image, intensity: Image | None, reach: tuple[int, ...]) -> Iterator[Piece]:
    """All pieces of a label image, with a margin of `reach` voxels around each."""
    shape = _piece_shape(labels)
    for slab in blocks(labels.extent, (*(SECTIONS for _ in shape[:-2]), *shape[-2:])):
        around = _read_around(labels, slab, reach)
        near = find_near_edges(around, reach)
        grey = None if intensity is None else intensity.read(slab)
        for region in blocks(slab, shape):
            inner = region.relative_to(slab)
            wide = Region(inner.start, tuple(b + 2 * r for b, r in zip(inner.stop, reach, strict=True)))
            yield Piece(
                region,
                around[inner.shift(reach).slices],
                around[wide.slices],
                near[inner.slices],
                None if grey is None else grey[inner.slices],
            )


def _piece_shape(labels: Image) -> tuple[int, ...]:
    return (*(1 for _ in labels.shape[:-2]), SIDE, SIDE)


def _read_around(labels: Image, region: Region, reach: tuple[int, ...]) -> NDArray[Any]:
    """The labels of a region and around it, with zeros where the image has ended."""
    wide = region.grow(reach)
    inside = wide.intersect(labels.extent)
    missing = zip(wide.start, inside.start, inside.stop, wide.stop, strict=True)
    return np.pad(labels.read(inside), [(b - a, d - c) for a, b, c, d in missing])


def find_near_edges(around: NDArray[Any], reach: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which labels without their margin of `reach` may have an edge on the way to a voxel within reach.

    Step by step along the axes, one of the steps to a voxel of another label crosses an edge.
    """
    edges = np.zeros(around.shape, bool)
    for axis in range(around.ndim):
        lower, upper = _without_end(around, axis, 1)
        crossed = lower != upper
        for side in _without_end(edges, axis, 1):
            side |= crossed
    for axis, far in enumerate(reach):
        grown = edges.copy()
        for step in range(1, far + 1):
            (low, high), (grown_low, grown_high) = _without_end(edges, axis, step), _without_end(grown, axis, step)
            grown_low |= high
            grown_high |= low
        edges = grown
    return edges[tuple(slice(far, n - far) for far, n in zip(reach, around.shape, strict=True))]


def _without_end(array: NDArray[Any], axis: int, step: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """All but the last and all but the first `step` entries along an axis, as views."""
    before: list[slice] = [slice(None)] * array.ndim
    after = before.copy()
    before[axis], after[axis] = slice(None, -step), slice(step, None)
    return array[tuple(before)], array[tuple(after)]
