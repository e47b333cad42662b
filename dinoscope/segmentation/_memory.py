"""Blocks of similarities that were worked out last: a threshold that moves compares, and works nothing out."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from dinoscope.geometry import Region
from dinoscope.image import Recent

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from numpy.typing import NDArray

SIDE = 512
"""Pixels per side of a block. Blocks lie where they lie, whatever is looked at: neighbouring views share them."""

_REMEMBERED_BYTES = 128 * 2**20
"""About 8 million pixels of a display for each of four classes."""

_LOCKS = 16

Place: TypeAlias = "tuple[slice, slice, slice]"
"""Pixels (z, y, x)."""


class Memory:
    """What was worked out last, and what from. What several threads ask for at once is worked out by one of them."""

    def __init__(self) -> None:
        self._recent: Recent[tuple[NDArray[np.float32], NDArray[np.float32]]] = Recent(_REMEMBERED_BYTES, weigh=_bytes)
        self._locks = tuple(Lock() for _ in range(_LOCKS))

    def __reduce__(self) -> tuple[object, ...]:
        """What travels to another process is a memory without content."""
        return Memory, ()

    def recall(
        self, key: Hashable, source: NDArray[np.float32], make: Callable[[], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """The values of a block, not to be written to.

        Parameters
        ----------
        key
            Which block.
        source
            What its values depend on and what may change, as a map that grows: if it is not what it was, they are made
            anew.
        make
            Makes them.
        """
        with self._locks[hash(key) % _LOCKS]:
            kept = self._recent.get(key)
            if kept is None or not np.array_equal(kept[0], source):
                kept = source.copy(), make()  # copied first: what changes meanwhile is noticed the next time
                kept[1].flags.writeable = False
                self._recent.put(key, kept)
            return kept[1]

    def has(self, key: Hashable, source: NDArray[np.float32]) -> bool:
        """Whether a block is remembered that was made from this source."""
        kept = self._recent.get(key)
        return kept is not None and np.array_equal(kept[0], source)


def _bytes(kept: tuple[NDArray[np.float32], NDArray[np.float32]]) -> int:
    return kept[0].nbytes + kept[1].nbytes


def blocks_of(region: Region, step: int, voxels: tuple[int, ...]) -> Iterator[tuple[Region, Place, Place]]:
    """The blocks that a region lies in.

    Parameters
    ----------
    region
        Voxels (z, y, x); in y and x it begins at a multiple of `step`.
    step
        Voxels per side of a pixel.
    voxels
        Shape of the image (z, y, x).

    Yields
    ------
    The voxels of a block, the pixels that it has in common with the region as places in the region, and as places in
    the block.
    """
    for row, z in enumerate(range(region.start[0], region.stop[0])):
        for top, down, inner_down in _spans(region, step, 1):
            for left, across, inner_across in _spans(region, step, 2):
                stop = (min(first + SIDE * step, size) for first, size in zip((top, left), voxels[1:], strict=True))
                block = Region((z, top, left), (z + 1, *stop))
                yield block, (slice(row, row + 1), down, across), (slice(0, 1), inner_down, inner_across)


def _spans(region: Region, step: int, axis: int) -> Iterator[tuple[int, slice, slice]]:
    """Where the blocks along an axis begin, in voxels, and what of them is in a region: there, and in the block."""
    first, last = region.start[axis] // step, -(-region.stop[axis] // step)
    for begin in range(first // SIDE * SIDE, last, SIDE):
        low, high = max(first, begin), min(last, begin + SIDE)
        yield begin * step, slice(low - first, high - first), slice(low - begin, high - begin)
