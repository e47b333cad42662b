"""What draws the outline of one object that somebody else has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dinoscope.geometry import Region


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A part of a section, and the object in it whose outline is wanted.

    Attributes
    ----------
    pixels
        Shape (h, w) for grey or (h, w, 3) for RGB, float32 in [0, 1]; a pixel is a voxel of the image.
    box
        The pixels (y, x) that the object takes up, roughly.
    point
        The pixel (y, x) that is most surely inside of it.
    """

    pixels: NDArray[np.float32]
    box: Region
    point: tuple[int, int]


class Segmenter(Protocol):
    """Anything that draws the outlines of objects in crops of an image."""

    @property
    def at_once(self) -> int:
        """How many crops it is given at once, 1 or more."""
        ...

    def outline(self, crops: Sequence[Crop]) -> list[NDArray[np.bool_]]:
        """The mask (h, w) of the object of every crop. No mask depends on the other crops."""
        ...
