"""From the shapes people draw to outlines that serve as examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.prompts import PolygonPrompt

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CORNERS_OF_ELLIPSE = 32


def outline_of(corners: NDArray[np.floating[Any]], kind: str, class_name: str, positive: bool) -> PolygonPrompt | None:
    """The outline that a shape encloses, or None if it encloses nothing.

    Parameters
    ----------
    corners
        Voxel coordinates, shape (n, 2) or (n, 3); for an ellipse those of the box around it.
    kind
        What napari calls the shape.
    class_name, positive
        What it is an example of.
    """
    if kind == "line" or len(corners) < 3:
        return None
    flat = _ellipse(corners[:, -2:]) if kind == "ellipse" else corners[:, -2:]
    section = round(float(corners[:, 0].mean())) if corners.shape[1] == 3 else 0
    return PolygonPrompt(section, tuple((float(y), float(x)) for y, x in flat), class_name, positive)


def _ellipse(box: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Points on the ellipse in a box of four corners, which may be rotated."""
    angles = np.linspace(0, 2 * np.pi, _CORNERS_OF_ELLIPSE, endpoint=False)
    middle, first, second = box.mean(axis=0), (box[1] - box[0]) / 2, (box[3] - box[0]) / 2
    rim: NDArray[np.floating[Any]] = middle + np.outer(np.cos(angles), first) + np.outer(np.sin(angles), second)
    return rim
