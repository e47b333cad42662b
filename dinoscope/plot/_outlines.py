"""Labels as tints and outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage.measure import find_contours

from dinoscope.geometry import Region
from dinoscope.outputs import CLASS_COLOURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_OPACITY = 77
"""Of a tint, of 255: what lies under it stays visible."""


def tints(labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Red, green, blue and opacity of labels (h, w), shape (h, w, 4); label 1 has the first colour."""
    colours = np.array(CLASS_COLOURS, np.uint8)
    inside = labels > 0
    index = np.where(inside, labels, 1).astype(np.int64) - 1
    tinted = np.empty((*labels.shape, 4), np.uint8)
    tinted[..., :3] = colours[index % len(colours)]
    tinted[..., 3] = np.where(inside, _OPACITY, 0)
    return tinted


def outlines(labels: NDArray[Any]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Label and outline of every connected part, and of every hole in one.

    Parameters
    ----------
    labels
        Shape (h, w); 0 and less is none.

    Yields
    ------
    The label, and pixel coordinates of shape (n, 2) halfway between the pixels inside and outside. At the border of
    the array, where nobody knows how an object goes on, outlines leave it open.
    """
    names, numbers = np.unique(np.where(labels > 0, labels, 0), return_inverse=True)
    numbers = numbers.reshape(labels.shape) + (names[0] != 0)  # the background is 0, whether there is any or not
    padded = np.pad(numbers, 1, mode="edge")
    for label, box in zip(names[names > 0].tolist(), ndimage.find_objects(padded), strict=True):
        inside = Region(tuple(part.start for part in box), tuple(part.stop for part in box))
        near = inside.grow((1, 1)).intersect(Region.of_shape(padded.shape))
        number = int(np.searchsorted(names, label)) + (names[0] != 0)
        for outline in find_contours((padded[near.slices] == number).astype(np.float64), 0.5):
            yield label, outline + near.start - 1
