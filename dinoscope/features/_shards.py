"""Which tiles are kept in one file: squares of neighbours, so that a volume is thousands of files and not millions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.geometry import Region

if TYPE_CHECKING:
    from dinoscope.tiling import TileGrid

_SHARD_BYTES = 2**25
"""A file is no larger than this before compression, unless a single tile is: it is written in one go, from memory."""

_LARGEST_SIDE = 8

ShardIndex = tuple[int, int, int]
"""Position (z, sy, sx) on the lattice of shards."""


@dataclass(frozen=True, slots=True)
class Shards:
    """The lattice of shards over a lattice of tiles. A shard lies in one section.

    Attributes
    ----------
    tiles
        The tiles.
    side
        Tiles per side of a shard.
    """

    tiles: TileGrid
    side: int

    @classmethod
    def of_size(cls, tiles: TileGrid, patch_bytes: int) -> Shards:
        """The largest shards that are comfortable to hold in memory, by what a patch takes on disk."""
        fitting = math.isqrt(_SHARD_BYTES // max(1, patch_bytes * tiles.core**2))
        return cls(tiles, min(max(1, fitting), _LARGEST_SIDE))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of shards (z, sy, sx)."""
        sections, rows, columns = self.tiles.shape
        return sections, math.ceil(rows / self.side), math.ceil(columns / self.side)

    @property
    def patches(self) -> int:
        """Patches per side of a shard that no border cuts."""
        return self.side * self.tiles.core

    def index_of(self, tile: tuple[int, int, int]) -> ShardIndex:
        """The shard that a tile is in."""
        section, row, column = tile
        return section, row // self.side, column // self.side

    def region(self, index: ShardIndex) -> Region:
        """The patches (z, gy, gx) of a shard."""
        section, *cell = index
        start = (section, *(i * self.patches for i in cell))
        stop = (section + 1, *((i + 1) * self.patches for i in cell))
        return Region(start, stop).intersect(self.tiles.grid.extent)

    def members(self, index: ShardIndex) -> tuple[slice, slice, slice]:
        """Where the tiles of a shard are on their lattice."""
        section, row, column = index
        side = self.side
        return (
            slice(section, section + 1),
            slice(row * side, (row + 1) * side),
            slice(column * side, (column + 1) * side),
        )

    def touching(self, region: Region) -> list[ShardIndex]:
        """The shards that hold any patch of a non-empty region (z, gy, gx), in C order."""
        first = (region.start[0], *(a // self.patches for a in region.start[1:]))
        last = (region.stop[0], *(math.ceil(b / self.patches) for b in region.stop[1:]))
        sections, rows, columns = (range(a, b) for a, b in zip(first, last, strict=True))
        return [(z, y, x) for z in sections for y in rows for x in columns]

    def __len__(self) -> int:
        return int(np.prod(self.shape))
