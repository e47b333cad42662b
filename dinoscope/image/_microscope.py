"""Gatan DM3/DM4 and EMD, through RosettaSciIO."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dinoscope.errors import ImageReadError, MissingDependencyError
from dinoscope.image._opened import Opened
from dinoscope.image._units import to_nm

if TYPE_CHECKING:
    from pathlib import Path

DM_SUFFIXES = (".dm3", ".dm4")
EMD_SUFFIXES = (".emd",)

_BLOCK = 1024
"""Side of the blocks to read; RosettaSciIO's own are 128 MB each."""


def open_dm(path: Path, title: str | None) -> Opened:
    """An image of a DM3 or DM4 file.

    Raises
    ------
    MissingDependencyError
        If RosettaSciIO is not installed.
    ImageReadError
        If there is not exactly one image of this title, or the file is shorter than its header says.
    """
    reader = _import_reader("digitalmicrograph")
    signals = reader(str(path), lazy=True)
    at = _choose(signals, title, path)
    ndim = signals[at]["data"].ndim
    signal = reader(str(path), lazy=True, chunks=(1,) * (ndim - 2) + (_BLOCK, _BLOCK))[at]
    _check_size(signal["data"], path)
    return Opened(signal["data"], None, _signal_scale(signal, "zyx"))


def open_emd(path: Path, title: str | None) -> Opened:
    """An image of an EMD file (Berkeley or Velox).

    Raises
    ------
    MissingDependencyError
        If RosettaSciIO is not installed.
    ImageReadError
        If there is not exactly one image of this title.
    """
    signals = _import_reader("emd")(str(path), lazy=True)
    signal = signals[_choose(signals, title, path)]
    return Opened(signal["data"], None, _signal_scale(signal, "zyx"))


def _import_reader(family: str) -> Any:
    """The `file_reader` of a family of formats."""
    try:
        from rsciio import digitalmicrograph, emd
    except ImportError as error:
        raise MissingDependencyError(
            'DM3, DM4 and EMD files need RosettaSciIO and h5py: pip install "dinoscope[io]"'
        ) from error
    return {"digitalmicrograph": digitalmicrograph, "emd": emd}[family].file_reader


def _choose(signals: list[dict[str, Any]], title: str | None, path: Path) -> int:
    """Position of the only image, or of the one with this title."""
    titles = {
        i: str(signal["metadata"].get("General", {}).get("title") or i)
        for i, signal in enumerate(signals)
        if signal["data"].ndim >= 2
    }
    matching = [i for i, name in titles.items() if title in (None, name, str(i))]
    if len(matching) != 1:
        named = ", ".join(f"{i} ({name})" for i, name in titles.items()) or "none"
        raise ImageReadError(
            f"{path.name} holds {len(matching)} images"
            f"{f' called {title!r}' if title else ''}: it has {named}; choose one as {path.name}::NUMBER"
        )
    return matching[0]


def _signal_scale(signal: dict[str, Any], names: str) -> dict[str, float]:
    """Voxel size of the last axes of a signal, whose axes RosettaSciIO lists in the array's order."""
    last = signal["axes"][-len(names) :]
    pairs = zip(names[-len(last) :], last, strict=True)
    lengths = {name: to_nm(abs(float(axis["scale"])), str(axis["units"])) for name, axis in pairs}
    return {name: length for name, length in lengths.items() if length is not None}


def _check_size(data: Any, path: Path) -> None:
    size = path.stat().st_size
    if data.nbytes > size:
        raise ImageReadError(
            f"{path.name} is truncated: its header promises {data.nbytes} bytes of pixels but the file has {size}; "
            "copy it again from where it came from"
        )
