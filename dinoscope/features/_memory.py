"""Tiles that were read lately, for whoever looks at the same part of an image again and again."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.geometry import Region
from dinoscope.image import Recent

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dinoscope.tiling import Tile, TileGrid


class TileMemory:
    """Keeps what is stored of the tiles that were read last. A tile never changes, so that nothing gets out of date.

    Parameters
    ----------
    tiles
        The tiles of the store.
    limit
        Bytes that are kept at most. What is larger is read and not kept.
    """

    def __init__(self, tiles: TileGrid, limit: int) -> None:
        self._tiles = tiles
        self._limit = limit
        self._recent: Recent[NDArray[Any]] = Recent(limit, weigh=attrgetter("nbytes"))

    def read(self, region: Region, patch_bytes: int, load: Callable[[Region], NDArray[Any]]) -> NDArray[Any]:
        """What is stored of a region of patches, shape (z, gy, gx, width).

        Parameters
        ----------
        region
            Patches (z, gy, gx).
        patch_bytes
            What a patch takes.
        load
            Reads a region from the disk.
        """
        touched = self._tiles.touching(region)
        if not touched or sum(tile.write.size for tile in touched) * patch_bytes > self._limit:
            return load(region)
        kept = {tile.index: self._recent.get(tile.index) for tile in touched}
        found = {index: stored for index, stored in kept.items() if stored is not None}
        loaded = _load_whole([tile for tile in touched if tile.index not in found], load)
        for index, stored in loaded.items():
            self._recent.put(index, stored)
        return _assemble(region, touched, found | loaded)


def _load_whole(tiles: list[Tile], load: Callable[[Region], NDArray[Any]]) -> dict[tuple[int, int, int], NDArray[Any]]:
    """What is stored of some tiles, read at once with what lies between them: a disk gives whole tiles anyway."""
    if not tiles:
        return {}
    starts, stops = zip(*((tile.write.start, tile.write.stop) for tile in tiles), strict=True)
    box = Region(tuple(map(min, zip(*starts, strict=True))), tuple(map(max, zip(*stops, strict=True))))
    stored = load(box)
    return {tile.index: stored[tile.write.relative_to(box).slices].copy() for tile in tiles}


def _assemble(region: Region, tiles: list[Tile], found: dict[tuple[int, int, int], NDArray[Any]]) -> NDArray[Any]:
    first = found[tiles[0].index]
    stored = np.empty((*region.shape, first.shape[-1]), first.dtype)
    for tile in tiles:
        part = tile.write.intersect(region)
        stored[part.relative_to(region).slices] = found[tile.index][part.relative_to(tile.write).slices]
    return stored
