"""The voxels that prompts cover."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import PromptError
from dinoscope.prompts._kinds import BoxPrompt, MaskPrompt, PolygonPrompt, StrokePrompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.prompts._kinds import Corner, RegionPrompt


def as_mask(prompt: RegionPrompt) -> MaskPrompt:
    """The voxels under a region: those whose centres it covers.

    A stroke also covers the voxels under its corners, however thin it is. It may reach out of the image, where the
    origin of the mask is negative then.

    Raises
    ------
    PromptError
        If there are none.
    """
    match prompt:
        case MaskPrompt():
            return prompt
        case BoxPrompt(low=low, high=high):
            origin, mask = _filled(low, high)
        case PolygonPrompt(vertices=vertices):
            origin, mask = _inside(vertices)
        case StrokePrompt(vertices=vertices, width=width):
            origin, mask = _near(vertices, width / 2)
    if not mask.any():
        raise PromptError(f"the {type(prompt).__name__} at {prompt.bounds[0]} covers no voxel centre: enlarge it")
    return MaskPrompt(prompt.section, origin, mask, prompt.class_name, prompt.positive)


def _filled(low: Corner, high: Corner) -> tuple[tuple[int, int], NDArray[np.bool_]]:
    top, left = (math.ceil(v) for v in low)
    bottom, right = (math.floor(v) for v in high)
    return (top, left), np.ones((max(bottom - top + 1, 0), max(right - left + 1, 0)), bool)


def _inside(vertices: Sequence[Corner]) -> tuple[tuple[int, int], NDArray[np.bool_]]:
    from skimage.draw import polygon2mask  # slow to import, and `dinoscope --help` needs none of it

    corners = np.asarray(vertices)
    origin, frame = _filled(corners.min(axis=0).tolist(), corners.max(axis=0).tolist())
    mask: NDArray[np.bool_] = polygon2mask(frame.shape, corners - origin) if frame.size else frame
    return origin, mask


def _near(vertices: Sequence[Corner], reach: float) -> tuple[tuple[int, int], NDArray[np.bool_]]:
    """The voxels that are at most so far from a line, and those under its corners."""
    corners = np.floor(np.asarray(vertices) + 0.5).astype(np.int64)
    rim = math.ceil(reach)
    first = corners.min(axis=0) - rim
    shape = corners.max(axis=0) + rim + 1 - first
    mask = near_line(np.asarray(vertices, np.float64) - first, reach, (int(shape[0]), int(shape[1])))
    mask[tuple((corners - first).T)] = True
    return (int(first[0]), int(first[1])), mask


def near_line(line: NDArray[Any], reach: float, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels of a picture whose centres are at most so far from a line.

    Parameters
    ----------
    line
        Its corners in pixels (y, x), shape (n, 2).
    reach
        Pixels.
    shape
        Of the picture.
    """
    near = np.zeros(shape, bool)
    for a, b in pairwise(line if len(line) > 1 else np.repeat(line, 2, axis=0)):
        start = np.clip(np.floor(np.minimum(a, b) - reach), 0, shape).astype(np.int64)
        stop = np.clip(np.ceil(np.maximum(a, b) + reach) + 1, start, shape).astype(np.int64)
        part = near[start[0] : stop[0], start[1] : stop[1]]
        part |= _distance(np.indices(part.shape) + start[:, np.newaxis, np.newaxis], a, b) <= reach
    return near


def _distance(places: NDArray[np.int64], a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """How far places (2, Y, X) are from the line between two, shape (Y, X)."""
    along, beyond = b - a, places - a[:, np.newaxis, np.newaxis]
    length = float(along @ along)
    share = np.clip(np.tensordot(along, beyond, 1) / length, 0.0, 1.0) if length else np.zeros(places.shape[1:])
    apart = beyond - along[:, np.newaxis, np.newaxis] * share
    distance: NDArray[np.float64] = np.hypot(apart[0], apart[1])
    return distance
