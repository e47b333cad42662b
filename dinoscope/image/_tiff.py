"""TIFF, BigTIFF, OME-TIFF and ImageJ TIFF, read by tile, strip or row and never as a whole."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
import zarr
from zarr.storage import WrapperStore

from dinoscope.image._lazy import Bounds, LazyArray
from dinoscope.image._opened import Opened, check_level
from dinoscope.image._planes import MappedPlanes
from dinoscope.image._recent import Recent
from dinoscope.image._tiff_damage import check_complete, plane_offsets
from dinoscope.image._tiff_scale import tiff_scale_nm

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

_DECODED_BYTES = 128 * 2**20
"""Decoded tiles and strips to keep: a row of tiles of the encoder crosses the same strips again and again."""

_LETTERS = {"X": "x", "Y": "y", "S": "s", "C": "c", "T": "t", "Z": "z"}


def open_tiff(path: Path, level: int) -> Opened:
    """The first series of a TIFF, at a resolution level.

    Raises
    ------
    ImageReadError
        If the file ends before its pages do, or planes are missing.
    SettingsError
        If there is no such level.
    """
    with tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        check_level(level, len(series.levels), path.name)
        pages = series.levels[level]
        check_complete(tif, pages)
        axes = infer_tiff_axes(pages.axes)
        scale = tiff_scale_nm(tif)
        for letter, fine, coarse in zip(series.axes.lower(), series.shape, pages.shape, strict=True):
            if letter in scale:
                scale[letter] *= fine / coarse
        offsets = plane_offsets(pages)
        if offsets is not None:
            dtype = pages.dtype.newbyteorder(tif.byteorder)
            return Opened(MappedPlanes(path, offsets, pages.shape, dtype), axes, scale)
    return Opened(TiffChunks(path, level), axes, scale)


def infer_tiff_axes(letters: str) -> str | None:
    """Axis names from tifffile's letters, or None where more than one of them has no meaning here.

    A single axis that the file does not explain (``I`` sequence, ``Q`` other, ``A`` angle...) is taken for ``z``.
    """
    unknown = [letter for letter in letters if letter not in _LETTERS]
    if len(unknown) > 1 or (unknown and "Z" in letters):
        return None
    return "".join(_LETTERS.get(letter, "z") for letter in letters)


class TiffChunks(LazyArray):
    """Compressed or tiled pages, through the zarr view that tifffile gives of them."""

    def __init__(self, path: Path, level: int) -> None:
        with tifffile.TiffFile(path) as tif:  # the store opens the file again whenever it reads
            store = tif.series[0].aszarr(level=level)
        self._path, self._level = path, level
        self._array: Any = zarr.open_array(_DecodedStore(store), mode="r", zarr_format=2)
        super().__init__(self._array.shape, self._array.dtype)
        weakref.finalize(self, store.close)

    def __reduce__(self) -> tuple[Any, ...]:
        return TiffChunks, (self._path, self._level)

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        return np.asarray(self._array[bounds])


class _DecodedStore(WrapperStore[Any]):
    """A store that remembers the chunks it decoded last."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self._recent: Recent[Buffer] = Recent(_DECODED_BYTES, weigh=len)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        chunk = self._recent.get(key)
        if chunk is None:
            chunk = await self._store.get(key, prototype, byte_range)
            if chunk is not None:
                self._recent.put(key, chunk)
        return chunk
