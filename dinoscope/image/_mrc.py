"""MRC images and volumes.

The header is read here, by the MRC2014 standard (https://www.ccpem.ac.uk/mrc_format/mrc2014.php): RosettaSciIO leaves
the file open, takes no big-endian files and reads bytes that are signed as unsigned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dinoscope.errors import ImageReadError
from dinoscope.image._opened import Opened
from dinoscope.image._planes import MappedPlanes
from dinoscope.image._units import to_nm

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MRC_SUFFIXES = (".mrc", ".rec", ".ali", ".st", ".map")

_HEADER_BYTES = 1024
_COUNTS, _MODE, _CELLS, _LENGTHS, _MINIMUM, _EXTENDED, _IMOD_STAMP, _IMOD_FLAGS = 0, 3, 7, 10, 19, 23, 38, 39
"""Positions of header fields, in words of 4 bytes."""

_MODES = {0: "u1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_IMOD = 1146047817

_UNCALIBRATED_NM = 0.1
"""IMOD and others write 1 Angstrom per voxel when they know nothing."""


def open_mrc(path: Path) -> Opened:
    """An MRC image or volume as (y, x) or (z, y, x). A voxel of exactly 1 Angstrom counts as unknown.

    Raises
    ------
    ImageReadError
        If the file is shorter than its header says, or its samples are complex or packed.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        raise ImageReadError(f"{path.name} is truncated: it has {len(header)} bytes, a header alone has 1024")
    order: Literal["<", ">"] = ">" if header[212:214] == b"\x11\x11" else "<"
    words, reals = np.frombuffer(header, f"{order}i4"), np.frombuffer(header, f"{order}f4")
    shape = tuple(words[_COUNTS : _COUNTS + 3][::-1].tolist())
    dtype = _stored_dtype(words, reals, path.name).newbyteorder(order)
    if min(shape) < 1:
        raise ImageReadError(f"{path.name} has shape {shape}: expected positive extents; the header is damaged")
    start = _HEADER_BYTES + int(words[_EXTENDED])
    nbytes = shape[1] * shape[2] * dtype.itemsize
    end, size = start + nbytes * shape[0], path.stat().st_size
    if end > size:
        raise ImageReadError(
            f"{path.name} is truncated: its pixels should end at byte {end} but the file has {size}; copy it again "
            "from where it came from"
        )
    offsets = start + np.arange(shape[0], dtype=np.int64) * nbytes
    planes = shape if shape[0] > 1 else shape[1:]
    return Opened(MappedPlanes(path, offsets, planes, dtype), "zyx"[-len(planes) :], _scale_nm(words, reals))


def _stored_dtype(words: NDArray[np.int32], reals: NDArray[np.float32], name: str) -> np.dtype[Any]:
    """Type of a sample. Bytes are signed by the standard but seldom in practice: IMOD's flag or a minimum tells."""
    mode = int(words[_MODE])
    if mode not in _MODES:
        raise ImageReadError(
            f"{name} has MRC mode {mode}: expected one of {', '.join(map(str, _MODES))}; the header is damaged, or "
            "the samples are complex or packed"
        )
    flagged = words[_IMOD_STAMP] == _IMOD and bool(words[_IMOD_FLAGS] & 1)
    if mode == 0 and (flagged or reals[_MINIMUM] < 0 <= reals[_MINIMUM + 1]):
        return np.dtype("i1")
    return np.dtype(_MODES[mode])


def _scale_nm(words: NDArray[np.int32], reals: NDArray[np.float32]) -> dict[str, float]:
    """Voxel size from the edges of the cell in Angstrom and the number of voxels along them."""
    found: dict[str, float] = {}
    for position, axis in enumerate("xyz"):
        cells, edge = int(words[_CELLS + position]), float(reals[_LENGTHS + position])
        length = to_nm(edge / cells, "angstrom") if cells > 0 else None
        if length is not None and not np.isclose(length, _UNCALIBRATED_NM):
            found[axis] = length
    return found
