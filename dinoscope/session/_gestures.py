"""What a person means by a gesture on the picture, whatever the toolkit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from dinoscope.errors import NotReadyError, PromptError
from dinoscope.prompts import BoxPrompt, PointPrompt, PolygonPrompt, StrokePrompt, as_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinoscope.geometry import Region
    from dinoscope.session._session import Session

Position = tuple[float, float, float]
"""Voxel coordinates (z, y, x)."""

Line: TypeAlias = "Sequence[tuple[float, float]]"
"""Voxel coordinates (y, x) of the corners of a line."""

_RIM = 0.49
"""Voxels beyond the centres of the outermost ones: they count, and what is drawn around them stays in the image."""


def click(session: Session, position: Position, counter: bool = False, judging: bool = True) -> None:
    """Take a click as an example, of the brush's class and sign.

    Parameters
    ----------
    session
        Where the example goes.
    position
        Voxel coordinates (z, y, x).
    counter
        Whether it says "this is not one", whatever the sign of the brush.
    judging
        Whether results can be seen: then a click on an object, or on a detection, says whether that is right, and
        makes the whole of it an example.
    """
    brush = session.brush
    positive = brush.positive and not counter
    if not (judging and _judged(session, position, positive)):
        example = PointPrompt(position, brush.class_name, positive)
        if example not in session.prompts:  # as the second click of a double click is
            session.prompts = (*session.prompts, example)


def box(session: Session, corners: Region, counter: bool = False) -> None:
    """Take a box around one object in a section as an example, of the brush's class and sign.

    Parameters
    ----------
    session
        Where the example goes.
    corners
        The voxels (z, y, x) in the box, one section.
    counter
        Whether it says "this is not one", whatever the sign of the brush.

    Raises
    ------
    PromptError
        If the box is empty.
    """
    if not corners.size:
        raise PromptError("the box is smaller than a voxel: drag a larger one, or click")
    top, left = (first - _RIM for first in corners.start[1:])
    bottom, right = (last - 1 + _RIM for last in corners.stop[1:])
    brush = session.brush
    example = BoxPrompt(
        corners.start[0], (top, left), (bottom, right), brush.class_name, brush.positive and not counter
    )
    session.prompts = (*session.prompts, example)


def stroke(session: Session, section: int, line: Line, width: float, counter: bool = False) -> None:
    """Take a scribble as an example, of the brush's class and sign.

    Parameters
    ----------
    session
        Where the example goes.
    section
        Index z.
    line
        Its corners; those outside of the image move to its border.
    width
        Voxels across.
    counter
        Whether it says "this is not one", whatever the sign of the brush.

    Raises
    ------
    PromptError
        If it has no corner, or no width.
    """
    brush = session.brush
    positive = brush.positive and not counter
    example = StrokePrompt(section, _within(session, line), width, brush.class_name, positive)
    session.prompts = (*session.prompts, example)


def outline(session: Session, section: int, line: Line, counter: bool = False) -> None:
    """Take what a line goes around as an example, of the brush's class and sign.

    Parameters
    ----------
    session
        Where the example goes.
    section
        Index z.
    line
        Its corners; those outside of the image move to its border.
    counter
        Whether it says "this is not one", whatever the sign of the brush.

    Raises
    ------
    PromptError
        If no voxel is inside of it.
    """
    brush = session.brush
    if len(line) < 3:
        raise PromptError(f"an outline of {len(line)} corners: draw once around an object, or click")
    positive = brush.positive and not counter
    example = PolygonPrompt(section, _within(session, line), brush.class_name, positive)
    as_mask(example)
    session.prompts = (*session.prompts, example)


def _within(session: Session, line: Line) -> tuple[tuple[float, float], ...]:
    """The corners of a line, moved into the image."""
    image = session.image
    if image is None:
        raise NotReadyError("there is no image to draw on: open one first")
    last = [image.axis(name).size - 1 + _RIM for name in "yx"]
    inside = np.clip(np.asarray(line, np.float64).reshape(-1, 2), -_RIM, last)
    return tuple((float(y), float(x)) for y, x in inside)


def judge(session: Session, position: Position, right: bool) -> None:
    """Make the object at a voxel position an example, or a counter-example if it is wrong.

    Raises
    ------
    NotReadyError
        If there are no objects.
    PromptError
        If there is none at this position.
    """
    from dinoscope.segmentation import outline_at

    found = outline_at(session.result("segmentation"), position, right)
    if found is None:
        raise PromptError("there is no object at this place: click on one")
    session.prompts = (*session.prompts, found)


def _judged(session: Session, position: Position, right: bool) -> bool:
    """Judge the object or the detection at a place; whether there is one."""
    if session.is_ready("segmentation"):
        try:
            judge(session, position, right)
        except PromptError:
            pass
        else:
            return True
    return session.is_ready("detections") and _judged_detection(session, position, right)


def _judged_detection(session: Session, position: Position, right: bool) -> bool:
    """Judge the nearest detection whose circle holds a place; whether there is one."""
    found = session.result("detections")
    z, *place = position
    offsets = (found.centres[:, -2:] - place) / (found.extents_px / 2)  # 1 on the circle
    distances = np.where(found.sections == round(z), np.hypot(*offsets.T), np.inf)
    if not len(found) or distances.min() > 1:
        return False
    nearest = int(distances.argmin())
    y, x = (float(v) for v in found.centres[nearest, -2:])
    session.prompts = (*session.prompts, PointPrompt((z, y, x), found.class_names[nearest], right))
    return True
