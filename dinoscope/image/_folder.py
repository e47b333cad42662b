"""A folder of numbered sections as one volume."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.errors import ImageReadError
from dinoscope.image._opened import Opened
from dinoscope.image._picture import PICTURE_SUFFIXES
from dinoscope.image._recent import Recent
from dinoscope.image._views import Stacked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dinoscope.image._image import ArrayLike

TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".lsm")
_OPEN_SECTIONS = 4
_DIGITS = re.compile(r"(\d+)")


def open_folder(folder: Path, open_section: Callable[[Path], Opened]) -> Opened:
    """Sections in the order of their numbers as (z, y, x) or (z, y, x, s).

    Only the first file is opened now; the others when they are read, and they must agree with it. The distance of
    the sections is unknown.

    Parameters
    ----------
    folder
        Holds the sections; files of other kinds are passed over.
    open_section
        Opens one of them.

    Raises
    ------
    ImageReadError
        If there is nothing to read, the files are of several kinds, or they belong to several stacks.
    """
    paths = numbered_sections(folder)
    first = open_section(paths[0])
    if first.axes not in ("yx", "yxs"):
        raise ImageReadError(
            f"{paths[0]} has axes {first.axes or 'unknown'!r} and shape {tuple(first.data.shape)}: a folder of "
            "sections needs one two-dimensional picture per file; open that file itself"
        )
    sections = _Sections(paths, first, open_section)
    shape, dtype = tuple(first.data.shape), np.dtype(first.data.dtype)
    scale = {axis: length for axis, length in first.scale_nm.items() if axis in "yx"}
    return Opened(Stacked(len(paths), sections.get, shape, dtype), f"z{first.axes}", scale)


def numbered_sections(folder: Path) -> list[Path]:
    """Files of a folder that form one stack, in the order of their numbers.

    Raises
    ------
    ImageReadError
        If there are none, or they are of several kinds or stacks.
    """
    known = {*TIFF_SUFFIXES, *PICTURE_SUFFIXES}
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in known and p.name[0] != "." and p.is_file())
    if not paths:
        raise ImageReadError(
            f"{folder} holds no images: expected a zarr folder, or numbered sections in {', '.join(sorted(known))}"
        )
    kinds = sorted({path.suffix.lower() for path in paths})
    if len(kinds) > 1:
        raise ImageReadError(
            f"{folder} holds files of several kinds ({', '.join(kinds)}): expected the sections of one stack; move "
            "the others away"
        )
    texts = sorted({_DIGITS.sub("#", path.stem) for path in paths})
    if len(texts) > 1:
        raise ImageReadError(
            f"{folder} holds several stacks, with names like {', '.join(texts[:4])} (# is a number): expected the "
            "sections of one; move the others away"
        )
    return _by_number(folder, paths)


def _by_number(folder: Path, paths: list[Path]) -> list[Path]:
    """Order by the first number in the names that is another one in every file."""
    numbers = np.array([[int(part) for part in _DIGITS.findall(path.stem)] for path in paths], dtype=object)
    if len(paths) == 1:
        return paths
    for column in numbers.T:
        if len(set(column)) == len(paths):
            return [paths[i] for i in sorted(range(len(paths)), key=column.__getitem__)]
    raise ImageReadError(
        f"{folder} holds several stacks, or files without numbers: none of the numbers in names like "
        f"{paths[0].name!r} and {paths[-1].name!r} tells all {len(paths)} files apart; expected one stack with "
        "numbered sections"
    )


class _Sections:
    """Opens sections when they are asked for and keeps the last few."""

    def __init__(self, paths: Sequence[Path], first: Opened, open_section: Callable[[Path], Opened]) -> None:
        self._paths, self._first, self._open_section = paths, first, open_section
        self._recent: Recent[ArrayLike] = Recent(_OPEN_SECTIONS)

    def __reduce__(self) -> tuple[object, ...]:
        return _Sections, (self._paths, self._first, self._open_section)

    def get(self, position: int) -> ArrayLike:
        section = self._recent.get(position)
        if section is None:
            section = self._checked(position)
            self._recent.put(position, section)
        return section

    def _checked(self, position: int) -> ArrayLike:
        path = self._paths[position]
        found, first = self._open_section(path), self._first
        kind = (tuple(found.data.shape), np.dtype(found.data.dtype).newbyteorder("="), found.axes)
        expected = (tuple(first.data.shape), np.dtype(first.data.dtype).newbyteorder("="), first.axes)
        if kind != expected:
            raise ImageReadError(
                f"{path} does not fit its stack: it has shape {kind[0]} and type {kind[1]}, but {self._paths[0].name} "
                f"has {expected[0]} and {expected[1]}; convert it or move it away"
            )
        return found.data
