"""The object under a finger, as an outline that can serve as an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.measure import approximate_polygon, find_contours

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


def outline_at(found: Segmentation, position: tuple[float, float, float], positive: bool) -> PolygonPrompt | None:
    """Outline of the object at a voxel position (z, y, x) within its section, or None where there is none.

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
    window = here
    reach = _FIRST_REACH
    while reach <= _LAST_REACH:
        window = here.grow((0, reach, reach)).intersect(whole)
        if not _touches_rim(_read(found, window) == number, window, whole):
            break
        reach *= 2
    mask = np.pad(_read(found, window) == number, 1).astype(float)
    outline = max(find_contours(mask, 0.5), key=len)
    corners = approximate_polygon(outline, _TOLERANCE)[:-1] - 1 + window.start[1:]
    vertices = tuple((float(y), float(x)) for y, x in corners.clip(0, np.array(shape[1:]) - 1))
    return PolygonPrompt(voxel[0], vertices, found.object_classes[number - 1], positive)


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
