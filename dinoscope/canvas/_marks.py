"""Examples and detections, drawn: crisp at every zoom, and as large on the screen whatever the zoom."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw

from dinoscope.prompts import BoxPrompt, MaskPrompt, PointPrompt, PolygonPrompt, StrokePrompt, near_line, placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from dinoscope.geometry import Region
    from dinoscope.outputs import Detections
    from dinoscope.prompts import Prompt

    Colour = tuple[int, int, int]
    Looks = Callable[[str], Colour]

_OVERSAMPLING = 3
_RADIUS = 7.0
"""Pixels: of the mark of a click."""

_LINE = 2.5
_RIM = 1.5
_WHITE, _RED, _DARK = (255, 255, 255, 255), (220, 38, 38, 255), (0, 0, 0, 140)
_TINT = 90

_FAINT = 0.35
"""Share of the opacity that what counts for nothing keeps."""

REACH = _RADIUS + _LINE + 2 * _RIM
"""Pixels by which a mark may stick out of what it marks."""


class Sheet:
    """A transparent picture of some voxels, drawn on in voxel coordinates.

    Parameters
    ----------
    voxels
        Which voxels (y, x) it covers.
    step
        Voxels per pixel.
    size
        Pixels (height, width).
    """

    def __init__(self, voxels: Region, step: float, size: tuple[int, int]) -> None:
        self._corner, self._step, self._size = voxels.start, step, size
        self._picture = Picture.new("RGBA", (size[1] * _OVERSAMPLING, size[0] * _OVERSAMPLING))
        self._draw = ImageDraw.Draw(self._picture)

    def pixels(self) -> NDArray[np.uint8]:
        """What was drawn, shape (h, w, 4); colours are not mixed with those of what is transparent."""
        premultiplied = self._picture.convert("RGBa").resize(self._size[::-1], Picture.Resampling.BOX)
        return np.asarray(premultiplied.convert("RGBA"))

    def fade(self) -> None:
        """Make faint what was drawn by now."""
        self._picture.putalpha(self._picture.getchannel("A").point(lambda opacity: round(_FAINT * opacity)))

    def point(self, y: float, x: float, colour: Colour, positive: bool) -> None:
        """The mark of a click: a disc with a white rim, or for a counter-example a cross with a red one."""
        (cy, cx), r = self._place(y, x), round(_RADIUS * _OVERSAMPLING)
        rim, line = _RIM * _OVERSAMPLING, _LINE * _OVERSAMPLING
        if positive:
            for grown, fill in ((2 * rim, _DARK), (rim, _WHITE), (0.0, (*colour, 255))):
                self._draw.ellipse(_around(cy, cx, r + grown, r + grown), fill=fill)
            return
        for grown, fill in ((2 * rim, _DARK), (rim, _RED), (0.0, (*colour, 255))):
            for sign in (-1, 1):
                ends = (cx - r, cy - sign * r, cx + r, cy + sign * r)
                self._draw.line(ends, fill=fill, width=round(line + 2 * grown))

    def outline(self, vertices: Sequence[tuple[float, float]], colour: Colour, positive: bool) -> None:
        """A closed line through voxel coordinates (y, x), on a rim that tells the sign."""
        places = [self._place(y, x)[::-1] for y, x in (*vertices, vertices[0])]
        rim, line = _RIM * _OVERSAMPLING, _LINE * _OVERSAMPLING
        for width, fill in ((line + 2 * rim, _WHITE if positive else _RED), (line, (*colour, 255))):
            self._draw.line(places, fill=fill, width=round(width), joint="curve")

    def stroke(self, vertices: Sequence[tuple[float, float]], width: float, colour: Colour, positive: bool) -> None:
        """A line through voxel coordinates (y, x), so many voxels wide: tinted, with a rim that tells the sign."""
        line = np.array([self._place(y, x) for y, x in vertices])
        reach, rim = max(width / self._step, _LINE) / 2 * _OVERSAMPLING, _RIM * _OVERSAMPLING
        for beyond, fill in ((rim, _WHITE if positive else _RED), (0.0, (*colour, 2 * _TINT))):
            # Not by Pillow, whose wide lines are a pixel off where they begin left of a picture.
            near = near_line(line, reach + beyond, (self._picture.height, self._picture.width))
            self._picture.paste(fill, mask=Picture.fromarray(near))

    def ring(self, y: float, x: float, radii: tuple[float, float], colour: Colour) -> None:
        """An ellipse around a voxel position, radii (y, x) in voxels, never too small to be seen."""
        cy, cx = self._place(y, x)
        ry, rx = (max(radius / self._step, _RADIUS / 2) * _OVERSAMPLING for radius in radii)
        line = _LINE * _OVERSAMPLING
        for grown, width, fill in ((line / 3, line * 5 / 3, _DARK), (0.0, line, (*colour, 255))):
            self._draw.ellipse(_around(cy, cx, ry + grown, rx + grown), outline=fill, width=round(width))

    def stain(self, inside: NDArray[np.bool_], colour: Colour, positive: bool) -> None:
        """Tint the pixels of a mask of the size of the sheet."""
        whole = np.repeat(np.repeat(inside, _OVERSAMPLING, axis=0), _OVERSAMPLING, axis=1)
        fill = (*colour, 2 * _TINT) if positive else (*_RED[:3], _TINT)
        self._picture.paste(fill, mask=Picture.fromarray(whole))

    def _place(self, y: float, x: float) -> tuple[int, int]:
        """Where the centre of a voxel lies on the picture that is being drawn.

        Pillow cuts fractions off, which moves what begins left of a picture: rounded before, a mark that lies on
        several tiles has no seams.
        """
        scale = _OVERSAMPLING / self._step
        row, column = (
            math.floor((v + 0.5) * scale + 0.5) - round(c * scale) for v, c in zip((y, x), self._corner, strict=True)
        )
        return row, column


def _around(y: int, x: int, ry: float, rx: float) -> tuple[int, int, int, int]:
    """The box of an ellipse as Pillow wants it: its last row and column are part of it."""
    height, width = round(ry), round(rx)
    return x - width, y - height, x + width - 1, y + height - 1


def draw_prompts(sheet: Sheet, prompts: Iterable[Prompt], place: Region, step: float, look: Looks) -> None:
    """Draw the examples that touch a place (z, y, x), one section; `look` gives the colour of a class."""
    for prompt in placed(prompts):
        beyond = prompt.width / 2 if isinstance(prompt, StrokePrompt) else 0.0
        if not _touches(*prompt.bounds, place, REACH * step + beyond):
            continue
        colour = look(prompt.class_name)
        match prompt:
            case PointPrompt(position=(_, y, x)):
                sheet.point(y, x, colour, prompt.positive)
            case PolygonPrompt(vertices=vertices):
                sheet.outline(vertices, colour, prompt.positive)
            case BoxPrompt():
                sheet.outline(prompt.corners, colour, prompt.positive)
            case StrokePrompt(vertices=vertices, width=width):
                sheet.stroke(vertices, width, colour, prompt.positive)
            case MaskPrompt():
                sheet.stain(_painted(prompt, place, step), colour, prompt.positive)


def draw_detections(sheet: Sheet, found: Detections, place: Region, step: float, look: Looks) -> None:
    """Draw the detections that touch a place (z, y, x), one section; `look` gives the colour of a class."""
    radii = found.extents_px / 2
    reach = radii + REACH * step
    inside = found.sections == place.start[0]
    for axis in (0, 1):
        centres = found.centres[:, axis - 2]
        inside &= (centres + reach[:, axis] > place.start[axis + 1]) & (centres - reach[:, axis] < place.stop[axis + 1])
    for index in np.flatnonzero(inside).tolist():
        y, x = found.centres[index, -2:].tolist()
        sheet.ring(y, x, (float(radii[index, 0]), float(radii[index, 1])), look(found.class_names[index]))


def _touches(low: Sequence[float], high: Sequence[float], place: Region, reach: float) -> bool:
    if not low[0] - 0.5 <= place.start[0] <= high[0] + 0.5:
        return False
    return all(
        b + reach > start and a - reach < stop
        for a, b, start, stop in zip(low[1:], high[1:], place.start[1:], place.stop[1:], strict=True)
    )


def _painted(prompt: MaskPrompt, place: Region, step: float) -> NDArray[np.bool_]:
    """Which pixels of a place lie in a painted region: those whose middle does."""
    chosen = []
    for axis in (0, 1):
        start, stop = place.start[axis + 1], place.stop[axis + 1]
        middles = start + (np.arange(-(-(stop - start) // step)) + 0.5) * step
        chosen.append(np.floor(middles).astype(np.int64) - prompt.origin[axis])
    rows, columns = chosen
    inside = np.logical_and.outer(
        (rows >= 0) & (rows < prompt.mask.shape[0]), (columns >= 0) & (columns < prompt.mask.shape[1])
    )
    clipped = np.ix_(rows.clip(0, prompt.mask.shape[0] - 1), columns.clip(0, prompt.mask.shape[1] - 1))
    painted: NDArray[np.bool_] = inside & prompt.mask[clipped]
    return painted
