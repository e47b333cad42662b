"""The parts of objects that hang together in one section, and the boxes around them, found block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.measure import label

from dinoscope.geometry import Region
from dinoscope.jobs import counted
from dinoscope.segmentation._pieces import count_pairs, join, tally
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dinoscope.jobs import ProgressCallback


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What hangs together of an object in a section, n parts in the order of their first voxels.

    Attributes
    ----------
    objects
        Id of the object of each, shape (n,).
    voxels
        Its size.
    places
        Index, in C order, of its first voxel in the image.
    starts, stops
        Its box (y, x), half-open, shape (n, 2).
    """

    objects: NDArray[np.uint32]
    voxels: NDArray[np.int64]
    places: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.objects)

    def __getitem__(self, rows: NDArray[np.int64]) -> Parts:
        return Parts(self.objects[rows], self.voxels[rows], self.places[rows], self.starts[rows], self.stops[rows])

    @classmethod
    def concatenate(cls, every: list[Parts]) -> Parts:
        """The rows of all below one another."""
        nothing, nowhere = np.zeros(0, np.int64), np.zeros((0, 2), np.int64)
        tables = [cls(np.zeros(0, np.uint32), nothing, nothing, nowhere, nowhere), *every]
        return cls(
            np.concatenate([table.objects for table in tables]),
            np.concatenate([table.voxels for table in tables]),
            np.concatenate([table.places for table in tables]),
            np.concatenate([table.starts for table in tables]),
            np.concatenate([table.stops for table in tables]),
        )

    def grouped(self, group: NDArray[np.int64]) -> Parts:
        """The parts that groups of rows make together, by the number of the group of each row."""
        count = int(group.max(initial=-1)) + 1
        objects = np.zeros(count, np.uint32)
        objects[group] = self.objects
        voxels = np.bincount(group, weights=self.voxels, minlength=count).astype(np.int64)
        places = np.full(count, np.iinfo(np.int64).max)
        starts, stops = np.full((count, 2), np.iinfo(np.int64).max), np.zeros((count, 2), np.int64)
        np.minimum.at(places, group, self.places)
        np.minimum.at(starts, group, self.starts)
        np.maximum.at(stops, group, self.stops)
        return Parts(objects, voxels, places, starts, stops)[np.argsort(places)]


def find_parts(
    read: Callable[[Region], NDArray[np.uint32]],
    shape: tuple[int, int, int],
    block: tuple[int, int],
    progress: ProgressCallback,
) -> Parts:
    """The parts of all objects in all sections. Only the rims of blocks are kept in memory.

    Parameters
    ----------
    read
        Gives the object ids of a region of voxels, 0 for the background.
    shape
        Of the image (z, y, x).
    block
        Voxels (y, x) that are read at once. No result depends on it.
    progress
        Called after every block, with the stage ``"parts"``.
    """
    tables: list[Parts] = []
    met: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]
    above, count = np.zeros(shape[2], np.int64), 1  # number 0 is the background
    left = np.zeros(0, np.int64)
    for here in counted(list(blocks(Region.of_shape(shape), (1, *block))), "parts", progress):
        ids = read(here)
        numbers, found = label(ids[0], background=0, return_num=True, connectivity=1)
        tables.append(_describe(ids[0], numbers, here, shape))
        numbers = np.where(numbers > 0, numbers + count - 1, 0)
        count += int(found)
        columns = here.slices[2]
        if here.start[1] > 0:
            met.append(_meet(above[columns], numbers[0]))
        if here.start[2] > 0:
            met.append(_meet(left, numbers[:, 0]))
        above[columns], left = numbers[-1], numbers[:, -1]
    parts, pairs = Parts.concatenate(tables), np.concatenate(met) - 1
    alike = parts.objects[pairs[:, 0]] == parts.objects[pairs[:, 1]]
    return parts.grouped(join(len(parts), pairs[alike])) if len(parts) else parts


def _describe(ids: NDArray[np.uint32], numbers: NDArray[np.int64], here: Region, shape: tuple[int, ...]) -> Parts:
    """The parts 1 to n within a block of one section."""
    boxes = ndimage.find_objects(numbers)
    voxels, places = tally(numbers, len(boxes), here, shape)
    of_part = np.zeros(len(boxes) + 1, np.uint32)
    of_part[numbers.ravel()] = ids.ravel()
    corner = np.array(here.start[1:])
    starts = np.array([[part.start for part in box] for box in boxes], np.int64).reshape(-1, 2) + corner
    stops = np.array([[part.stop for part in box] for box in boxes], np.int64).reshape(-1, 2) + corner
    return Parts(of_part[1:], voxels, places, starts, stops)


def _meet(before: NDArray[np.int64], here: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs of numbers on both sides of a seam."""
    both = (before > 0) & (here > 0)
    return count_pairs(before[both], here[both])[0]
