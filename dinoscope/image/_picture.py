"""PNG, JPEG, BMP, GIF and WebP through Pillow.

These formats cannot be read by region: a picture is decoded when it is first read, and then kept.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow

from dinoscope.errors import ImageReadError
from dinoscope.image._lazy import Bounds, LazyArray
from dinoscope.image._opened import Opened

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
_DTYPES = {"L": "u1", "RGB": "u1", "I;16": "u2", "I;16L": "u2", "I;16B": "u2", "I": "i4", "F": "f4"}


def open_picture(path: Path) -> Opened:
    """A picture as (y, x) or (y, x, s); only its header is read. Densities (dpi) are no physical pixel size.

    Raises
    ------
    ImageReadError
        If it is not a picture that Pillow knows, or holds several frames.
    """
    picture = Picture(path)
    return Opened(picture, "yxs" if picture.ndim == 3 else "yx")


class Picture(LazyArray):
    """One picture; colours are RGB, alpha is dropped and palettes are looked up."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            header = _identify(file, path)
            self._mode = _target_mode(header)
            width, height = header.size
        shape = (height, width, 3) if self._mode == "RGB" else (height, width)
        super().__init__(shape, _DTYPES[self._mode])
        self._path = path
        self._lock = Lock()
        self._pixels: NDArray[Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Picture, (self._path,)

    @property
    def piece(self) -> tuple[int, ...]:
        """All of it."""
        return self.shape

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        with self._lock:
            if self._pixels is None:
                self._pixels = self._decode()
            return self._pixels[bounds].copy()

    def _decode(self) -> NDArray[Any]:
        with self._path.open("rb") as file:
            picture: Pillow.Image = _identify(file, self._path)
            if picture.mode == "P" and "transparency" in picture.info:
                picture = picture.convert("RGBA")
            if picture.mode != self._mode:
                picture = picture.convert(self._mode)
            pixels = np.asarray(picture).astype(self.dtype, copy=False)
        if pixels.shape != self.shape:
            raise ImageReadError(f"{self._path} has shape {pixels.shape} now: it changed since it was opened")
        return pixels


def _identify(file: IO[bytes], path: Path) -> ImageFile:
    """The picture in an open file, its header read.

    `PIL.Image.open` refuses more than 179 million pixels unless a global is changed; sections of 20,000 x 20,000 are
    normal here, so its registry of formats is asked directly.
    """
    if "WEBP" not in Pillow.OPEN:
        Pillow.init()
    prefix = file.read(16)
    for name in _FORMATS:
        factory, accept = Pillow.OPEN.get(name, (None, None))
        if factory is not None and accept is not None and accept(prefix) is True:
            file.seek(0)
            picture = factory(file, str(path))
            if getattr(picture, "is_animated", False):
                raise ImageReadError(f"{path} holds several frames: expected one picture; save them as a TIFF stack")
            return picture
    raise ImageReadError(f"{path} is not a picture in one of the formats {', '.join(_FORMATS)}: its header is unknown")


def _target_mode(picture: ImageFile) -> str:
    """The Pillow mode a picture is converted to."""
    if picture.mode in _DTYPES:
        return picture.mode
    if picture.mode in ("1", "LA", "La"):
        return "L"
    palette = picture.palette
    if picture.mode == "P" and palette is not None and (palette.rawmode or palette.mode) == "RGB":
        colours = np.frombuffer(bytes(palette.palette), np.uint8)  # before Pillow 13 it is raw until pixels are read
        if (colours.reshape(-1, 3) == colours[::3, None]).all():
            return "L"
    return "RGB"
