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
from scipy.ndimage import distance_transform_edt, find_objects, label

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

_BOX_COST = 4096
"""Voxels for which distances are found in the time that it takes to begin anew."""


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
        self._owners = found.object_of.astype(np.uint32)  # windows of them are what takes most memory
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
        numbers = np.asarray(self._scratch[window.slices])
        objects = self._owners[numbers]
        if not objects[block.relative_to(window).slices].any():
            return
        depths = find_depths(self._found.facts.classes[objects], self._rules.spacing, self._rules.reach)
        step = tuple(min(1, m) for m in margin)
        wide = block.grow(tuple(2 * s for s in step)).intersect(extent)
        near = block.grow(step).intersect(extent)
        crop = wide.relative_to(window).slices
        objects, depths, numbers = objects[crop], depths[crop], numbers[crop].astype(np.int64)
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
        voxels, top = _follow(ahead.ravel(), inside.ravel())
        is_top = top == np.arange(len(top))
        basins = np.zeros(wide.size, np.int64)
        basins[voxels] = np.cumsum(is_top)[top]
        numbers = basins.reshape(wide.shape)[core]
        tops = voxels[is_top]
        owners = objects.ravel()[tops]
        sizes, places = tally(numbers, len(tops), block, self._scratch.shape)
        facts = self._found.facts
        self._facts.append(Facts(facts.classes[owners], sizes, facts.certain[owners], places))
        self._tops.append(depths.ravel()[tops])
        self._own(owners)
        numbers = np.where(numbers > 0, numbers + self._count - 1, 0)
        self._count += len(tops)
        self._scratch[block.slices] = numbers.astype(np.uint32)
        return numbers

    def _own(self, owners: NDArray[np.uint32]) -> None:
        """Note the objects of the next numbers. The table grows by doubling, which copies it rarely."""
        stop = self._count + len(owners)
        if stop > len(self._owners):
            self._owners = np.concatenate([self._owners, np.zeros(max(stop, 1024), np.uint32)])
        self._owners[self._count : stop] = owners

    def _meet(self, near: Region, wide: Region, ahead: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        """Note basins that a step leads from one into the other: a block cut them."""
        inside = near.relative_to(wide).slices
        seen = np.zeros(wide.shape, bool)
        seen[inside] = numbers[inside] > 0
        at = np.flatnonzero(seen)
        here, there = numbers.ravel()[at], numbers.ravel()[ahead.ravel()[at]]
        met = (here != there) & (there > 0)
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
        for box, part in _parts(inside):
            depths[box][part] = np.minimum(_distances(part, spacing) - min(spacing) / 2, reach)
    return depths


def _parts(inside: NDArray[np.bool_]) -> Iterator[tuple[tuple[slice, ...], NDArray[np.bool_]]]:
    """Boxes in which distances are those in the whole, each with the voxels that they are right for.

    Of a voxel the nearest one outside touches the part that hangs together around it, as all voxels that are nearer
    are inside: a margin of one voxel is enough. Where parts are many or entangled, the whole is one box.
    """
    parts, count = label(inside)
    boxes = [tuple(slice(max(0, s.start - 1), s.stop + 1) for s in box) for box in find_objects(parts)]
    if sum(parts[box].size + _BOX_COST for box in boxes) > inside.size:
        del parts
        yield (slice(None),) * inside.ndim, inside
        return
    for number, box in zip(range(1, count + 1), boxes, strict=True):
        yield box, parts[box] == number


def _distances(inside: NDArray[np.bool_], spacing: tuple[float, ...]) -> NDArray[np.float64]:
    """Distance of every voxel inside from the nearest outside, in C order, shape (n,)."""
    nearest = distance_transform_edt(inside, sampling=spacing, return_distances=False, return_indices=True)
    squares = np.zeros(np.count_nonzero(inside))
    for axis, length in enumerate(spacing):
        apart = nearest[axis]  # as SciPy goes on from here, in a third of the memory
        apart -= np.arange(inside.shape[axis], dtype=apart.dtype).reshape([-1] + [1] * (inside.ndim - axis - 1))
        along = apart[inside] * length
        along *= along
        squares += along
    return np.sqrt(squares, out=squares)


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
    ahead = np.arange(depths.size)
    inside, at = np.flatnonzero(objects), np.flatnonzero(np.pad(objects, 1))  # the same, with a rim for the steps
    owners, heights = np.pad(objects, 1).ravel(), np.pad(depths, 1).ravel()
    owner, height = owners[at], heights[at]
    steepest, jumps = np.zeros(len(at), np.float32), np.zeros(len(at), np.int64)
    for offset in itertools.product((-1, 0, 1), repeat=depths.ndim):
        if not any(offset):
            continue
        there = at + _jump(offset, tuple(size + 2 for size in depths.shape))
        rise = (heights[there] - height) / np.float32(math.hypot(*np.multiply(offset, spacing)))
        later = offset > (0,) * depths.ndim
        better = np.flatnonzero(rise >= steepest if later else rise > steepest)
        better = better[owners[there[better]] == owner[better]]
        steepest[better] = rise[better]
        jumps[better] = _jump(offset, depths.shape)
    ahead[inside] += jumps
    return ahead.reshape(depths.shape)


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
    rim = tuple(size + 1 for size in numbers.shape)
    basins, owners, depth = (np.pad(values, (0, 1)).ravel() for values in (numbers, objects, depths))
    at = np.flatnonzero(basins)
    for axis in range(numbers.ndim):
        there = at + _jump(tuple(int(i == axis) for i in range(numbers.ndim)), rim)
        met = (basins[there] > 0) & (basins[there] != basins[at]) & (owners[there] == owners[at])
        one, other = at[met], there[met]
        pairs.append(np.sort(np.stack([basins[one], basins[other]], axis=-1), axis=1))
        heights.append(np.minimum(depth[one], depth[other]))
        index = tuple(i + first for i, first in zip(np.unravel_index(one, rim), region.start, strict=True))
        places.append(np.ravel_multi_index(index, shape) * numbers.ndim + axis)
    return Passes(np.concatenate(pairs), np.concatenate(heights), np.concatenate(places)).highest()


def _follow(ahead: NDArray[np.int64], inside: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The voxels inside, and which of these the steps from each end at that lead through voxels inside only."""
    voxels = np.flatnonzero(inside)
    rows = np.zeros(len(inside), np.int64)
    rows[voxels] = np.arange(len(voxels))
    leads = ahead[voxels]
    end = np.where(inside[leads], rows[leads], rows[voxels])
    while True:
        farther = end[end]
        if np.array_equal(farther, end):
            return voxels, end
        end = farther


def _jump(offset: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Flat index of a neighbour at an offset, less that of the voxel."""
    return sum(step * math.prod(shape[axis + 1 :]) for axis, step in enumerate(offset))
