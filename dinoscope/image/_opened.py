"""What an adapter finds in a file, before it becomes an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dinoscope.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dinoscope.image._image import ArrayLike


@dataclass(frozen=True, slots=True)
class Opened:
    """An array as it lies in a file, with what the file says about its axes.

    Attributes
    ----------
    data
        The array, axes in the file's order.
    axes
        A letter of ``tczyxs`` per axis of `data`, in any order; None where the file does not tell.
    scale_nm
        Voxel size in nm by axis name; an axis of unknown size is absent.
    coarser
        What else the file has of the same pixels at lower resolution, finest first, with the axes of `data`. Whether
        the sizes fit is not checked yet.
    """

    data: ArrayLike
    axes: str | None = None
    scale_nm: Mapping[str, float] = field(default_factory=dict)
    coarser: tuple[ArrayLike, ...] = ()


def check_level(level: int, levels: int, file: str) -> None:
    """Refuse a resolution level that a file does not have.

    Raises
    ------
    SettingsError
        If `level` is not below `levels`.
    """
    if level >= levels:
        have = "only level 0" if levels == 1 else f"levels 0 to {levels - 1}"
        raise SettingsError(f"level {level} was asked for: {file} has {have}; choose one of them with --level")
