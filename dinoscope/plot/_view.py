"""What part of a section is drawn, with how many pixels, and where these lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import RegionError
from dinoscope.geometry import Region
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dinoscope.geometry import Axis, LengthUnit

MOST_PIXELS = 1500
"""Pixels per side of a picture: more than a page or a screen shows."""

_ROUNDING = 1e-6
"""Slack that keeps whole numbers whole after a division."""

BLOCK = 1024
"""Voxels per side that are read at once, or one pixel where that is more."""


@dataclass(frozen=True, slots=True)
class View:
    """A part of one section, and the pixels it is drawn with: each stands for `step` by `step` voxels.

    Attributes
    ----------
    section
        Index of the section; 0 where there is one only.
    stacked
        Whether there are others.
    plane
        The voxels (y, x).
    step
        Voxels per side of a pixel. The last pixels may reach past the plane.
    voxel_size
        Of a voxel (y, x) in `unit`, 1 where it is unknown.
    unit
        Of the coordinates in which things are drawn.
    """

    section: int
    stacked: bool
    plane: Region
    step: int
    voxel_size: tuple[float, float]
    unit: LengthUnit

    @property
    def shape(self) -> tuple[int, int]:
        """Number of pixels (h, w)."""
        height, width = (math.ceil(n / self.step) for n in self.plane.shape)
        return height, width

    @property
    def box(self) -> Region:
        """The voxels, in the axes of the image."""
        return self.boxed(self.plane)

    def boxed(self, plane: Region) -> Region:
        """Voxels (y, x) of the section in the axes of the image: (z, y, x) or (y, x)."""
        return self.stack_box(plane) if self.stacked else plane

    def stack_box(self, plane: Region) -> Region:
        """Voxels (y, x) of the section as a box (z, y, x), for what has an axis z always."""
        return Region((self.section, *plane.start), (self.section + 1, *plane.stop))

    def pixels_of(self, plane: Region) -> Region:
        """The pixels (h, w) of a part of the plane that begins with a pixel."""
        inside = plane.relative_to(self.plane)
        return Region(
            tuple(start // self.step for start in inside.start),
            tuple(math.ceil(stop / self.step) for stop in inside.stop),
        )

    def voxels_at(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Voxel coordinates (n, 2) of pixel coordinates (n, 2), 0 being the centre of the first in both."""
        return np.asarray(self.plane.start) + pixels * self.step + (self.step - 1) / 2

    def places(self, voxels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where voxel coordinates (y, x) are drawn, shape (n, 2): x, then y, in `unit`."""
        drawn: NDArray[np.float64] = (voxels * self.voxel_size)[:, ::-1]
        return drawn

    def on_level(self, factors: tuple[float, float], section: int) -> View:
        """The voxels of a coarser level that cover the plane, and pixels to draw them with.

        Parameters
        ----------
        factors
            Voxels (y, x) per voxel of the level.
        section
            Index of the section in the level.
        """
        start = tuple(
            math.floor(first / factor + _ROUNDING) for first, factor in zip(self.plane.start, factors, strict=True)
        )
        stop = tuple(
            math.ceil(last / factor - _ROUNDING) for last, factor in zip(self.plane.stop, factors, strict=True)
        )
        plane = Region(start, stop)
        size = self.voxel_size[0] * factors[0], self.voxel_size[1] * factors[1]
        return View(section, self.stacked, plane, _step(plane), size, self.unit)

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of the plane, in `unit`: the outer edges of its voxels."""
        return self._edges(self.plane.shape)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of all pixels, in `unit`."""
        height, width = self.shape
        return self._edges((height * self.step, width * self.step))

    def _edges(self, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
        (top, bottom), (left, right) = (
            ((start - 0.5) * size, (start + extent - 0.5) * size)
            for start, extent, size in zip(self.plane.start, shape, self.voxel_size, strict=True)
        )
        return left, right, bottom, top


def view_of(axes: tuple[Axis, ...], region: Region | None) -> View:
    """The view of a region, of which the middle section is drawn.

    Parameters
    ----------
    axes
        The axes z, y and x of the image, or y and x; others are ignored.
    region
        Voxels (z, y, x) or (y, x); all of the image by default.

    Raises
    ------
    RegionError
        If the region is empty, leaves the image, or has other axes.
    """
    space = [axis for axis in axes if axis.kind == "space"]
    whole = Region.of_shape(tuple(axis.size for axis in space))
    box = whole if region is None else _completed(region, whole)
    if not whole.contains(box) or not box.size:
        raise RegionError(
            f"region {box.start} to {box.stop} cannot be drawn: expected a part of the image, which has "
            f"{whole.shape} voxels ({', '.join(axis.name for axis in space)})"
        )
    y, x = space[-2:]
    physical = y.unit == x.unit == "nm"
    plane = Region(box.start[-2:], box.stop[-2:])
    return View(
        section=(box.start[0] + box.stop[0]) // 2 if len(space) == 3 else 0,
        stacked=len(space) == 3,
        plane=plane,
        step=_step(plane),
        voxel_size=(y.scale, x.scale) if physical else (1.0, 1.0),
        unit="nm" if physical else "pixel",
    )


def _step(plane: Region) -> int:
    return math.ceil(max(plane.shape) / MOST_PIXELS)


def _completed(region: Region, whole: Region) -> Region:
    """The region with as many axes as the image: all sections where it names none, none where there is one only."""
    if region.ndim == 2 and whole.ndim == 3:
        return Region((0, *region.start), (whole.stop[0], *region.stop))
    if region.ndim == 3 and whole.ndim == 2 and (region.start[0], region.stop[0]) == (0, 1):
        return Region(region.start[1:], region.stop[1:])
    if region.ndim != whole.ndim:
        raise RegionError(
            f"region {region.start} to {region.stop} has {region.ndim} axes: expected (y, x)"
            + (" or (z, y, x)" if whole.ndim == 3 else ", since the image is a single section")
        )
    return region


def read_means(read: Callable[[Region], NDArray[Any]], view: View) -> NDArray[np.float64]:
    """Means of the voxels of every pixel, shape (h, w, ...).

    Parameters
    ----------
    read
        Gives the voxels (y, x, ...) of a part of the plane.
    view
        The pixels.

    Returns
    -------
    Values that are no finite number do not count; NaN where there are no others.
    """
    return _read(view, lambda block: _mean(read(block), view.step))


def read_middles(read: Callable[[Region], NDArray[Any]], view: View) -> NDArray[Any]:
    """The voxel in the middle of every pixel, shape (h, w): for labels, which have no mean."""

    def middles(block: Region) -> NDArray[Any]:
        rows, columns = (np.minimum(np.arange(0, n, view.step) + (view.step - 1) // 2, n - 1) for n in block.shape)
        voxels: NDArray[Any] = read(block)[np.ix_(rows, columns)]
        return voxels

    return _read(view, middles)


def read_sampled(sample: Callable[[Region], NDArray[Any]], view: View) -> NDArray[Any]:
    """What a function gives that takes a part of the plane to its pixels, shape (h, w)."""
    return _read(view, sample)


def _read(view: View, shrink: Callable[[Region], NDArray[Any]]) -> NDArray[Any]:
    side = view.step * max(1, BLOCK // view.step)
    pixels: NDArray[Any] | None = None
    for block in blocks(view.plane, (side, side)):
        part = shrink(block)
        if pixels is None:
            pixels = np.empty((*view.shape, *part.shape[2:]), part.dtype)
        pixels[view.pixels_of(block).slices] = part
    if pixels is None:
        raise RegionError(f"region {view.plane.start} to {view.plane.stop} is empty: expected voxels to draw")
    return pixels


def _mean(voxels: NDArray[Any], step: int) -> NDArray[np.float64]:
    """Means of squares of `step` voxels, those at the end being smaller, shape (h, w, ...)."""
    values = voxels.astype(np.float64)
    finite = np.isfinite(values)
    sums, counts = np.where(finite, values, 0.0), finite.astype(np.float64)
    for axis in (0, 1):
        starts = np.arange(0, voxels.shape[axis], step)
        sums, counts = (np.add.reduceat(part, starts, axis=axis) for part in (sums, counts))
    means: NDArray[np.float64] = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return means
