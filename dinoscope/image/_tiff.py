"""TIFF, BigTIFF, OME-TIFF and ImageJ TIFF, read by tile, strip or row and never as a whole."""

from __future__ import annotations

import weakref
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
import zarr
from zarr.storage import WrapperStore

from dinoscope.errors import ImageReadError
from dinoscope.image._failures import READ_FAILURES
from dinoscope.image._lazy import Bounds, Deferred, LazyArray, piece_of
from dinoscope.image._opened import Opened, check_level
from dinoscope.image._planes import MappedPlanes
from dinoscope.image._recent import Recent
from dinoscope.image._tiff_damage import check_file, check_series, plane_offsets
from dinoscope.image._tiff_scale import tiff_scale_nm

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

_DECODED_BYTES = 128 * 2**20
"""Decoded tiles and strips to keep: a row of tiles of the encoder crosses the same strips again and again."""

_COARSE_BYTES = _DECODED_BYTES // 4
"""The same for each coarser level, since there are several of them and views keep what they show."""

_LETTERS = {"X": "x", "Y": "y", "S": "s", "C": "c", "T": "t", "Z": "z"}


def open_tiff(path: Path, level: int) -> Opened:
    """The first series of a TIFF, at a resolution level, with the levels that are coarser.

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
        check_file(tif)
        check_series(tif, pages)
        axes = infer_tiff_axes(pages.axes)
        scale = tiff_scale_nm(tif)
        for letter, fine, coarse in zip(series.axes.lower(), series.shape, pages.shape, strict=True):
            if letter in scale:
                scale[letter] *= fine / coarse
        data = _mapped(path, tif, pages) or TiffChunks(path, level, series=series)
        return Opened(data, axes, scale, _coarser(path, tif, series, level))


def _mapped(path: Path, tif: tifffile.TiffFile, pages: tifffile.TiffPageSeries) -> MappedPlanes | None:
    """Planes that lie in the file as they are, or None where they must be decoded."""
    offsets = plane_offsets(pages)
    if offsets is None:
        return None
    return MappedPlanes(path, offsets, pages.shape, pages.dtype.newbyteorder(tif.byteorder))


def _coarser(path: Path, tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, level: int) -> tuple[LazyArray, ...]:
    """The levels below one, without those that are incomplete: the image is of use without them."""
    found: list[LazyArray] = []
    for number, pages in enumerate(series.levels[level + 1 :], start=level + 1):
        with suppress(*READ_FAILURES, ImageReadError):
            check_series(tif, pages)
            if pages.axes == series.axes:
                make = partial(TiffChunks, path, number, _COARSE_BYTES)
                found.append(_mapped(path, tif, pages) or Deferred(pages.shape, pages.dtype, make))
    return tuple(found)


def infer_tiff_axes(letters: str) -> str | None:
    """Axis names from tifffile's letters, or None where more than one of them has no meaning here.

    A single axis that the file does not explain (``I`` sequence, ``Q`` other, ``A`` angle...) is taken for ``z``.
    """
    unknown = [letter for letter in letters if letter not in _LETTERS]
    if len(unknown) > 1 or (unknown and "Z" in letters):
        return None
    return "".join(_LETTERS.get(letter, "z") for letter in letters)


class TiffChunks(LazyArray):
    """Compressed or tiled pages, through the zarr view that tifffile gives of them.

    Parameters
    ----------
    path, level
        The file, and the resolution level in it.
    decoded_bytes
        Decoded tiles and strips to keep, in bytes.
    series
        The first series of the file while someone has it open, for a list of many pages takes long to read.
    """

    def __init__(
        self,
        path: Path,
        level: int,
        decoded_bytes: int = _DECODED_BYTES,
        series: tifffile.TiffPageSeries | None = None,
    ) -> None:
        store = _store(path, level) if series is None else series.aszarr(level=level)
        self._path, self._level, self._decoded_bytes = path, level, decoded_bytes
        self._array: Any = zarr.open_array(_DecodedStore(store, decoded_bytes), mode="r", zarr_format=2)
        super().__init__(self._array.shape, self._array.dtype)
        weakref.finalize(self, store.close)

    def __reduce__(self) -> tuple[Any, ...]:
        return TiffChunks, (self._path, self._level, self._decoded_bytes)

    @property
    def piece(self) -> tuple[int, ...]:
        """A tile or a strip."""
        return piece_of(self._array)

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        return np.asarray(self._array[bounds])


def _store(path: Path, level: int) -> Any:
    with tifffile.TiffFile(path) as tif:  # the store opens the file again whenever it reads
        return tif.series[0].aszarr(level=level)


class _DecodedStore(WrapperStore[Any]):
    """A store that remembers the chunks it decoded last."""

    def __init__(self, store: Any, decoded_bytes: int = _DECODED_BYTES) -> None:
        super().__init__(store)
        self._recent: Recent[Buffer] = Recent(decoded_bytes, weigh=len)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        chunk = self._recent.get(key)
        if chunk is None:
            chunk = await self._store.get(key, prototype, byte_range)
            if chunk is not None:
                self._recent.put(key, chunk)
        return chunk
