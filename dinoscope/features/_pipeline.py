"""Tiles on their way through the encoder: the next ones are read meanwhile."""

from __future__ import annotations

import random
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.features._blank import grey_of, is_blank
from dinoscope.features._pixels import read_pixels
from dinoscope.geometry import Region

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.features._blank import Grey
    from dinoscope.features._manifest import Manifest
    from dinoscope.features._store import FeatureStore
    from dinoscope.image import Image
    from dinoscope.tiling import Tile

_READ_AHEAD = 2
"""Batches. One is enough on average, the other for a disk that hesitates."""

_BLANK_AT_ONCE = 16
"""Blank tiles between two looks at the progress: thousands may lie side by side."""


def read_tile(image: Image, manifest: Manifest, tile: Tile) -> NDArray[np.float32]:
    """The pixels an encoder sees of a tile, shape (H, W) or (H, W, 3): always a full tile, mirrored where needed."""
    (z, *start), side = tile.read.start, manifest.tiles.tile
    full = Region((z, *start), (z + 1, *(a + side for a in start)))
    return read_pixels(image, manifest.intensity, manifest.grid, full)


def keep_core(tile: Tile, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of a tile's features that is written, shape (gy, gx, C)."""
    return features[tile.write.relative_to(tile.read).slices[1:]]


def flat_features(encoder: Encoder, store: FeatureStore, tile: Tile, grey: Grey) -> NDArray[np.float32]:
    """The features of a blank tile, core and halo, shape (gy, gx, C); the store remembers that it is one."""
    store.blanks.found.add(tile.index)
    tiles = store.manifest.tiles
    return store.blanks.features(encoder, tiles.tile * tiles.grid.stride, grey)


@dataclass(frozen=True, slots=True)
class _Step:
    """What is done between two looks at the progress.

    Attributes
    ----------
    batch
        Tiles to encode.
    pixels
        Theirs, each of shape (H, W) or (H, W, 3).
    blank
        Blank tiles with their grey.
    skipped
        How many were passed over since others have done them.
    """

    batch: list[Tile]
    pixels: list[NDArray[np.float32]]
    blank: list[tuple[Tile, Grey]]
    skipped: int

    @property
    def tiles(self) -> int:
        """How many are done after it."""
        return len(self.batch) + len(self.blank) + self.skipped


class Pipeline:
    """Computes tiles that a store lacks, and leaves to other processes what they are faster with.

    Blank tiles are no part of a batch: it is full of tiles worth encoding as long as there are any. Where it meets the
    work of another process it goes on elsewhere.

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
        self._waiting: list[tuple[Tile, NDArray[np.float32]]] = []

    def compute(self, tiles: Sequence[Tile]) -> Generator[int]:
        """Compute tiles in about this order; after every batch on disk, how many of them are left.

        Close the iterator when it is left early, so that nothing goes on behind the scenes.
        """
        self._queue.extend(tiles)
        left = len(tiles)
        reader = ThreadPoolExecutor(1)
        try:
            ahead = deque(reader.submit(self._read_step) for _ in range(_READ_AHEAD))
            while True:
                step = ahead.popleft().result()
                if not step.tiles:
                    return
                ahead.append(reader.submit(self._read_step))
                self._write(step)
                left -= step.tiles
                yield left
        finally:
            reader.shutdown(cancel_futures=True)

    def _read_step(self) -> _Step:
        """The next tiles; nothing once all are done."""
        manifest = self._store.manifest
        blank: list[tuple[Tile, Grey]] = []
        skipped = 0
        while self._queue and len(self._waiting) < self._batch_size and len(blank) < _BLANK_AT_ONCE:
            tile = self._queue.popleft()
            if self._is_done(tile):
                skipped += 1
                continue
            pixels = read_tile(self._image, manifest, tile)
            if is_blank(pixels, manifest.skip_blank):
                blank.append((tile, grey_of(pixels)))
            else:
                self._waiting.append((tile, pixels))
        ready = self._waiting if len(self._waiting) == self._batch_size or not self._queue else []
        self._waiting = [] if ready else self._waiting
        return _Step([tile for tile, _ in ready], [pixels for _, pixels in ready], blank, skipped)

    def _write(self, step: _Step) -> None:
        """Keep the cores of the tiles of a step."""
        for tile, grey in step.blank:
            self._keep(tile, flat_features(self._encoder, self._store, tile, grey))
        if step.batch:
            features = self._encoder.encode(np.stack(step.pixels))
            for tile, of_tile in zip(step.batch, features, strict=True):
                self._keep(tile, of_tile)

    def _keep(self, tile: Tile, features: NDArray[np.float32]) -> None:
        if not self._is_done(tile):
            self._store.write(tile, keep_core(tile, features))

    def _is_done(self, tile: Tile) -> bool:
        """Whether somebody has done a tile by now. They are at work here, so the tiles after it come later."""
        done = self._store.holds(tile)
        if done:
            self._queue.rotate(random.randrange(len(self._queue) + 1))
        return done
