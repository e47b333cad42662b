"""Whether a TIFF is all there. A reader that fills gaps with zeros would turn damage into background."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from dinoscope.errors import ImageReadError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNCOMPRESSED = 1
_NEEDED_TAGS = (270, 273, 279, 282, 283, 324, 325, 330)
"""Description (OME-XML, ImageJ), offsets and sizes of strips and tiles, resolution, SubIFDs (levels)."""
_WHOLE_BYTES = (8, 16, 32, 64)


def check_file(tif: tifffile.TiffFile) -> None:
    """Refuse a file that ends before its list of pages does.

    Raises
    ------
    ImageReadError
        If the chain of pages breaks, or tags of the first page would lie behind the end of the file.
    """
    _check_tags(tif)
    _check_chain(tif)


def check_series(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> None:
    """Refuse pixels, at one resolution level, that are not all there.

    Tiles and strips with offset 0 are legal: sparse files leave out what is all zeros.

    Raises
    ------
    ImageReadError
        If a plane is missing, or data would lie behind the end of the file.
    """
    planes = _planes(series)
    start = series.dataoffset
    if start is not None:
        end = start + int(np.prod(series.shape)) * series.dtype.itemsize
        _check_end(end, tif.filehandle.size, tif.filename)
        return
    if planes * series.keyframe.size != np.prod(series.shape) or len(series) < planes:
        raise ImageReadError(
            f"{tif.filename} promises shape {series.shape} but holds {len(series)} pages of "
            f"{series.keyframe.shape}: the file is incomplete; copy it again"
        )
    sizes: dict[str, int] = {}
    for number, page in enumerate(series):
        if page is None:
            raise ImageReadError(
                f"plane {number} of {planes} of {tif.filename} is missing: bring the other files of this OME-TIFF "
                "into the same folder, or export it again as one file"
            )
        file = page.parent.filehandle.path
        size = sizes.setdefault(file, Path(file).stat().st_size)
        _check_page(page, size, f"page {number} of {Path(file).name}")


def plane_offsets(series: tifffile.TiffPageSeries) -> NDArray[np.int64] | None:
    """Byte offset of every plane, or None where planes are compressed, tiled, scattered or in several files."""
    planes = _planes(series)
    if series.transform is not None or _is_multifile(series):
        return None
    nbytes = series.keyframe.size * series.dtype.itemsize
    if series.dataoffset is not None:
        return np.asarray(series.dataoffset + np.arange(planes, dtype=np.int64) * nbytes)
    if not series.keyframe.is_final or any(not _is_contiguous(page) for page in series):
        return None
    return np.asarray([page.dataoffsets[0] for page in series if page is not None], dtype=np.int64)


def _is_multifile(series: tifffile.TiffPageSeries) -> bool:
    """Whether pages lie in other files; tifffile's `is_multifile` says no of every level but the first."""
    return series.is_multifile or any(page is not None and page.parent is not series.parent for page in series)


def _planes(series: tifffile.TiffPageSeries) -> int:
    return int(np.prod(series.shape)) // series.keyframe.size


def _is_contiguous(page: Any) -> bool:
    """Whether a page's own strips follow each other; tifffile only asks the first page of a series."""
    offsets, counts = _segments(page)
    return bool(len(offsets)) and bool((offsets > 0).all() and (offsets[:-1] + counts[:-1] == offsets[1:]).all())


def _segments(page: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.asarray(page.dataoffsets, dtype=np.int64), np.asarray(page.databytecounts, dtype=np.int64)


def _check_page(page: Any, size: int, what: str) -> None:
    offsets, counts = _segments(page)
    expected = int(np.prod(page.keyframe.chunked))
    if len(offsets) < expected or len(counts) < expected:
        raise ImageReadError(f"{what} lists {len(offsets)} tiles or strips, expected {expected}: the file is damaged")
    present = offsets > 0
    if not present.any():
        return
    _check_end(int((offsets + counts)[present].max()), size, what)
    if (counts[present] <= 0).any():
        raise ImageReadError(f"{what} has tiles or strips of zero bytes: the file is damaged; copy it again")
    plain = page.keyframe.compression == _UNCOMPRESSED and page.keyframe.bitspersample in _WHOLE_BYTES
    if plain and present.all() and counts.sum() < page.keyframe.nbytes:
        raise ImageReadError(
            f"{what} holds {counts.sum()} bytes of pixels, expected {page.keyframe.nbytes}: the file is damaged"
        )


def _check_end(end: int, size: int, what: str) -> None:
    if end > size:
        raise ImageReadError(
            f"{what} is truncated: its data should end at byte {end} but the file has {size} bytes; copy it again "
            "from where it came from"
        )


def _check_tags(tif: tifffile.TiffFile) -> None:
    """Look for values of the first page's tags behind the end of the file; tifffile would leave out such tags.

    OME-XML often lies at the very end, so a cut there costs the axes and the pixel size before any pixel.
    """
    form, file = tif.tiff, tif.filehandle
    file.seek(tif.pages.first.offset)
    count = struct.unpack(form.tagnoformat, file.read(form.tagnosize))[0]
    table = file.read(count * form.tagsize)
    for start in range(0, len(table), form.tagsize):
        code, kind = struct.unpack_from(form.tagformat1, table, start)
        if code not in _NEEDED_TAGS:
            continue
        number, value = struct.unpack_from(form.tagformat2, table, start + struct.calcsize(form.tagformat1))
        size = number * struct.calcsize("<" + tifffile.TIFF.DATA_FORMATS.get(kind, "0B"))
        if size > len(value):
            _check_end(struct.unpack(form.offsetformat, value)[0] + size, file.size, f"tag {code} of {tif.filename}")


def _check_chain(tif: tifffile.TiffFile) -> None:
    """Follow the chain of pages to its end; tifffile would stop where it breaks and show a shorter stack."""
    form, file = tif.tiff, tif.filehandle
    seen: set[int] = set()
    offset = tif.pages.first.offset
    while offset:
        if offset in seen or offset + form.tagnosize > file.size:
            raise ImageReadError(
                f"{tif.filename} is truncated or damaged: its list of pages breaks off after {len(seen)} pages; "
                "copy it again from where it came from"
            )
        seen.add(offset)
        file.seek(offset)
        tags = struct.unpack(form.tagnoformat, file.read(form.tagnosize))[0]
        file.seek(offset + form.tagnosize + tags * form.tagsize)
        offset = struct.unpack(form.offsetformat, file.read(form.offsetsize))[0]
