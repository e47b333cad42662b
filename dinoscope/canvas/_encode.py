"""Pixels as the bytes that a browser decodes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image as Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture as bytes.

    Attributes
    ----------
    mime
        Their kind, such as ``"image/png"``.
    data
        The bytes.
    """

    mime: str
    data: bytes


def encode_tile(pixels: NDArray[np.uint8]) -> Encoded:
    """A tile for the screen: JPEG of what is opaque, PNG of what is not.

    Parameters
    ----------
    pixels
        Grey (h, w), colour (h, w, 3), or colour with opacity (h, w, 4).
    """
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return encode_png(Picture.fromarray(pixels))
    buffer = io.BytesIO()
    Picture.fromarray(pixels).save(buffer, format="JPEG", quality=_QUALITY, subsampling=0)
    return Encoded("image/jpeg", buffer.getvalue())


def encode_png(picture: Picture.Image, level: int = 1) -> Encoded:
    """A picture as it is; `level` from 1, which is fast, to 9, which is small."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_level=level)
    return Encoded("image/png", buffer.getvalue())
