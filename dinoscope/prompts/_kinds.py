"""The kinds of examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.errors import PromptError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DEFAULT_CLASS = "object"
"""Class of prompts that name none."""

Corner = tuple[float, float]
"""Voxel coordinates (y, x)."""

Bounds = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class PointPrompt:
    """A click.

    Attributes
    ----------
    position
        Voxel coordinates (z, y, x).
    class_name
        What it is an example of.
    positive
        False for a counter-example: "this is not one".
    """

    position: tuple[float, float, float]
    class_name: str = DEFAULT_CLASS
    positive: bool = True

    @property
    def bounds(self) -> Bounds:
        """Lowest and highest coordinates (z, y, x)."""
        return self.position, self.position


@dataclass(frozen=True, slots=True)
class BoxPrompt:
    """A box around one object in one section. What of it is the object is found out, see `object_in_box`.

    A counter-example says that nothing in the box is one.

    Attributes
    ----------
    section
        Index z.
    low, high
        Voxel coordinates (y, x) of the two corners; the voxels whose centres lie between them are in the box.
    class_name, positive
        As in `PointPrompt`.

    Raises
    ------
    PromptError
        If `high` lies before `low`.
    """

    section: int
    low: Corner
    high: Corner
    class_name: str = DEFAULT_CLASS
    positive: bool = True

    def __post_init__(self) -> None:
        if not (self.low[0] <= self.high[0] and self.low[1] <= self.high[1]):
            raise PromptError(f"a box from {self.low} to {self.high}: expected the lower corner (y, x) first")

    @property
    def bounds(self) -> Bounds:
        """Lowest and highest coordinates (z, y, x)."""
        return (float(self.section), *self.low), (float(self.section), *self.high)

    @property
    def corners(self) -> tuple[Corner, Corner, Corner, Corner]:
        """All four corners (y, x), once around."""
        (top, left), (bottom, right) = self.low, self.high
        return (top, left), (top, right), (bottom, right), (bottom, left)


@dataclass(frozen=True, slots=True)
class PolygonPrompt:
    """An outline in one section.

    Attributes
    ----------
    section
        Index z.
    vertices
        Voxel coordinates (y, x) of at least three corners.
    class_name, positive
        As in `PointPrompt`.
    """

    section: int
    vertices: tuple[Corner, ...]
    class_name: str = DEFAULT_CLASS
    positive: bool = True

    @property
    def bounds(self) -> Bounds:
        """Lowest and highest coordinates (z, y, x)."""
        return _bounds(self.section, self.vertices)


@dataclass(frozen=True, slots=True)
class StrokePrompt:
    """A scribble in one section: a line that is so wide.

    Attributes
    ----------
    section
        Index z.
    vertices
        Voxel coordinates (y, x) of at least one corner.
    width
        Voxels across; what of them lies outside of the image counts for nothing.
    class_name, positive
        As in `PointPrompt`.

    Raises
    ------
    PromptError
        If it has no corner, or no width.
    """

    section: int
    vertices: tuple[Corner, ...]
    width: float = 1.0
    class_name: str = DEFAULT_CLASS
    positive: bool = True

    def __post_init__(self) -> None:
        if not self.vertices or not self.width > 0:
            raise PromptError(
                f"a stroke of {len(self.vertices)} corners and {self.width} voxels width: expected at least one corner "
                "and a positive width"
            )

    @property
    def bounds(self) -> Bounds:
        """Lowest and highest coordinates (z, y, x) of the line in its middle."""
        return _bounds(self.section, self.vertices)


@dataclass(frozen=True, slots=True, eq=False)
class MaskPrompt:
    """A painted region, or an object of an existing mask, in one section.

    Attributes
    ----------
    section
        Index z.
    origin
        Voxel (y, x) of the first pixel of `mask`.
    mask
        Boolean, shape (Y, X), with at least one True.
    class_name, positive
        As in `PointPrompt`.
    """

    section: int
    origin: tuple[int, int]
    mask: NDArray[np.bool_]
    class_name: str = DEFAULT_CLASS
    positive: bool = True

    @property
    def bounds(self) -> Bounds:
        """Lowest and highest coordinates (z, y, x)."""
        (y, x), (height, width) = self.origin, self.mask.shape
        return (float(self.section), float(y), float(x)), (float(self.section), y + height - 1.0, x + width - 1.0)


@dataclass(frozen=True, slots=True)
class TextPrompt:
    """A word, or a few: what is looked for by its name. It lies nowhere, and needs a text encoder.

    Attributes
    ----------
    text
        What patches of the class show, in words; English, for the text encoders that there are.
    class_name
        What it is an example of; the text itself by default.
    positive
        False for what the class is not, such as the background.
    weight
        How many clicks an example counts for; not used of counter-examples.

    Raises
    ------
    PromptError
        If the text is empty, or the weight is not positive.
    """

    text: str
    class_name: str = ""
    positive: bool = True
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.text.strip() or not 0 < self.weight < float("inf"):
            raise PromptError(
                f"a text prompt of {self.text!r} with the weight {self.weight}: expected at least one word, and a "
                "positive weight"
            )
        if not self.class_name:
            object.__setattr__(self, "class_name", self.text.strip())


RegionPrompt = BoxPrompt | PolygonPrompt | StrokePrompt | MaskPrompt
"""What covers voxels of one section."""

PlacedPrompt = PointPrompt | RegionPrompt
"""What lies somewhere in the image."""

Prompt = PlacedPrompt | TextPrompt


def _bounds(section: int, vertices: Sequence[Corner]) -> Bounds:
    corners = np.asarray(vertices)
    low, high = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return (float(section), *low), (float(section), *high)
