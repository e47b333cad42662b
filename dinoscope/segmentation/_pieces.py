"""Pieces of objects, as they are found block by block, and how they are put together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.measure import label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.geometry import Region
    from dinoscope.similarity import WritableArray

_NO_CLASS = -1
"""What `label` is told to leave out where the background is numbered, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What is known of some pieces or objects. Row 0 is nothing.

    Attributes
    ----------
    classes
        Class labels, 0 for the background, shape (n + 1,).
    voxels
        Sizes in voxels.
    certain
        Whether any voxel is certain.
    places
        Indices, in C order, of their first voxels in the image.
    """

    classes: NDArray[np.uint8]
    voxels: NDArray[np.int64]
    certain: NDArray[np.bool_]
    places: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.classes)

    @classmethod
    def concatenate(cls, parts: list[Facts]) -> Facts:
        """The rows of all parts below one another, with a row 0 before them."""
        none = cls(np.zeros(1, np.uint8), np.zeros(1, np.int64), np.zeros(1, bool), np.zeros(1, np.int64))
        every = [none, *parts]
        return cls(
            np.concatenate([part.classes for part in every]),
            np.concatenate([part.voxels for part in every]),
            np.concatenate([part.certain for part in every]),
            np.concatenate([part.places for part in every]),
        )

    def grouped(self, group: NDArray[np.int64]) -> Facts:
        """The facts of groups of rows, by the number of the group of each row."""
        count = int(group.max()) + 1
        classes, places = np.zeros(count, np.uint8), np.full(count, np.iinfo(np.int64).max)
        np.maximum.at(classes, group, self.classes)
        np.minimum.at(places, group, self.places)
        voxels = np.bincount(group, weights=self.voxels, minlength=count).astype(np.int64)
        return Facts(classes, voxels, np.bincount(group, weights=self.certain, minlength=count) > 0, places)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Objects as a table over the numbers that a scratch array holds.

    Attributes
    ----------
    object_of
        Object of each number, 0 for the background, shape (numbers,).
    facts
        Of the objects.
    """

    object_of: NDArray[np.int64]
    facts: Facts

    def joined(self, pairs: NDArray[np.int64]) -> Found:
        """The same with the objects of each pair (n, 2) made one."""
        group = join(len(self.facts), pairs)
        return Found(group[self.object_of], self.facts.grouped(group))


def join(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Group of each of `count` things, those of each pair (n, 2) being in one. Group 0 is that of thing 0."""
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    group: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return group


def tally(pieces: NDArray[Any], count: int, block: Region, shape: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sizes of the pieces 1 to `count` of a block, and where in the image their first voxels are, in C order."""
    flat = pieces.ravel()
    voxels = np.flatnonzero(flat)
    owner = flat[voxels]
    first = np.zeros(count + 1, np.int64)
    first[owner[::-1]] = voxels[::-1]  # of equal indices the last one written stays
    inside = np.unravel_index(first[1:], block.shape)
    places = np.zeros(count, np.int64)
    for axis, index in enumerate(inside):
        places += (index + block.start[axis]) * math.prod(shape[axis + 1 :])
    return np.bincount(owner, minlength=count + 1)[1:], places


def count_pairs(first: NDArray[Any], second: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different pairs of two equally long lists of numbers below 2 ** 32, shape (n, 2), and how often each is."""
    keys, counts = np.unique((first.astype(np.uint64) << np.uint64(32)) | second.astype(np.uint64), return_counts=True)
    pairs = np.stack([keys >> np.uint64(32), keys & np.uint64(0xFFFFFFFF)], axis=-1).astype(np.int64)
    return pairs, counts.astype(np.int64)


class Collector:
    """Numbers the connected pieces of all blocks, and notes which of them touch.

    Parameters
    ----------
    scratch
        Receives the numbers.
    flat
        Whether sections are kept apart.
    background
        Whether pieces of the background are numbered, too, so that holes can be filled.
    """

    def __init__(self, scratch: WritableArray, flat: bool, background: bool) -> None:
        self._scratch, self._flat, self._background = scratch, flat, background
        self._facts: list[Facts] = []
        self._touching: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]
        self._count = 0

    def add(self, block: Region, labels: NDArray[Any]) -> None:
        """Number the pieces of one block (z, y, x), of class labels that are negative where they are uncertain."""
        classes = np.abs(labels)
        pieces, count = self._number(classes)
        voxels, places = tally(pieces, count, block, self._scratch.shape)
        at = pieces.ravel()
        of_piece = np.zeros(count + 1, np.uint8)
        of_piece[at] = classes.ravel()
        certain = np.bincount(at[labels.ravel() > 0], minlength=count + 1)[1:] > 0
        self._facts.append(Facts(of_piece[1:], voxels, certain, places))
        numbered = np.where(pieces > 0, pieces + self._count, 0).astype(np.uint32)
        self._scratch[block.slices] = numbered
        self._count += count
        for axis in range(int(self._flat), block.ndim):
            self._touch(block, numbered, axis)

    def join(self, hole_voxels: float) -> Found:
        """Join touching pieces of one class, and give holes that are no larger to what surrounds them."""
        facts, pairs = Facts.concatenate(self._facts), np.concatenate(self._touching)
        alike = facts.classes[pairs[:, 0]] == facts.classes[pairs[:, 1]]
        group = join(len(facts), pairs[alike])
        found = Found(group, facts.grouped(group))
        return _fill(found, group[pairs[~alike]], hole_voxels) if self._background else found

    def _number(self, classes: NDArray[Any]) -> tuple[NDArray[Any], int]:
        ignored = _NO_CLASS if self._background else 0
        values = classes.astype(np.int16)
        if not self._flat:
            pieces, count = label(values, background=ignored, return_num=True, connectivity=1)
            return pieces, int(count)
        numbered, total = np.zeros(values.shape, np.int64), 0
        for plane, out in zip(values, numbered, strict=True):
            pieces, count = label(plane, background=ignored, return_num=True, connectivity=1)
            out[:] = np.where(pieces > 0, pieces + total, 0)
            total += int(count)
        return numbered, total

    def _touch(self, block: Region, pieces: NDArray[np.uint32], axis: int) -> None:
        """Note the pieces that touch those of the block before this one along an axis, and holes' rims within."""
        if block.start[axis] > 0:
            before = [slice(a, b) for a, b in zip(block.start, block.stop, strict=True)]
            before[axis] = slice(block.start[axis] - 1, block.start[axis])
            self._note(np.asarray(self._scratch[tuple(before)]), pieces.take([0], axis))
        if self._background:
            along = np.moveaxis(pieces, axis, 0)
            self._note(along[:-1], along[1:])

    def _note(self, there: NDArray[Any], here: NDArray[Any]) -> None:
        met = (there != here) & (there > 0) & (here > 0)
        self._touching.append(count_pairs(there[met], here[met])[0])


def _fill(found: Found, rims: NDArray[np.int64], largest: float) -> Found:
    """Give every small piece of background that touches one object only to that object, and forget the others."""
    classes = found.facts.classes
    rims = np.unique(np.sort(rims, axis=1), axis=0)
    empty = classes[rims] == 0
    rims = np.concatenate([rims[empty[:, 0] & ~empty[:, 1]], rims[empty[:, 1] & ~empty[:, 0]][:, ::-1]])
    owner = np.where(classes > 0, np.arange(len(classes)), 0)
    alone = np.bincount(rims[:, 0], minlength=len(classes))[rims[:, 0]] == 1
    small = found.facts.voxels[rims[:, 0]] <= largest
    holes = rims[alone & small]
    owner[holes[:, 0]] = holes[:, 1]
    group = np.unique(owner, return_inverse=True)[1].ravel()
    return Found(group[found.object_of], found.facts.grouped(group))
