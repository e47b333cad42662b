"""Named axes and boxes in voxel indices: the vocabulary every other module shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dinoscope.errors import AxesError, RegionError

AxisKind = Literal["time", "channel", "space", "colour"]
LengthUnit = Literal["nm", "pixel"]

AXIS_KINDS: dict[str, AxisKind] = {
    "t": "time",
    "c": "channel",
    "z": "space",
    "y": "space",
    "x": "space",
    "s": "colour",
}
"""Kind of every axis name. ``s`` holds the 3 samples of an RGB pixel; ``c`` holds independent channels."""

AXIS_ORDER = "tczyxs"
"""The one order in which an image lists its axes; absent axes are left out."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One named axis of an image.

    Attributes
    ----------
    name
        One of ``t c z y x s``.
    size
        Number of voxels along the axis, at least 1.
    scale
        Length of one voxel in `unit`. For axes without a physical size it is 1.
    unit
        ``"nm"``, or ``"pixel"`` when the physical size is unknown or does not apply.

    Raises
    ------
    AxesError
        If the name is unknown, or if size or scale is not positive.
    """

    name: str
    size: int
    scale: float = 1.0
    unit: LengthUnit = "pixel"

    def __post_init__(self) -> None:
        if self.name not in AXIS_KINDS:
            raise AxesError(f"unknown axis name {self.name!r}: expected one of {', '.join(AXIS_ORDER)}")
        if self.size < 1:
            raise AxesError(f"axis {self.name!r} has size {self.size}: expected at least 1")
        if not self.scale > 0:
            raise AxesError(f"axis {self.name!r} has scale {self.scale}: expected a positive length")

    @property
    def kind(self) -> AxisKind:
        """What the axis counts."""
        return AXIS_KINDS[self.name]


@dataclass(frozen=True, slots=True)
class Region:
    """A half-open box ``[start, stop)`` in voxel indices, always bounded and never inverted.

    Attributes
    ----------
    start, stop
        Integer corners with one entry per axis, ``start <= stop`` on every axis.

    Raises
    ------
    RegionError
        If the corners differ in length or a stop lies before its start.
    """

    start: tuple[int, ...]
    stop: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.start) != len(self.stop):
            raise RegionError(f"region corners {self.start} and {self.stop} have different numbers of axes")
        if any(b < a for a, b in zip(self.start, self.stop, strict=True)):
            raise RegionError(f"region stop {self.stop} lies before its start {self.start}")

    @classmethod
    def of_shape(cls, shape: tuple[int, ...]) -> Region:
        """The region that covers an array of this shape."""
        return cls((0,) * len(shape), tuple(int(n) for n in shape))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.start)

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent along each axis."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def size(self) -> int:
        """Number of voxels inside."""
        count = 1
        for extent in self.shape:
            count *= extent
        return count

    @property
    def slices(self) -> tuple[slice, ...]:
        """The region as an index into an array."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    def shift(self, offset: tuple[int, ...]) -> Region:
        """The same box moved by `offset` voxels."""
        self._check_ndim(offset)
        return Region(
            tuple(a + d for a, d in zip(self.start, offset, strict=True)),
            tuple(b + d for b, d in zip(self.stop, offset, strict=True)),
        )

    def relative_to(self, other: Region) -> Region:
        """This box in coordinates that count from the start of `other`."""
        return self.shift(tuple(-a for a in other.start))

    def grow(self, margin: tuple[int, ...]) -> Region:
        """The box with `margin` voxels more on both sides of each axis; it may leave its image."""
        self._check_ndim(margin)
        return Region(
            tuple(a - m for a, m in zip(self.start, margin, strict=True)),
            tuple(b + m for b, m in zip(self.stop, margin, strict=True)),
        )

    def intersect(self, other: Region) -> Region:
        """The common part of both boxes, empty (zero extent) where they do not meet."""
        self._check_ndim(other.start)
        start = tuple(max(a, c) for a, c in zip(self.start, other.start, strict=True))
        stop = tuple(min(b, d) for b, d in zip(self.stop, other.stop, strict=True))
        return Region(start, tuple(max(a, b) for a, b in zip(start, stop, strict=True)))

    def contains(self, other: Region) -> bool:
        """Whether `other` lies inside of this box."""
        self._check_ndim(other.start)
        starts = all(a <= c for a, c in zip(self.start, other.start, strict=True))
        return starts and all(d <= b for b, d in zip(self.stop, other.stop, strict=True))

    def _check_ndim(self, other: tuple[int, ...]) -> None:
        if len(other) != self.ndim:
            raise RegionError(f"a region of {self.ndim} axes cannot be combined with {len(other)} axes")
