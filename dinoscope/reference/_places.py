"""Where prompts lie on the patch grid: the patches around them, and those under a region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from dinoscope.geometry import Region
from dinoscope.prompts import BoxPrompt, PointPrompt, as_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.prompts import PlacedPrompt, RegionPrompt
    from dinoscope.settings import ReferenceSettings
    from dinoscope.tiling import PatchGrid

_MARGIN = 1
"""Patches around a window that let a 3 x 3 filter see past its border."""


def patches_around(grid: PatchGrid, prompt: PlacedPrompt, settings: ReferenceSettings) -> tuple[Region, Region]:
    """The patches around a prompt, and the same with their margin."""
    side = max(1, round(settings.crop / grid.stride))
    middle = middle_of(grid, prompt)
    start, stop = [], []
    for axis in (1, 2):
        voxel, size = middle[axis], grid.shape[axis]
        if settings.crop_at == "lattice":
            first = int(max(voxel, 0.0) / grid.patch_side(axis)) // side * side
        else:
            first = min(max(int(grid.patch_index(voxel, axis)) - side // 2, 0), max(size - side, 0))
        start.append(first)
        stop.append(min(first + side, size))
    section = round(middle[0])
    patches = Region((section, *start), (section + 1, *stop))
    margin = 0 if settings.crop_at == "lattice" else _MARGIN  # the published code filters crop by crop
    return patches, patches.grow((0, margin, margin)).intersect(grid.extent)


def middle_of(grid: PatchGrid, prompt: PlacedPrompt) -> tuple[float, ...]:
    """Voxel coordinates (z, y, x) of the middle of a prompt; where it is crooked, that is not the middle of its bounds.

    Of a polygon, a stroke or a mask it is the middle of the patch that lies deepest in it.
    """
    if isinstance(prompt, PointPrompt | BoxPrompt):
        low, high = prompt.bounds
        return tuple((a + b) / 2 for a, b in zip(low, high, strict=True))
    return deepest_voxel(grid, *patches_under(grid, prompt))


def deepest_voxel(grid: PatchGrid, patches: Region, weights: NDArray[np.float64]) -> tuple[float, ...]:
    """The middle (z, y, x) in voxels of the patch deepest in those that weigh at least half as much as any.

    Parameters
    ----------
    grid
        Where the patches lie.
    patches
        Patches (z, gy, gx) of one section.
    weights
        What each of them weighs, shape (gy, gx).
    """
    depth = depths(weights)
    candidates = np.argwhere(depth >= depth.max())
    away = np.linalg.norm(candidates - np.array(ndimage.center_of_mass(weights)), axis=1)
    row, column = candidates[away.argmin()].tolist()
    section, top, left = patches.start
    return float(section), float(grid.to_voxel(row + top)), float(grid.to_voxel(column + left))


def depths(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """How deep in a region each patch lies, shape (gy, gx): 1 at its rim, more inside, 0.5 where half of it is outside.

    Parameters
    ----------
    weights
        How much of each patch is in the region, shape (gy, gx), in any unit.
    """
    inside = weights >= weights.max() / 2
    depth: NDArray[np.float64] = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    return np.maximum(depth, 0.5)


def patches_under(grid: PatchGrid, prompt: RegionPrompt) -> tuple[Region, NDArray[np.float64]]:
    """The patches under a region, and how many of its voxels each covers, shape (gy, gx).

    Raises
    ------
    PromptError
        If it covers no voxel.
    """
    covered = as_mask(prompt)
    parts = [_part(*side) for side in zip(covered.origin, covered.mask.shape, grid.voxels[1:], strict=True)]
    counts: NDArray[Any] = covered.mask[parts[0], parts[1]]
    start = []
    for axis, (part, first) in enumerate(zip(parts, covered.origin, strict=True)):
        patches = grid.patch_index(np.arange(part.start + first, part.stop + first, dtype=np.float64))
        numbers, begins = np.unique(patches, return_index=True)
        sums = np.add.reduceat(counts, begins, axis=axis, dtype=np.float64)
        counts = np.zeros((*sums.shape[:axis], numbers[-1] - numbers[0] + 1, *sums.shape[axis + 1 :]))
        counts[(slice(None),) * axis + (numbers - numbers[0],)] = sums
        start.append(int(numbers[0]))
    stop = (start[0] + counts.shape[0], start[1] + counts.shape[1])
    return Region((prompt.section, *start), (prompt.section + 1, *stop)), counts


def _part(first: int, length: int, size: int) -> slice:
    """What of a mask that begins at `first` lies in the image."""
    return slice(max(-first, 0), min(length, size - first))
