"""Masks as polygons with holes, and back, voxel by voxel the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.errors import PromptError
from dinoscope.prompts._kinds import MaskPrompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinoscope.prompts._kinds import Corner

    Ring = Sequence[Corner]


def rings_of_mask(prompt: MaskPrompt) -> list[list[Ring]]:
    """A polygon per connected part of a mask: its rim, then the rims of its holes, in voxel coordinates (y, x).

    They run half way between the voxels inside and those outside, so that `mask_of_rings` gives the same mask.
    """
    from scipy import ndimage  # slow to import, and `dinoscope --help` needs none of it
    from skimage.measure import find_contours

    parts, count = ndimage.label(prompt.mask)
    polygons: list[list[Ring]] = []
    for number, box in enumerate(ndimage.find_objects(parts, max_label=count), start=1):
        corner = np.array([axis.start - 1 for axis in box]) + prompt.origin
        # "low": diagonal neighbours do not hang together, as in `ndimage.label`.
        rims = find_contours(np.pad(parts[box] == number, 1).astype(np.float64), 0.5, fully_connected="low")
        rims.sort(key=lambda rim: float(np.ptp(rim[:, 0])), reverse=True)  # all around is the largest
        polygons.append([[(float(y), float(x)) for y, x in rim[:-1] + corner] for rim in rims])
    return polygons


def mask_of_rings(polygons: Sequence[Sequence[Ring]], section: int, class_name: str, positive: bool) -> MaskPrompt:
    """The voxels whose centres lie in one of some polygons, but not in one of its holes.

    Raises
    ------
    PromptError
        If there are none.
    """
    from skimage.draw import polygon2mask

    corners = np.concatenate([np.asarray(part[0]) for part in polygons])
    low, high = np.ceil(corners.min(axis=0)).astype(np.int64), np.floor(corners.max(axis=0)).astype(np.int64)
    mask = np.zeros(np.maximum(high - low + 1, 0), bool)
    for rim, *holes in polygons:
        around = np.asarray(rim)
        start = np.maximum(np.ceil(around.min(axis=0)).astype(np.int64) - low, 0)
        stop = np.floor(around.max(axis=0)).astype(np.int64) + 1 - low
        part = mask[start[0] : stop[0], start[1] : stop[1]]
        if part.size:
            inside, *without = (polygon2mask(part.shape, np.asarray(ring) - low - start) for ring in (rim, *holes))
            part |= inside & ~np.logical_or.reduce([np.zeros_like(inside), *without])
    if not mask.any():
        raise PromptError(
            f"the polygons at (y, x) = ({math.floor(low[0])}, {math.floor(low[1])}) cover no voxel centre: enlarge them"
        )
    return MaskPrompt(section, (int(low[0]), int(low[1])), mask, class_name, positive)
