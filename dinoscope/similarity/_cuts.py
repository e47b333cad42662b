"""Maps of a volume that was cut across several of its axes, brought together on the patches of the volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dinoscope.jobs import Progress, ProgressCallback, ignore_progress
from dinoscope.similarity._map import SimilarityMap
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.geometry import Region
    from dinoscope.similarity._map import WritableArray
    from dinoscope.tiling import CrossSections, PatchGrid

_BLOCK = (16, 256, 256)
"""Patches (z, gy, gx) of the volume that are worked on at once: few megabytes per class."""


def merge_maps(
    maps: Sequence[SimilarityMap],
    cuts: Sequence[CrossSections | None],
    grid: PatchGrid,
    out: WritableArray | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SimilarityMap:
    """The mean of maps of one volume, on the patches of its own sections.

    Parameters
    ----------
    maps
        From the same reference by the same method, each on the patches of a stack of sections.
    cuts
        Where the sections of each lie in the volume; None for its own.
    grid
        The patches of the volume.
    out
        Where to write it, shape (K, z, gy, gx), float32; a new array in memory by default.
    progress
        Called after every block, with the stage ``"similarity"``.
    """
    first = maps[0]
    values = np.zeros((len(first.classes), *grid.shape), np.float32) if out is None else out
    todo = list(blocks(grid.extent, _BLOCK))
    for done, block in enumerate(todo, start=1):
        values[(slice(None), *block.slices)] = mean_of_maps(maps, cuts, block)
        progress(Progress("similarity", done, len(todo)))
    return SimilarityMap(first.classes, values, grid, first.levels)


def mean_of_maps(
    maps: Sequence[SimilarityMap], cuts: Sequence[CrossSections | None], region: Region
) -> NDArray[np.float32]:
    """The mean of the maps at a region of patches (z, gy, gx) of the volume, shape (K, z, gy, gx).

    It is the same whatever the region. The arguments are those of `merge_maps`.
    """
    read = (map_at(similarity, cut, region) for similarity, cut in zip(maps, cuts, strict=True))
    mean: NDArray[np.float64] = np.stack(list(read)).mean(axis=0, dtype=np.float64)
    return mean.astype(np.float32)


def map_at(similarity: SimilarityMap, cut: CrossSections | None, region: Region) -> NDArray[np.float32]:
    """A map at a region of patches (z, gy, gx) of the volume, interpolated along z, shape (K, z, gy, gx)."""
    if cut is None:
        return similarity.read(region)
    around = cut.patches_around(region)
    values = similarity.read(around)  # K s r c
    rows, share = cut.rows_at(region.start[0], region.stop[0])
    above = rows - around.start[1]
    below = np.minimum(above + 1, values.shape[2] - 1)
    weight = share.astype(np.float32)[:, np.newaxis]
    along = values[:, :, above] * (1.0 - weight) + values[:, :, below] * weight  # K s z c
    turned: NDArray[np.float32] = along.transpose((0, 2, 1, 3) if cut.axis == "y" else (0, 2, 3, 1))
    return turned
