"""The tiles of a feature store on disk: one file each, then packed into shards; never changed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.features._layout import SHARDS, TILES, array_of, chunk_name, chunks_there

if TYPE_CHECKING:
    import zarr
    from numpy.typing import NDArray

    from dinoscope.features._manifest import Manifest
    from dinoscope.features._places import Place
    from dinoscope.features._shards import ShardIndex
    from dinoscope.geometry import Region
    from dinoscope.tiling import Tile

DAMAGE = (RuntimeError, ValueError, IndexError, KeyError, TypeError)
"""What decoding raises over bytes that are not those that were written. An OSError is the disk's, and no damage."""


class TileFiles:
    """Which tiles are on disk, and their bytes. It knows nothing of what the bytes mean.

    Every method that touches the disk may raise an OSError.

    Parameters
    ----------
    place
        Where the store lies.
    manifest
        What it was made from.
    group
        The opened group.
    """

    def __init__(self, place: Place, manifest: Manifest, group: zarr.Group) -> None:
        self.shards = manifest.shards
        self._place = place
        self._tiles = manifest.tiles
        self._coding = manifest.coding
        self._whole = array_of(group, SHARDS)
        self._loose = array_of(group, TILES)
        for array in (self._whole, self._loose):
            if array.shape != (*manifest.grid.shape, self._coding.width) or array.dtype != self._coding.dtype:
                raise ValueError(f"an array of {array.dtype} {array.shape} does not fit the manifest")
        self.refresh()

    def refresh(self) -> None:
        """Look which tiles are done by now, by whatever process."""
        loose = self._place.names(TILES)  # first: what is packed in between is seen twice, and not never
        self._is_packed = chunks_there(self._place.names(SHARDS), self.shards.shape)
        self._is_loose = chunks_there(loose, self._tiles.shape)

    def done(self) -> NDArray[np.bool_]:
        """Which tiles are done as far as is known, shape (z, ty, tx)."""
        packed = self._is_packed.repeat(self.shards.side, 1).repeat(self.shards.side, 2)
        _, rows, columns = self._is_loose.shape
        return self._is_loose | packed[:, :rows, :columns]

    def knows(self, tile: Tile) -> bool:
        """Whether a tile is done as far as is known."""
        return bool(self._is_loose[tile.index] or self._is_packed[self.shards.index_of(tile.index)])

    def holds(self, tile: Tile) -> bool:
        """Whether a tile is done by now, by whatever process: looks on the disk."""
        if not self.knows(tile):
            shard = self.shards.index_of(tile.index)
            self._is_loose[tile.index] = self._place.exists(chunk_name(TILES, tile.index))
            self._is_packed[shard] = self._place.exists(chunk_name(SHARDS, shard))
        return self.knows(tile)

    def write(self, tile: Tile, stored: NDArray[Any]) -> None:
        """Keep what is stored of a tile's write region, shape (gy, gx, width)."""
        self._loose[tile.write.slices] = stored[np.newaxis]
        self._is_loose[tile.index] = True
        self._pack(self.shards.index_of(tile.index))

    def read(self, region: Region) -> NDArray[Any]:
        """What is stored of a region of patches, shape (z, gy, gx, width), be it packed or not.

        Raises one of `DAMAGE` where bytes are damaged or missing.
        """
        stored = np.empty((*region.shape, self._coding.width), self._coding.dtype)
        for shard in self.shards.touching(region):
            part = self.shards.region(shard).intersect(region)
            stored[part.relative_to(region).slices] = self._read_part(shard, part)
        return stored

    def tidy(self) -> None:
        """Pack what can be packed, and delete what is packed already: a process that was killed leaves both."""
        for shard in {self.shards.index_of((z, y, x)) for z, y, x in np.argwhere(self._is_loose).tolist()}:
            if self._is_packed[shard]:
                self._forget_members(shard)
            else:
                self._pack(shard)

    def drop_damaged(self, region: Region) -> int:
        """Take the tiles out of the store that cannot be read; how many they were."""
        dropped = 0
        for shard in self.shards.touching(region):
            inside = self.shards.region(shard).intersect(region)
            tiles = self._tiles.touching(self.shards.region(shard) if self._is_packed[shard] else inside)
            bad = [tile for tile in tiles if self.knows(tile) and not self._is_readable(tile)]
            if bad and self._is_packed[shard]:
                self._unpack(shard, [tile for tile in tiles if tile not in bad])
            for tile in bad:
                self._forget(tile.index)
            dropped += len(bad)
        return dropped

    def _read_part(self, shard: ShardIndex, part: Region) -> NDArray[Any]:
        for _ in range(2):
            source = self._whole if self._is_packed[shard] else self._loose
            stored = np.asarray(source[part.slices])
            if not self._coding.lacks(stored):
                return stored
            self.refresh()  # another thread or process packed it a moment ago
        raise ValueError("files are missing")

    def _is_readable(self, tile: Tile) -> bool:
        try:
            self._read_part(self.shards.index_of(tile.index), tile.write)
        except DAMAGE:
            return False
        return True

    def _pack(self, shard: ShardIndex) -> None:
        """Put the tiles of a shard into one file, if all of them are there."""
        if self._is_packed[shard] or not self._is_loose[self.shards.members(shard)].all():
            return
        region = self.shards.region(shard)
        try:
            stored = np.asarray(self._loose[region.slices])
        except DAMAGE:
            self.drop_damaged(region)
            return
        if self._coding.lacks(stored):  # somebody packed it, or deleted it
            self.refresh()
            return
        self._whole[region.slices] = stored
        self._is_packed[shard] = True
        self._forget_members(shard)

    def _unpack(self, shard: ShardIndex, good: list[Tile]) -> None:
        """Keep the good tiles of a shard one by one, and delete the shard."""
        for tile in good:
            self._loose[tile.write.slices] = np.asarray(self._whole[tile.write.slices])
            self._is_loose[tile.index] = True
        self._place.remove(chunk_name(SHARDS, shard))
        self._is_packed[shard] = False

    def _forget_members(self, shard: ShardIndex) -> None:
        for tile in self._tiles.touching(self.shards.region(shard)):
            if self._is_loose[tile.index]:
                self._forget(tile.index)

    def _forget(self, tile: tuple[int, int, int]) -> None:
        """Delete the file of a tile."""
        self._place.remove(chunk_name(TILES, tile))
        self._is_loose[tile] = False
