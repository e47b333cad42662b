"""Touching objects, split at their necks, block by block and yet as if the image were one block.

The depth of a voxel is its distance from where its class ends. Every voxel belongs to the top that is reached from it
by steps to the neighbour that rises most: such a basin needs no more of the image than the depths around each of its
voxels, so basins that blocks cut are put together exactly. Basins are then made one, over the highest passes first,
unless the pass between them is a neck (`merge_basins`).
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from dinoscope.geometry import Region
from dinoscope.jobs import counted
from dinoscope.segmentation._merging import Passes, merge_basins
from dinoscope.segmentation._pieces import Facts, Found, count_pairs, tally
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dinoscope.jobs import ProgressCallback
    from dinoscope.segmentation._rules import ObjectRules
    from dinoscope.similarity import WritableArray


def split_objects(scratch: WritableArray, found: Found, rules: ObjectRules, progress: ProgressCallback) -> Found:
    """Split objects that are joined by necks.

    Parameters
    ----------
    scratch
        Piece numbers, shape (z, y, x); those of objects are replaced by new ones.
    found
        The objects.
    rules
        What a neck is.
    progress
        Called after every block, with the stage ``"split"``.
    """
    basins = _Basins(scratch, found, rules)
    tile = (1, *rules.tile[1:]) if rules.flat else rules.tile
    for block in counted(list(blocks(Region.of_shape(scratch.shape), tile)), "split", progress):
        basins.add(block)
    return basins.join()


class _Basins:
    """Numbers the basins of all blocks, and notes which of them are one and how high the passes between them are."""

    def __init__(self, scratch: WritableArray, found: Found, rules: ObjectRules) -> None:
        self._scratch, self._found, self._rules = scratch, found, rules
        self._before = len(found.object_of)
        """The first number that means a basin; smaller ones are pieces that wait for their turn."""
        self._owners = found.object_of
        self._count = self._before
        self._facts: list[Facts] = []
        self._tops: list[NDArray[np.float32]] = [np.zeros(1, np.float32)]
        self._same: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]
        self._passes: list[Passes] = []

    def add(self, block: Region) -> None:
        """Find the basins of a block (z, y, x), and how they go on in the blocks before it."""
        extent = Region.of_shape(self._scratch.shape)
        margin = tuple(
            0 if size == 1 or (self._rules.flat and axis == 0) else math.ceil(self._rules.reach / length) + 2
            for axis, (size, length) in enumerate(zip(extent.shape, self._rules.spacing, strict=True))
        )
        window = block.grow(margin).intersect(extent)
        numbers = np.asarray(self._scratch[window.slices]).astype(np.int64)
        objects = self._owners[numbers]
        if not objects[block.relative_to(window).slices].any():
            return
        depths = find_depths(self._found.facts.classes[objects], self._rules.spacing, self._rules.reach)
        step = tuple(min(1, m) for m in margin)
        wide = block.grow(tuple(2 * s for s in step)).intersect(extent)
        near = block.grow(step).intersect(extent)
        crop = wide.relative_to(window).slices
        objects, depths, numbers = objects[crop], depths[crop], numbers[crop]
        ahead = climb(depths, objects, self._rules.spacing)
        numbers = np.where(numbers >= self._before, numbers, 0)
        numbers[block.relative_to(wide).slices] = self._number(block, wide, ahead, objects, depths)
        self._meet(near, wide, ahead, numbers)
        inside = near.relative_to(wide).slices
        self._passes.append(find_passes(numbers[inside], objects[inside], depths[inside], near, self._scratch.shape))

    def join(self) -> Found:
        """The basins put together to objects."""
        facts = Facts.concatenate(self._facts)
        shift = self._before - 1  # so that the basins count from 1
        passes = Passes.concatenate(self._passes, shift)
        same = np.concatenate(self._same) - shift
        group = merge_basins(np.concatenate(self._tops), facts.voxels, same, passes, self._rules)
        of_number = np.concatenate([np.zeros(shift, np.int64), group])
        of_number[0] = 0
        return Found(of_number, facts.grouped(group))

    def _number(
        self, block: Region, wide: Region, ahead: NDArray[np.int64], objects: NDArray[Any], depths: NDArray[np.float32]
    ) -> NDArray[np.int64]:
        """Numbers of the basins within a block, which are kept, too, in the scratch array."""
        core = block.relative_to(wide).slices
        inside = np.zeros(wide.shape, bool)
        inside[core] = objects[core] > 0
        top = _follow(ahead.ravel(), inside.ravel()).reshape(wide.shape)
        is_top = inside & (top == np.arange(top.size).reshape(top.shape))
        numbers = np.where(inside, np.cumsum(is_top).reshape(top.shape).ravel()[top], 0)[core]
        count = int(is_top.sum())
        owners = objects[is_top]
        voxels, places = tally(numbers, count, block, self._scratch.shape)
        facts = self._found.facts
        self._facts.append(Facts(facts.classes[owners], voxels, facts.certain[owners], places))
        self._tops.append(depths[is_top])
        self._own(owners)
        numbers = np.where(numbers > 0, numbers + self._count - 1, 0)
        self._count += count
        self._scratch[block.slices] = numbers.astype(np.uint32)
        return numbers

    def _own(self, owners: NDArray[np.int64]) -> None:
        """Note the objects of the next numbers. The table grows by doubling, which copies it rarely."""
        stop = self._count + len(owners)
        if stop > len(self._owners):
            self._owners = np.concatenate([self._owners, np.zeros(max(stop, 1024), np.int64)])
        self._owners[self._count : stop] = owners

    def _meet(self, near: Region, wide: Region, ahead: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        """Note basins that a step leads from one into the other: a block cut them."""
        inside = near.relative_to(wide).slices
        here, there = numbers[inside].ravel(), numbers.ravel()[ahead[inside].ravel()]
        met = (here != there) & (here > 0) & (there > 0)
        self._same.append(count_pairs(here[met], there[met])[0])


def find_depths(classes: NDArray[Any], spacing: tuple[float, ...], reach: float) -> NDArray[np.float32]:
    """Distance of every voxel from the nearest that is not of its class, at most `reach`; 0 in the background.

    Half a voxel is taken off, as the class ends between the two.

    Parameters
    ----------
    classes
        Class labels.
    spacing
        Length of a voxel along each axis.
    reach
        Depths above it are cut off; also those where nothing else is in sight.
    """
    depths = np.zeros(classes.shape, np.float32)
    for value in np.unique(classes[classes > 0]):
        inside = classes == value
        if inside.all():
            return np.full(classes.shape, reach, np.float32)
        distance = distance_transform_edt(inside, sampling=spacing)[inside] - min(spacing) / 2
        depths[inside] = np.minimum(distance, reach)
    return depths


def climb(depths: NDArray[np.float32], objects: NDArray[Any], spacing: tuple[float, ...]) -> NDArray[np.int64]:
    """Of every voxel, the flat index of the neighbour in its object to which the depth rises most; its own at a top.

    Parameters
    ----------
    depths, objects
        Depths, and object ids, 0 being none.
    spacing
        Length of a voxel along each axis.

    Notes
    -----
    Where depths are equal a step goes on in C order, so that no steps go round in a circle. These are the basins of a
    watershed by toboggans (Fairfield, ICPR 1990), which floods nothing and so depends on nothing afar.
    """
    ahead = np.arange(depths.size).reshape(depths.shape)
    own = ahead.copy()
    steepest = np.zeros(depths.shape, np.float32)
    for offset in itertools.product((-1, 0, 1), repeat=depths.ndim):
        if not any(offset):
            continue
        here, there = _shifted(offset)
        rise = (depths[there] - depths[here]) / np.float32(math.hypot(*np.multiply(offset, spacing)))
        later = offset > (0,) * depths.ndim
        better = rise >= steepest[here] if later else rise > steepest[here]
        better &= (objects[here] == objects[there]) & (objects[here] > 0)
        steepest[here][better] = rise[better]
        ahead[here][better] = own[there][better]
    return ahead


def find_passes(
    numbers: NDArray[np.int64],
    objects: NDArray[Any],
    depths: NDArray[np.float32],
    region: Region,
    shape: tuple[int, ...],
) -> Passes:
    """The highest pass between any two basins of one object that touch, voxel face to voxel face.

    Parameters
    ----------
    numbers, objects, depths
        Of the voxels of a region; number 0 is no basin.
    region
        Where it lies in the image.
    shape
        Of the image.
    """
    pairs, heights, places = [], [], []
    for axis, (here, there) in _faces(numbers.ndim):
        a, b = numbers[here], numbers[there]
        at = np.nonzero((a != b) & (a > 0) & (b > 0) & (objects[here] == objects[there]))
        pairs.append(np.sort(np.stack([a[at], b[at]], axis=-1), axis=1))
        heights.append(np.minimum(depths[here][at], depths[there][at]))
        index = tuple(i + first for i, first in zip(at, region.start, strict=True))
        places.append(np.ravel_multi_index(index, shape) * numbers.ndim + axis)
    return Passes(np.concatenate(pairs), np.concatenate(heights), np.concatenate(places)).highest()


def _follow(ahead: NDArray[np.int64], inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Where the steps from every voxel end that lead through voxels inside only."""
    own = np.arange(ahead.size)
    end: NDArray[np.int64] = np.where(inside & inside[ahead], ahead, own)
    while True:
        farther = end[end]
        if np.array_equal(farther, end):
            return end
        end = farther


def _shifted(offset: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Slices of all voxels that have a neighbour at an offset, and of these neighbours."""
    here = tuple(slice(max(0, -step), -step if step > 0 else None) for step in offset)
    there = tuple(slice(max(0, step), step if step < 0 else None) for step in offset)
    return here, there


def _faces(ndim: int) -> Iterator[tuple[int, tuple[tuple[slice, ...], tuple[slice, ...]]]]:
    """Each axis, with the slices of the voxels that have a next one along it, and of those."""
    for axis in range(ndim):
        yield axis, _shifted(tuple(int(i == axis) for i in range(ndim)))
