"""Fill a feature store: read tiles, encode them in batches, keep their cores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dinoscope.errors import StoreMismatchError
from dinoscope.features._pixels import read_pixels
from dinoscope.geometry import Region
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.features._manifest import Manifest
    from dinoscope.features._store import FeatureStore
    from dinoscope.image import Image
    from dinoscope.tiling import Tile


def extract_features(
    image: Image,
    encoder: Encoder,
    store: FeatureStore,
    region: Region | None = None,
    batch_size: int = 1,
    progress: ProgressCallback = ignore_progress,
) -> None:
    """Compute the features that a store lacks; what it has is left alone.

    Parameters
    ----------
    image
        The image the store was made for.
    encoder
        The encoder the store was made for.
    store
        Filled tile by tile; whatever ends the work early, finished tiles stay.
    region
        Patches (z, gy, gx) that are needed; everything by default.
    batch_size
        Tiles encoded at once.
    progress
        Called after every batch, with the stage ``"features"`` and counts in tiles.

    Raises
    ------
    StoreMismatchError
        If the encoder is not the one the store was made for.
    ImageReadError
        If the image is damaged.
    StoreError
        If the disk refuses.
    """
    manifest = store.manifest
    if encoder.spec.fingerprint != manifest.encoder.fingerprint:
        raise StoreMismatchError(
            f"{store.path} holds features of the weights {manifest.encoder.fingerprint} ({manifest.encoder.name}), "
            f"not of {encoder.spec.fingerprint} ({encoder.spec.name}): use those weights or another store"
        )
    planned = len(manifest.tiles.touching(region or store.grid.extent))
    pending = store.pending(region)
    progress(Progress("features", planned - len(pending), planned))
    for start in range(0, len(pending), batch_size):
        batch = pending[start : start + batch_size]
        pixels = np.stack([read_tile(image, manifest, tile) for tile in batch])  # N H W [3]
        for tile, features in zip(batch, encoder.encode(pixels), strict=True):
            store.write(tile, keep_core(tile, features))
        progress(Progress("features", planned - len(pending) + start + len(batch), planned))


def read_tile(image: Image, manifest: Manifest, tile: Tile) -> NDArray[np.float32]:
    """The pixels an encoder sees of a tile, shape (H, W) or (H, W, 3): always a full tile, mirrored where needed."""
    (z, *start), side = tile.read.start, manifest.tiles.tile
    full = Region((z, *start), (z + 1, *(a + side for a in start)))
    return read_pixels(image, manifest.intensity, manifest.grid, full)


def keep_core(tile: Tile, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of a tile's features that is written, shape (gy, gx, C)."""
    return features[tile.write.relative_to(tile.read).slices[1:]]
