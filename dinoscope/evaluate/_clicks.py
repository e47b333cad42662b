"""Where a person would click."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from dinoscope.errors import EvaluationError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def draw_clicks(mask: NDArray[Any], count: int, seed: int) -> NDArray[np.float64]:
    """Where a person would click: the deepest points of objects drawn at random, each object equally likely.

    Parameters
    ----------
    mask
        Objects as numbers above 0, or a boolean mask whose connected components (faces touching) are the objects.
    count
        Number of clicks, each in another object.
    seed
        Another seed draws other objects.

    Returns
    -------
    Voxel coordinates, shape (count, d): the maxima of the distance to the outside of the object; the outside of the
    image counts as such.

    Raises
    ------
    EvaluationError
        If there are fewer objects than clicks.
    """
    labels = ndimage.label(mask)[0] if mask.dtype == bool else mask
    present, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape) + (0 if present.size and present[0] == 0 else 1)
    boxes = ndimage.find_objects(dense)
    if len(boxes) < count:
        raise EvaluationError(f"cannot draw {count} clicks from {len(boxes)} objects: ask for fewer")
    chosen = np.random.default_rng(seed).choice(len(boxes), size=count, replace=False)
    clicks = [_deepest_in(dense[boxes[index]] == index + 1, boxes[index]) for index in chosen]
    return np.array(clicks, dtype=np.float64).reshape(count, labels.ndim)


def draw_points(mask: NDArray[Any], count: int, seed: int) -> NDArray[np.float64]:
    """Different points of a mask, each equally likely.

    Parameters
    ----------
    mask
        Every value above 0 is inside.
    count
        Number of points.
    seed
        Another seed draws other points.

    Returns
    -------
    Voxel coordinates, shape (count, d).

    Raises
    ------
    EvaluationError
        If the mask has fewer voxels.
    """
    inside = np.argwhere(mask > 0)
    if len(inside) < count:
        raise EvaluationError(f"cannot draw {count} points from {len(inside)} voxels: ask for fewer")
    return inside[np.random.default_rng(seed).choice(len(inside), size=count, replace=False)].astype(np.float64)


def deepest_point(inside: NDArray[np.bool_]) -> tuple[int, ...]:
    """The voxel of a mask that is farthest from its outside, the first in C order where several are.

    Parameters
    ----------
    inside
        Mask of any shape, not empty. What lies beyond the array is outside.
    """
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))
    return tuple(int(i) - 1 for i in np.unravel_index(int(np.argmax(depth)), depth.shape))


def _deepest_in(inside: NDArray[np.bool_], box: tuple[slice, ...]) -> list[int]:
    return [place + part.start for place, part in zip(deepest_point(inside), box, strict=True)]
