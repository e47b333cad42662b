"""Where patches and tiles lie: the one place that knows the arithmetic between voxels, working pixels and patches.

Responsibilities
----------------
- `PatchGrid` maps between the voxels of an image and the patches of its features.
- `CrossSections` says where a volume is cut across another axis, and where those patches lie among its own.
- `TileGrid` cuts the patch grid into tiles that are encoded one by one, and says which part of each is kept.
- `Pyramid` cuts a plane of voxels into the tiles that a deep-zoom viewer draws.

Design notes
------------
- Volumes are stacks of sections, and a 2-D image is a stack of one: everything here has the axes ``(z, y, x)``.
- *Working pixels* are voxels resampled by `PatchGrid.scales`; patch ``g`` covers working pixels
  ``[g * stride, (g + 1) * stride)``.
- A coordinate is a voxel *index*: 0 is the centre of the first voxel, as in napari and scikit-image, and likewise 0
  is the centre of the first patch. Mixing up centres and edges is how masks end up half a patch off.
- Write regions partition the grid on a regular lattice, so that a tile is exactly one chunk of a feature store. Read
  regions are as large as a tile wherever the image is; they move inwards at its borders, where real context beats
  padding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dinoscope.errors import RegionError, SettingsError
from dinoscope.geometry import Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_ROUNDING = 1e-9
"""Slack, in patches, that keeps ``ceil`` of a whole number whole after a division."""


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """The grid of patches over a stack of sections.

    Attributes
    ----------
    voxels
        Shape of the image (z, y, x); z is 1 for a 2-D image.
    stride
        Side of a patch in working pixels.
    scale
        Working pixels per voxel in y and x: 0.5 means that the image is shrunk to half before encoding.
    stretch
        How many times as long as wide a voxel is (y to x). There are as many times more working pixels per voxel in y,
        so that working pixels are square.

    Raises
    ------
    SettingsError
        If a number is not positive.
    """

    voxels: tuple[int, int, int]
    stride: int
    scale: float = 1.0
    stretch: float = 1.0

    def __post_init__(self) -> None:
        if min(self.voxels) < 1 or self.stride < 1 or not (self.scale > 0 and self.stretch > 0):
            raise SettingsError(
                f"patch grid over {self.voxels} voxels, stride {self.stride}, scale {self.scale}, stretch "
                f"{self.stretch}: expected positive numbers"
            )

    @property
    def scales(self) -> tuple[float, float]:
        """Working pixels per voxel (y, x)."""
        return self.scale * self.stretch, self.scale

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of patches (z, gy, gx); the last ones may reach past the image."""
        return self.voxels[0], self._count(1), self._count(2)

    @property
    def extent(self) -> Region:
        """The whole grid as a region of patches."""
        return Region.of_shape(self.shape)

    @property
    def patch_voxels(self) -> float:
        """Side of a patch in voxels, which are square."""
        return self.patch_side(None)

    def patch_side(self, axis: int | None) -> float:
        """Side of a patch in voxels along y (axis 1) or x (axis 2); None is either, where voxels are square.

        Raises
        ------
        RegionError
            If no axis is told and voxels are not square.
        """
        if axis is None and self.stretch != 1.0:
            raise RegionError(f"voxels are {self.stretch:g} times as long as wide: tell along which axis, 1 or 2")
        return self.stride / self.scales[(axis or 2) - 1]

    def to_patch(self, voxel: NDArray[np.float64] | float, axis: int | None = None) -> NDArray[np.float64]:
        """Patch coordinates of in-plane voxel coordinates; 0 is the centre of patch 0. Axes as in `patch_side`."""
        return (np.asarray(voxel, dtype=np.float64) + 0.5) / self.patch_side(axis) - 0.5

    def to_voxel(self, patch: NDArray[np.float64] | float, axis: int | None = None) -> NDArray[np.float64]:
        """In-plane voxel coordinates of patch coordinates, the inverse of `to_patch`."""
        return (np.asarray(patch, dtype=np.float64) + 0.5) * self.patch_side(axis) - 0.5

    def patch_index(self, voxel: NDArray[np.float64] | float, axis: int | None = None) -> NDArray[np.int64]:
        """Index of the patch that covers in-plane voxel coordinates."""
        index: NDArray[np.int64] = np.floor(self.to_patch(voxel, axis) + 0.5).astype(np.int64)
        return index

    def patches_around(self, region: Region) -> Region:
        """The patches whose values decide a bilinear interpolation at the voxels of `region` (z, y, x)."""
        start, stop = [region.start[0]], [region.stop[0]]
        for axis in (1, 2):
            first = math.floor(float(self.to_patch(region.start[axis], axis)) + _ROUNDING)
            end = max(region.start[axis], region.stop[axis] - 1)
            last = math.floor(float(self.to_patch(end, axis)) + _ROUNDING) + 1
            start.append(min(max(first, 0), self.shape[axis] - 1))
            stop.append(min(max(last, 0), self.shape[axis] - 1) + 1)
        return Region(tuple(start), tuple(stop))

    def voxels_of(self, patches: Region) -> Region:
        """The voxels whose centres lie in a region of patches (z, gy, gx), clipped to the image."""
        start, stop = [patches.start[0]], [patches.stop[0]]
        for axis in (1, 2):
            for corner, found in ((patches.start[axis], start), (patches.stop[axis], stop)):
                edge = math.ceil(corner * self.patch_side(axis) - 0.5 - _ROUNDING)
                found.append(min(max(edge, 0), self.voxels[axis]))
        return Region(tuple(start), tuple(stop))

    def _count(self, axis: int) -> int:
        return max(1, math.ceil(self.voxels[axis] * self.scales[axis - 1] / self.stride - _ROUNDING))


@dataclass(frozen=True, slots=True)
class CrossSections:
    """Sections of a volume across y or x, one through the middle of every row or column of its patches.

    They make up a stack of their own: its rows run along z, its columns along the axis that is left, x or y. In the
    columns its patches are those of the volume.

    Attributes
    ----------
    grid
        The patches of the volume as it is, all of them square in voxels.
    axis
        The axis that is cut across.
    stretch
        How many times as long as in the columns a voxel is along z.
    """

    grid: PatchGrid
    axis: Literal["y", "x"]
    stretch: float = 1.0

    @property
    def order(self) -> tuple[int, int, int]:
        """Which axes (0 to 2) of the volume the axes of the stack are: the sections, the rows and the columns."""
        return (1, 0, 2) if self.axis == "y" else (2, 0, 1)

    @property
    def places(self) -> NDArray[np.int64]:
        """Where the volume is cut: the voxel nearest to the middle of each row or column of patches, shape (n,)."""
        across = self.order[0]
        middles = self.grid.to_voxel(np.arange(self.grid.shape[across], dtype=np.float64))
        places: NDArray[np.int64] = np.floor(middles + 0.5).astype(np.int64)
        return np.clip(places, 0, self.grid.voxels[across] - 1)

    @property
    def patches(self) -> PatchGrid:
        """The patches of the stack (section, along z, column)."""
        across, rows, columns = self.order
        voxels = (self.grid.shape[across], self.grid.voxels[rows], self.grid.voxels[columns])
        return PatchGrid(voxels, self.grid.stride, self.grid.scale, self.stretch)

    def position(self, voxel: tuple[float, ...]) -> tuple[float, float, float]:
        """Where in the stack a voxel position (z, y, x) of the volume lies, in the nearest of its sections."""
        across, rows, columns = self.order
        section = int(self.grid.patch_index(voxel[across]))
        return float(min(max(section, 0), self.grid.shape[across] - 1)), voxel[rows], voxel[columns]

    def patches_around(self, region: Region) -> Region:
        """The patches of the stack that decide the values at a region of patches (z, gy, gx) of the volume."""
        across, _, columns = self.order
        rows = self.patches.patches_around(Region((0, region.start[0], 0), (1, region.stop[0], 1)))
        start = (region.start[across], rows.start[1], region.start[columns])
        return Region(start, (region.stop[across], rows.stop[1], region.stop[columns]))

    def rows_at(self, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The row of patches above each of some sections of the volume, and the share of the next one, in [0, 1)."""
        last = self.patches.shape[1] - 1
        rows = np.clip(self.patches.to_patch(np.arange(start, stop, dtype=np.float64), 1), 0, last)
        above: NDArray[np.int64] = np.floor(rows + _ROUNDING).astype(np.int64)
        return above, np.maximum(rows - above, 0.0)


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture for the encoder, in patch indices (z, gy, gx) of a single section.

    Attributes
    ----------
    index
        Position (z, ty, tx) on the lattice of tiles.
    read
        The patches that are encoded together, halo included.
    write
        The patches that are kept, a part of `read`.
    """

    index: tuple[int, int, int]
    read: Region
    write: Region


@dataclass(frozen=True, slots=True)
class TileGrid:
    """The tiles of a patch grid.

    Attributes
    ----------
    grid
        The patches to cut.
    tile
        Side of a tile in patches. Where the grid is smaller, tiles are padded up to it by mirroring the image.
    halo
        Patches on each side of a tile that are context only.

    Raises
    ------
    SettingsError
        If the halo leaves nothing of a tile.
    """

    grid: PatchGrid
    tile: int
    halo: int

    def __post_init__(self) -> None:
        if self.halo < 0 or self.core < 1:
            raise SettingsError(
                f"a halo of {self.halo} patches on both sides leaves nothing of a tile of {self.tile}: "
                "choose a smaller halo or a larger tile"
            )

    @property
    def core(self) -> int:
        """Side of the kept part of a tile in patches."""
        return self.tile - 2 * self.halo

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of tiles (z, ty, tx)."""
        sections, rows, columns = self.grid.shape
        return sections, math.ceil(rows / self.core), math.ceil(columns / self.core)

    def __len__(self) -> int:
        return math.prod(self.shape)

    def __iter__(self) -> Iterator[Tile]:
        for index in np.ndindex(self.shape):
            yield self[index]

    def __getitem__(self, index: tuple[int, ...]) -> Tile:
        section, *cell = index
        spans = [self._span(i, n) for i, n in zip(cell, self.grid.shape[1:], strict=True)]
        read = Region((section, *(s[0] for s in spans)), (section + 1, *(s[1] for s in spans)))
        write = Region((section, *(s[2] for s in spans)), (section + 1, *(s[3] for s in spans)))
        return Tile((section, cell[0], cell[1]), read, write)

    def touching(self, region: Region) -> list[Tile]:
        """The tiles that hold any patch of a non-empty region (z, gy, gx), in the order of iteration."""
        first = (region.start[0], *(a // self.core for a in region.start[1:]))
        last = (region.stop[0], *(math.ceil(b / self.core) for b in region.stop[1:]))
        counts = tuple(b - a for a, b in zip(first, last, strict=True))
        return [self[tuple(a + i for a, i in zip(first, step, strict=True))] for step in np.ndindex(counts)]

    def _span(self, i: int, size: int) -> tuple[int, int, int, int]:
        """Start and stop of the read and of the write part of tile `i` along one axis."""
        write_start = i * self.core
        read_start = min(max(write_start - self.halo, 0), max(size - self.tile, 0))
        return read_start, min(read_start + self.tile, size), write_start, min(write_start + self.core, size)


@dataclass(frozen=True, slots=True)
class Pyramid:
    """The tiles of a plane at steps that are powers of two, as deep-zoom viewers ask for them.

    At level 0 the whole plane fits into one tile; each level after it halves the step.

    Attributes
    ----------
    plane
        Voxels (y, x).
    tile
        Side of a tile in pixels of the viewer.
    magnified
        The finest level has ``2 ** magnified`` pixels per voxel.

    Raises
    ------
    SettingsError
        If a number is not positive, or a tile would be smaller than a voxel.
    """

    plane: tuple[int, int]
    tile: int = 256
    magnified: int = 0

    def __post_init__(self) -> None:
        if min(self.plane) < 1 or self.magnified < 0 or self.tile < 2**self.magnified or self.tile % 2**self.magnified:
            raise SettingsError(
                f"a pyramid over {self.plane} voxels with tiles of {self.tile} and {self.magnified} magnified levels: "
                "expected positive numbers, and tiles of whole voxels"
            )

    @property
    def levels(self) -> int:
        """Number of levels."""
        tiles = math.ceil(max(self.plane) / self.tile)
        return 1 + self.magnified + (tiles - 1).bit_length()

    def step(self, level: int) -> float:
        """Voxels per pixel at a level: a power of two, below 1 where the plane is magnified.

        Raises
        ------
        RegionError
            If there is no such level.
        """
        if not 0 <= level < self.levels:
            raise RegionError(f"level {level} of a pyramid of {self.levels} levels: expected 0 to {self.levels - 1}")
        return float(2.0 ** (self.levels - 1 - self.magnified - level))

    def level(self, step: float) -> int:
        """The level with the largest step that is at most `step`, or the nearest to that."""
        wanted = self.levels - 1 - self.magnified - math.floor(math.log2(step))
        return min(max(wanted, 0), self.levels - 1)

    def shape(self, level: int) -> tuple[int, int]:
        """Number of tiles (rows, columns) at a level."""
        side = self.tile * self.step(level)
        return math.ceil(self.plane[0] / side), math.ceil(self.plane[1] / side)

    def voxels(self, level: int, row: int, column: int) -> Region:
        """The voxels (y, x) of a tile, clipped to the plane; those of a level partition it.

        Raises
        ------
        RegionError
            If there is no such tile.
        """
        rows, columns = self.shape(level)
        if not (0 <= row < rows and 0 <= column < columns):
            raise RegionError(f"tile {row}, {column} of level {level}: expected one of {rows} x {columns}")
        side = round(self.tile * self.step(level))
        start = (row * side, column * side)
        stop = tuple(min(first + side, size) for first, size in zip(start, self.plane, strict=True))
        return Region(start, stop)

    def pixels(self, level: int, voxels: Region) -> tuple[int, int]:
        """Pixels (height, width) that voxels take at a level; the last may reach past them."""
        step = self.step(level)
        height, width = voxels.shape
        return math.ceil(height / step), math.ceil(width / step)

    def touching(self, level: int, region: Region) -> list[tuple[int, int]]:
        """The tiles (row, column) of a level that hold any voxel of a region (y, x)."""
        side = round(self.tile * self.step(level))
        rows, columns = (
            range(max(first, 0) // side, math.ceil(min(last, size) / side))
            for first, last, size in zip(region.start, region.stop, self.plane, strict=True)
        )
        return [(row, column) for row in rows for column in columns]


def blocks(extent: Region, shape: tuple[int, ...]) -> Iterator[Region]:
    """Boxes of at most `shape` that partition `extent`, in C order."""
    counts = tuple(math.ceil(n / b) for n, b in zip(extent.shape, shape, strict=True))
    for index in np.ndindex(counts):
        start = tuple(a + i * b for a, i, b in zip(extent.start, index, shape, strict=True))
        stop = tuple(min(s + b, e) for s, b, e in zip(start, shape, extent.stop, strict=True))
        yield Region(start, stop)
