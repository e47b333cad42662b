"""What is in sight, as one picture: for notebooks that are read and not run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Picture

from dinoscope.canvas._encode import Encoded, encode_png
from dinoscope.canvas._planes import Place
from dinoscope.errors import NotReadyError
from dinoscope.geometry import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.canvas._canvas import Canvas
    from dinoscope.canvas._scene import CanvasLayer

_SMALL = 6
"""Compression: such pictures are kept in notebooks."""


def still(canvas: Canvas, side: int = 640, colours: int | None = None) -> Encoded:
    """All layers in sight as a PNG whose longer side has at most `side` pixels, one voxel having at most one.

    Parameters
    ----------
    canvas
        What is in sight.
    side
        Pixels.
    colours
        Round the colours to at most this many, up to 256; the noise of electron microscopes does not compress, and
        the picture has less than half of the bytes then.

    Raises
    ------
    NotReadyError
        If there is no image.
    """
    layers = canvas.layers
    if not layers:
        raise NotReadyError("there is no image: open one first")
    part = canvas.view or _first(canvas)
    plane = Region(part.start[1:], part.stop[1:])
    enough = 2.0 ** max(0, math.ceil(math.log2(max(plane.shape) / (2 * side))))
    step = min(enough, layers[0].pyramid.step(0))
    whole = _assembled(canvas, layers[0], plane, step)[..., :3].astype(np.float32)
    for layer in layers[1:]:
        whole = _blended(whole, _assembled(canvas, layer, plane, step), canvas.opacity(layer))
    picture = Picture.fromarray((whole + 0.5).astype(np.uint8))
    picture.thumbnail((side, side))
    return encode_png(picture if colours is None else picture.quantize(colours), _SMALL)


def _first(canvas: Canvas) -> Region:
    top, left, bottom, right = (int(edge) for edge in canvas.first_look or (0, 0, *canvas.plane))
    return Region((canvas.section, top, left), (canvas.section + 1, bottom, right))


def _assembled(canvas: Canvas, layer: CanvasLayer, part: Region, step: float) -> NDArray[np.uint8]:
    """Pixels of a layer over a part of the plane, shape (h, w, 4)."""
    pyramid = layer.pyramid
    level = pyramid.level(step)
    corner = [int(first // step) for first in part.start]
    height, width = (int(-(-last // step)) - first for first, last in zip(corner, part.stop, strict=True))
    sheet = np.zeros((height, width, 4), np.uint8)
    for row, column in pyramid.touching(level, part):
        tile = _opaque(layer.drawing.draw(pyramid, Place(canvas.section, level, row, column), lambda: True))
        at = [int(first // step) - c for first, c in zip(pyramid.voxels(level, row, column).start, corner, strict=True)]
        window = sheet[max(at[0], 0) : at[0] + tile.shape[0], max(at[1], 0) : at[1] + tile.shape[1]]
        window[...] = tile[max(-at[0], 0) :, max(-at[1], 0) :][: window.shape[0], : window.shape[1]]
    return sheet


def _opaque(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey, colour, or colour with opacity as the last of these."""
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., np.newaxis], 3, axis=2)
    if pixels.shape[2] == 3:
        pixels = np.concatenate([pixels, np.full((*pixels.shape[:2], 1), 255, np.uint8)], axis=2)
    return pixels


def _blended(under: NDArray[np.float32], over: NDArray[np.uint8], opacity: float) -> NDArray[np.float32]:
    weight = over[..., 3:] * np.float32(opacity / 255)
    return under + weight * (over[..., :3] - under)
