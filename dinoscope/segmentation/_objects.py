"""Connected objects of a mask that is never in memory as a whole.

Every block is labelled by itself; labels that meet at a seam are joined; what is too small is dropped. The result does
not depend on the size of the blocks but for the order of the ids.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.measure import label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from dinoscope.geometry import Region
    from dinoscope.similarity import WritableArray


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Objects as they were found block by block. Piece 0 is the background.

    Attributes
    ----------
    object_of
        Final id of each piece, 0 where it was dropped, shape (pieces + 1,).
    class_of
        Class label of each object, shape (objects + 1,).
    voxels
        Size of each object in voxels, shape (objects + 1,).
    """

    object_of: NDArray[np.uint32]
    class_of: NDArray[np.uint8]
    voxels: NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of objects."""
        return len(self.class_of) - 1


class _Collector:
    """Numbers the pieces of all blocks and notes which of them touch."""

    def __init__(self, scratch: WritableArray) -> None:
        self._scratch = scratch
        self._classes: list[NDArray[Any]] = [np.zeros(1, np.uint8)]
        self._voxels: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self._touching: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]
        self._count = 0

    def add(self, block: Region, classes: NDArray[Any]) -> None:
        """Label the objects of one block (z, y, x) and keep them in the scratch array."""
        pieces, count = label(classes, return_num=True, connectivity=1)
        first = np.unique(pieces, return_index=True)[1][-count:] if count else np.zeros(0, np.int64)
        self._classes.append(classes.ravel()[first].astype(np.uint8))
        self._voxels.append(np.bincount(pieces.ravel(), minlength=count + 1)[1:])
        numbered = np.where(pieces > 0, pieces + self._count, 0).astype(np.uint32)
        self._scratch[block.slices] = numbered
        self._count += count
        for axis in range(block.ndim):
            self._touch(block, numbered, axis)

    def _touch(self, block: Region, pieces: NDArray[np.uint32], axis: int) -> None:
        """Note the pieces that touch those of the block before this one along an axis."""
        if block.start[axis] == 0:
            return
        before = [slice(a, b) for a, b in zip(block.start, block.stop, strict=True)]
        before[axis] = slice(block.start[axis] - 1, block.start[axis])
        there = np.asarray(self._scratch[tuple(before)]).ravel().astype(np.int64)
        here = pieces.take([0], axis).ravel().astype(np.int64)
        pairs = np.stack([there, here], axis=-1)
        self._touching.append(np.unique(pairs[(there > 0) & (here > 0)], axis=0))

    def join(self, min_voxels: float) -> Pieces:
        """Merge touching pieces of one class and drop objects smaller than `min_voxels`."""
        classes, voxels = np.concatenate(self._classes), np.concatenate(self._voxels)
        touching = np.concatenate(self._touching)
        touching = touching[classes[touching[:, 0]] == classes[touching[:, 1]]]
        size = len(classes)
        graph = coo_array((np.ones(len(touching), bool), (touching[:, 0], touching[:, 1])), shape=(size, size))
        count, group = connected_components(graph, directed=False)
        total = np.bincount(group, weights=voxels, minlength=count).astype(np.int64)
        kept = total >= max(1.0, min_voxels)
        kept[group[0]] = False  # the background
        new_id = np.where(kept, np.cumsum(kept), 0).astype(np.uint32)
        class_of_group = np.zeros(count, np.uint8)
        class_of_group[group] = classes
        nothing = np.zeros(1, np.int64)
        return Pieces(
            new_id[group],
            np.concatenate([nothing.astype(np.uint8), class_of_group[kept]]),
            np.concatenate([nothing, total[kept]]),
        )


def find_objects(
    blocks: Iterable[Region],
    read: Callable[[Region], NDArray[np.uint8]],
    scratch: WritableArray,
    min_voxels: float = 0.0,
) -> Pieces:
    """Find the connected objects of a mask, block by block.

    Parameters
    ----------
    blocks
        Boxes (z, y, x) that partition the image, in C order.
    read
        Gives the class labels of a block. Voxels of different classes never join.
    scratch
        Shape of the image, uint32: receives piece numbers; `Pieces.object_of` turns them into objects.
    min_voxels
        Smaller objects are dropped.
    """
    collector = _Collector(scratch)
    for block in blocks:
        collector.add(block, read(block))
    return collector.join(min_voxels)


def voxels_of_diameter(diameter: float, voxel_size: tuple[float, ...]) -> float:
    """Number of voxels of a disc (2 axes) or ball (3 axes) of this diameter, in the unit of the voxel size."""
    radius, voxel = diameter / 2.0, math.prod(voxel_size)
    volume = math.pi * radius**2 if len(voxel_size) == 2 else 4.0 / 3.0 * math.pi * radius**3
    return volume / voxel
