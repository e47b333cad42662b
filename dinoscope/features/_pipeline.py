"""Tiles on their way through the encoder: the next ones are read meanwhile."""

from __future__ import annotations

import random
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.features._pixels import read_pixels
from dinoscope.geometry import Region

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.features._manifest import Manifest
    from dinoscope.features._store import FeatureStore
    from dinoscope.image import Image
    from dinoscope.tiling import Tile

_READ_AHEAD = 2
"""Batches. One is enough on average, the other for a disk that hesitates."""


def read_tile(image: Image, manifest: Manifest, tile: Tile) -> NDArray[np.float32]:
    """The pixels an encoder sees of a tile, shape (H, W) or (H, W, 3): always a full tile, mirrored where needed."""
    (z, *start), side = tile.read.start, manifest.tiles.tile
    full = Region((z, *start), (z + 1, *(a + side for a in start)))
    return read_pixels(image, manifest.intensity, manifest.grid, full)


def keep_core(tile: Tile, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of a tile's features that is written, shape (gy, gx, C)."""
    return features[tile.write.relative_to(tile.read).slices[1:]]


class Pipeline:
    """Computes tiles that a store lacks, and leaves to other processes what they are faster with.

    Parameters
    ----------
    image, encoder, store
        As in `extract_features`.
    batch_size
        Tiles encoded at once.
    """

    def __init__(self, image: Image, encoder: Encoder, store: FeatureStore, batch_size: int) -> None:
        self._image = image
        self._encoder = encoder
        self._store = store
        self._batch_size = batch_size
        self._queue: deque[Tile] = deque()

    def compute(self, tiles: Sequence[Tile]) -> Generator[int]:
        """Compute tiles in about this order; after every batch on disk, how many of them are left.

        Close the iterator when it is left early, so that nothing goes on behind the scenes.
        """
        self._queue.extend(tiles)
        left = len(tiles)
        reader = ThreadPoolExecutor(1)
        try:
            ahead = deque(reader.submit(self._read_batch) for _ in range(_READ_AHEAD))
            while True:
                batch, pixels, skipped = ahead.popleft().result()
                left -= skipped + len(batch)
                if batch:
                    ahead.append(reader.submit(self._read_batch))
                    self._write(batch, self._encoder.encode(pixels))
                if batch or skipped:
                    yield left
                if not batch:
                    return
        finally:
            reader.shutdown(cancel_futures=True)

    def _read_batch(self) -> tuple[list[Tile], NDArray[np.float32], int]:
        """The next tiles, their pixels (N, H, W[, 3]), and how many were passed over since others have done them."""
        batch: list[Tile] = []
        skipped = 0
        while self._queue and len(batch) < self._batch_size:
            tile = self._queue.popleft()
            if self._store.holds(tile):
                skipped += 1
            else:
                batch.append(tile)
        pixels = [read_tile(self._image, self._store.manifest, tile) for tile in batch]
        return batch, np.stack(pixels) if pixels else np.zeros((0, 0, 0), np.float32), skipped

    def _write(self, batch: list[Tile], features: NDArray[np.float32]) -> None:
        """Keep the cores of a batch."""
        for tile, of_tile in zip(batch, features, strict=True):
            if self._store.holds(tile):  # somebody has computed it at the same time: go on elsewhere
                self._queue.rotate(random.randrange(len(self._queue) + 1))
            else:
                self._store.write(tile, keep_core(tile, of_tile))
