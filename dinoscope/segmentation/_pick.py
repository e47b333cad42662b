"""The object under a finger, as an outline that can serve as an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage.measure import approximate_polygon, find_contours, label

from dinoscope.geometry import Region
from dinoscope.prompts import PolygonPrompt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.segmentation._segment import Segmentation

_FIRST_REACH = 128
_LAST_REACH = 2048
"""Voxels around the finger: an object is followed no farther."""

_TOLERANCE = 0.5
"""Voxels by which the outline may leave the rim of the object."""

_MARGIN = 0.49
"""Voxels by which the outline may pass the centres at the border of the image: they count, and it stays inside."""


def outline_at(found: Segmentation, position: tuple[float, float, float], positive: bool) -> PolygonPrompt | None:
    """Outline of the object at a voxel position (z, y, x) within its section, or None where there is none.

    Where an object has several parts in the section, the one at the position is outlined.

    Parameters
    ----------
    found
        The objects.
    position
        Voxel coordinates (z, y, x).
    positive
        Whether the outline becomes an example or a counter-example.

    Notes
    -----
    An object that is larger than 4096 voxels is cut off there; holes are not kept.
    """
    shape = found.instances.shape if found.instances.ndim == 3 else (1, *found.instances.shape)
    voxel = tuple(round(p) for p in position)
    here = Region(voxel, tuple(v + 1 for v in voxel))
    whole = Region.of_shape(shape)
    if not whole.contains(here):
        return None
    number = int(_read(found, here).item())
    if number == 0:
        return None
    window, part = here, np.ones((1, 1), bool)
    reach = _FIRST_REACH
    while reach <= _LAST_REACH:
        window = here.grow((0, reach, reach)).intersect(whole)
        part = _part_at(_read(found, window) == number, here.relative_to(window))
        if not _touches_rim(part, window, whole):
            break
        reach *= 2
    corners = _corners(part) + window.start[1:]
    vertices = tuple((float(y), float(x)) for y, x in corners.clip(-_MARGIN, np.array(shape[1:]) - 1 + _MARGIN))
    return PolygonPrompt(voxel[0], vertices, found.object_classes[number - 1], positive)


def _part_at(mask: NDArray[np.bool_], here: Region) -> NDArray[np.bool_]:
    """The connected part of a mask at one of its voxels, its holes filled."""
    parts = label(mask, connectivity=1)
    part: NDArray[np.bool_] = ndimage.binary_fill_holes(parts == parts[here.slices[1:]])
    return part


def _corners(part: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Corners (y, x) of the one outline of a part without holes, shape (n, 2), n >= 3."""
    outline = find_contours(np.pad(part, 1).astype(float), 0.5)[0] - 1
    simple = approximate_polygon(outline, _TOLERANCE)
    # Of what is one voxel thin the tolerance may leave a line, which has no inside.
    corners: NDArray[np.float64] = (simple if len(simple) > 3 else outline)[:-1]  # the last is the first again
    return corners


def _read(found: Segmentation, region: Region) -> NDArray[Any]:
    """Object ids of a region of one section, shape (y, x)."""
    index = region.slices if found.instances.ndim == 3 else region.slices[1:]
    return found.instances[index].reshape(region.shape[1:])


def _touches_rim(mask: NDArray[np.bool_], window: Region, whole: Region) -> bool:
    """Whether the object reaches a side of the window at which the image goes on."""
    sides = {(1, 0): mask[0], (1, 1): mask[-1], (2, 0): mask[:, 0], (2, 1): mask[:, -1]}
    open_ends = {
        (axis, end)
        for axis, end in sides
        if (window.start[axis] > whole.start[axis] if end == 0 else window.stop[axis] < whole.stop[axis])
    }
    return any(bool(sides[side].any()) for side in open_ends)
