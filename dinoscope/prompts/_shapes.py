"""From the shapes that people draw in napari to prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.prompts._kinds import BoxPrompt, PolygonPrompt, StrokePrompt

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CORNERS_OF_ELLIPSE = 32

_SLACK = 1e-6
"""Voxels by which the sides of a box may be askew."""

Outline = BoxPrompt | PolygonPrompt | StrokePrompt
"""What is drawn as a shape."""


def prompt_of_shape(
    corners: NDArray[np.floating[Any]], kind: str, width: float, class_name: str, positive: bool
) -> Outline | None:
    """What a shape of napari is an example of, or None if it encloses nothing.

    A rectangle is a box unless it is turned; lines and paths are strokes; all else is the outline of something.

    Parameters
    ----------
    corners
        Voxel coordinates, shape (n, 2) or (n, 3); for an ellipse those of the box around it.
    kind
        What napari calls the shape.
    width
        Voxels across its edge, which makes the width of a stroke.
    class_name, positive
        What it is an example of.
    """
    section = round(float(corners[:, 0].mean())) if corners.shape[1] == 3 else 0
    flat = corners[:, -2:]
    if kind in ("line", "path"):
        return StrokePrompt(section, _pairs(flat), width, class_name, positive)
    if len(corners) < 3:
        return None
    if kind == "rectangle" and is_upright(flat):
        low, high = _pairs(np.stack([flat.min(axis=0), flat.max(axis=0)]))
        return BoxPrompt(section, low, high, class_name, positive)
    return PolygonPrompt(section, _pairs(_ellipse(flat) if kind == "ellipse" else flat), class_name, positive)


def shape_of_prompt(prompt: Outline) -> tuple[str, tuple[tuple[float, float, float], ...]]:
    """What napari calls a shape that is drawn for a prompt, and its corners (z, y, x)."""
    z = float(prompt.section)
    match prompt:
        case BoxPrompt():
            return "rectangle", tuple((z, *corner) for corner in prompt.corners)
        case StrokePrompt(vertices=vertices) if len(vertices) == 1:
            return "path", ((z, *vertices[0]),) * 2  # napari draws no path of one corner
        case StrokePrompt(vertices=vertices):
            return "path", tuple((z, *corner) for corner in vertices)
        case PolygonPrompt(vertices=vertices):
            return "polygon", tuple((z, *corner) for corner in vertices)


def is_upright(corners: NDArray[np.floating[Any]]) -> bool:
    """Whether four corners, shape (n, 2), are those of a box whose sides run along the axes, once around."""
    if len(corners) != 4:
        return False
    low, high = corners.min(axis=0), corners.max(axis=0)
    at_corners = np.minimum(corners - low, high - corners).max() <= _SLACK
    diagonals = corners[2] - corners[0], corners[3] - corners[1]
    twice_enclosed = abs(diagonals[0][0] * diagonals[1][1] - diagonals[0][1] * diagonals[1][0])  # the shoelace formula
    return bool(at_corners and twice_enclosed >= 2 * (1 - _SLACK) * np.prod(high - low))


def _pairs(corners: NDArray[np.floating[Any]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(y), float(x)) for y, x in corners)


def _ellipse(box: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Points on the ellipse in a box of four corners, which may be rotated."""
    angles = np.linspace(0, 2 * np.pi, _CORNERS_OF_ELLIPSE, endpoint=False)
    middle, first, second = box.mean(axis=0), (box[1] - box[0]) / 2, (box[3] - box[0]) / 2
    rim: NDArray[np.floating[Any]] = middle + np.outer(np.cos(angles), first) + np.outer(np.sin(angles), second)
    return rim
