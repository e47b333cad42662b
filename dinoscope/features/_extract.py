"""Fill a feature store: read tiles ahead, encode them in batches, keep their cores."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.errors import StoreError, StoreMismatchError
from dinoscope.features._pipeline import Pipeline, keep_core, read_tile
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from dinoscope.encoders import Encoder
    from dinoscope.features._store import FeatureStore
    from dinoscope.geometry import Region
    from dinoscope.image import Image

_SAMPLE_TILES = 8
"""Tiles spread over the image that tell how features become few bytes."""

_ROUNDS = 3
"""How often tiles are computed that turn out damaged on disk."""


def extract_features(
    image: Image,
    encoder: Encoder,
    store: FeatureStore,
    region: Region | None = None,
    batch_size: int = 1,
    progress: ProgressCallback = ignore_progress,
) -> None:
    """Compute the features that a store lacks; what it has is left alone.

    Other processes may fill the same store at the same time: they share the work.

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
        If the disk refuses, or loses again and again what is written.
    """
    manifest = store.manifest
    if encoder.spec.fingerprint != manifest.encoder.fingerprint:
        raise StoreMismatchError(
            f"{store.location} holds features of the weights {manifest.encoder.fingerprint} ({manifest.encoder.name}), "
            f"not of {encoder.spec.fingerprint} ({encoder.spec.name}): use those weights or another store"
        )
    store.recompute = partial(extract_features, image, encoder, store, batch_size=batch_size)
    planned = len(manifest.tiles.touching(region or store.grid.extent))
    store.refresh()
    store.tidy()
    pending = store.pending(region)
    progress(Progress("features", planned - len(pending), planned))
    if pending and not store.is_fitted:
        _fit(image, encoder, store)
        pending = store.pending(region)
    for _ in range(_ROUNDS):
        if not pending:
            return
        with closing(Pipeline(image, encoder, store, batch_size).compute(pending)) as steps:
            for left in steps:
                progress(Progress("features", planned - left, planned))
        pending = store.pending(region)
    raise StoreError(f"{len(pending)} tiles in {store.location} are damaged whenever they are written: check the disk")


def _fit(image: Image, encoder: Encoder, store: FeatureStore) -> None:
    """Encode tiles from all over the image, choose by them how features are kept, and keep them."""
    lattice = store.manifest.tiles
    chosen = np.unique(np.linspace(0, len(lattice) - 1, _SAMPLE_TILES).round().astype(int))
    tiles = [lattice[tuple(int(i) for i in np.unravel_index(number, lattice.shape))] for number in chosen]
    cores = [keep_core(tile, encoder.encode(read_tile(image, store.manifest, tile)[np.newaxis])[0]) for tile in tiles]
    store.fit(np.concatenate([core.reshape(-1, store.channels) for core in cores]))
    for tile, core in zip(tiles, cores, strict=True):
        store.write(tile, core)
