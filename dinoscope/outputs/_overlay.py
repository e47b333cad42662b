"""A picture for people: the image, what was found in it, and how large that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from scipy import ndimage

from dinoscope.errors import EvaluationError
from dinoscope.outputs._atomic import partial_file
from dinoscope.outputs._palette import class_colour
from dinoscope.outputs._section import shrink

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.outputs._detections import Detections
    from dinoscope.outputs._section import Plane

_SMALLEST, _LARGEST = 900, 1800
_OVERSAMPLING = 2
_TINT = 0.30
_RING_SHADOW = (0, 0, 0, 150)
_FOOTER = (24, 26, 31)
_TEXT = (236, 238, 242)
_STRETCH = (0.5, 99.5)
_SAMPLED = 2**22  # pixels that tell the percentiles


@dataclass(frozen=True, slots=True)
class OverlayInfo:
    """What an overlay says besides its pixels.

    Attributes
    ----------
    class_names
        Name of label 1, 2, … and the order of the colours. Empty where the labels number objects.
    pixel_size_nm
        Side of a pixel, for the scale bar; None where it is unknown.
    """

    class_names: tuple[str, ...] = ()
    pixel_size_nm: float | None = None


def write_overlay(
    path: Path,
    grey: Plane,
    labels: Plane | None,
    detections: Detections | None,
    info: OverlayInfo,
) -> Path:
    """Write one section with its labels tinted and outlined and its detections ringed, as PNG.

    Large sections are shrunk to 1800 pixels a side, and read block by block; small ones are enlarged to 900. The
    footer has the classes and a scale bar.

    Parameters
    ----------
    path
        Name of the picture; an earlier one is replaced.
    grey
        Pixels of one section, shape (h, w), any type, read by slices; shown from the 0.5th to the 99.5th percentile.
    labels
        Label image of the same shape, or None.
    detections
        Those of this section, or None; the last two coordinates of a centre are y and x in `grey`.
    info
        Class names and pixel size.

    Raises
    ------
    EvaluationError
        If `grey` has not two axes or `labels` has another shape.
    StoreError
        If the file cannot be written.
    """
    if len(grey.shape) != 2 or (labels is not None and labels.shape != grey.shape):
        found = "none" if labels is None else labels.shape
        raise EvaluationError(f"an overlay needs one section (h, w) and labels alike, found {grey.shape} and {found}")
    zoom = _zoom(grey.shape) * _OVERSAMPLING
    step = max(1, -(-max(grey.shape) // (_LARGEST * _OVERSAMPLING)))
    shown = shrink(grey, labels, step, len(info.class_names))
    canvas = _grey_canvas(shown.grey, zoom, grey.shape)
    if shown.labels is not None:
        canvas = _tint(canvas, shown.labels)
    if detections is not None:
        canvas = _ring(canvas, detections, zoom, _class_order(info, detections))
    size = (canvas.width // _OVERSAMPLING, canvas.height // _OVERSAMPLING)
    picture = canvas.resize(size, Picture.Resampling.BOX)
    bar = _scale_bar(info, zoom / _OVERSAMPLING, size[0])
    framed = _with_footer(picture, _legend(info, shown.shares, detections), bar)
    with partial_file(path) as partial:
        framed.save(partial, format="PNG", optimize=False)
    return path


def _zoom(shape: tuple[int, ...]) -> float:
    longest = max(shape)
    if longest < _SMALLEST:
        return _SMALLEST / longest
    return min(1.0, _LARGEST / longest)


def _grey_canvas(grey: NDArray[Any], zoom: float, whole: tuple[int, ...]) -> Picture.Image:
    values = grey.astype(np.float32)
    some = values.ravel()[:: 1 + values.size // _SAMPLED]
    finite = some[np.isfinite(some)]
    low, high = np.percentile(finite, _STRETCH) if finite.size else (0.0, 1.0)
    values -= np.float32(low)
    with np.errstate(over="ignore"):
        values /= np.float32(max(high - low, 1e-12))
    np.nan_to_num(values, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
    picture = Picture.fromarray((values.clip(0, 1, out=values) * 255).round().astype(np.uint8))
    height, width = whole
    size = (max(_OVERSAMPLING, round(width * zoom)), max(_OVERSAMPLING, round(height * zoom)))
    return picture.resize(size, Picture.Resampling.BICUBIC).convert("RGB")


def _tint(canvas: Picture.Image, labels: NDArray[Any]) -> Picture.Image:
    rows = np.arange(canvas.height) * labels.shape[0] // canvas.height
    columns = np.arange(canvas.width) * labels.shape[1] // canvas.width
    shown = labels[np.ix_(rows, columns)]
    tinted = np.array(canvas)
    palette = np.array([class_colour(index) for index in range(7)], dtype=np.float32)
    inside = shown > 0
    reach = 2 * _OVERSAMPLING + 1
    rim = inside & (ndimage.minimum_filter(shown, reach) != ndimage.maximum_filter(shown, reach))
    weight = np.where(rim, 1.0, _TINT).astype(np.float32)[inside, None]
    colours = palette[(shown[inside].astype(np.int64) - 1) % len(palette)]  # n 3
    tinted[inside] = (tinted[inside] * (1 - weight) + colours * weight).round().astype(np.uint8)
    return Picture.fromarray(tinted)


def _class_order(info: OverlayInfo, detections: Detections) -> list[str]:
    return [*info.class_names, *sorted(set(detections.class_names) - set(info.class_names))]


def _ring(canvas: Picture.Image, detections: Detections, zoom: float, order: list[str]) -> Picture.Image:
    draw = ImageDraw.Draw(canvas, "RGBA")
    line = 3 * _OVERSAMPLING
    radii = np.maximum(detections.extents_px.mean(axis=1) / 2 * zoom, 2 * line)
    for centre, radius, name in zip(detections.centres, radii, detections.class_names, strict=True):
        y, x = (centre[-2:] + 0.5) * zoom
        for grown, width, colour in ((2, line + 4, _RING_SHADOW), (0, line, class_colour(order.index(name)))):
            box = (x - radius - grown, y - radius - grown, x + radius + grown, y + radius + grown)
            draw.ellipse(box, outline=colour, width=width)
    return canvas


def _legend(
    info: OverlayInfo, shares: tuple[float, ...], detections: Detections | None
) -> list[tuple[tuple[int, int, int], str]]:
    found = [] if detections is None else list(detections.class_names)
    order = list(info.class_names) if detections is None else _class_order(info, detections)
    entries = []
    for index, name in enumerate(order):
        parts = [name]
        if index < len(shares):
            parts.append(f"{shares[index]:.1%} of the area")
        if detections is not None:
            parts.append(f"{found.count(name)} detected")
        entries.append((class_colour(index), "  ·  ".join(parts)))
    return entries


def _scale_bar(info: OverlayInfo, zoom: float, width: int) -> tuple[float, str] | None:
    """Length in pixels of the picture and its caption: about a sixth of the width, in round numbers."""
    if info.pixel_size_nm is None:
        return None
    wished = width / zoom * info.pixel_size_nm / 6
    power = 10.0 ** np.floor(np.log10(wished))
    length = max(step * power for step in (1, 2, 5) if step * power <= wished)
    caption = f"{length:,g} nm"  # the bundled font has no µ
    return length / info.pixel_size_nm * zoom, caption


def _with_footer(
    picture: Picture.Image,
    legend: list[tuple[tuple[int, int, int], str]],
    bar: tuple[float, str] | None,
) -> Picture.Image:
    if not legend and bar is None:
        return picture
    unit = max(12, picture.width // 60)
    font = ImageFont.load_default(size=unit)
    row = 2 * unit
    framed = Picture.new("RGB", (picture.width, picture.height + row * max(1, len(legend)) + unit), _FOOTER)
    framed.paste(picture)
    draw = ImageDraw.Draw(framed)
    for index, (colour, text) in enumerate(legend):
        middle = picture.height + unit // 2 + row * index + row // 2
        draw.rounded_rectangle((unit, middle - unit // 2, 2 * unit, middle + unit // 2), unit // 4, fill=colour)
        draw.text((2.7 * unit, middle), text, fill=_TEXT, font=font, anchor="lm")
    if bar is not None:
        length, caption = bar
        right, middle = picture.width - unit, picture.height + unit // 2 + row // 2
        draw.rectangle((right - length, middle - unit // 6, right, middle + unit // 6), fill=_TEXT)
        draw.text((right - length - unit * 0.7, middle), caption, fill=_TEXT, font=font, anchor="rm")
    return framed
