"""Fill a feature store: read tiles ahead, encode them in batches, keep their cores."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.errors import StoreError, StoreMismatchError
from dinoscope.features._blank import grey_of, is_blank
from dinoscope.features._pipeline import Pipeline, flat_features, keep_core, read_tile
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder, EncoderSpec
    from dinoscope.features._manifest import Manifest
    from dinoscope.features._store import FeatureStore
    from dinoscope.geometry import Region
    from dinoscope.image import Image
    from dinoscope.tiling import Tile, TileGrid

_SAMPLE_TILES = 8
"""Tiles spread over the image that tell how features become few bytes."""
_MOST_READ = 16
"""Tiles read for an estimate: it may take no longer than what it is an estimate of."""

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

    Blank tiles are not encoded where the manifest says so: `store.blanks` tells of them afterwards.
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
    _check_encoder(store, encoder.spec)
    store.recompute = partial(extract_features, image, encoder, store, batch_size=batch_size)
    planned = len(manifest.tiles.touching(region or store.grid.extent))
    store.refresh()
    store.tidy()
    pending = store.pending(region)
    progress(Progress("features", planned - len(pending), planned))
    if pending and not store.is_fitted:
        _fit(image, encoder, store, partial(progress, Progress("features", planned - len(pending), planned)))
        pending = store.pending(region)
    for _ in range(_ROUNDS):
        if not pending:
            return
        with closing(Pipeline(image, encoder, store, batch_size).compute(pending)) as steps:
            for left in steps:
                progress(Progress("features", planned - left, planned))
        store.refresh()
        store.tidy()  # of those who share a file of the store and end at the same time, the last packs it
        pending = store.pending(region)
    raise StoreError(f"{len(pending)} tiles in {store.location} are damaged whenever they are written: check the disk")


def estimate_blank(image: Image, manifest: Manifest) -> float:
    """The share of the tiles of an image that are blank, from a few of them that are read."""
    if not manifest.skip_blank:
        return 0.0
    some = islice(_spread_out(manifest.tiles), _MOST_READ)
    return float(np.mean([is_blank(read_tile(image, manifest, tile), manifest.skip_blank) for tile in some]))


def _check_encoder(store: FeatureStore, found: EncoderSpec) -> None:
    """Refuse other weights, and the same ones that compute in another precision."""
    kept = store.manifest.encoder
    if (found.fingerprint, found.precision) != (kept.fingerprint, kept.precision):
        raise StoreMismatchError(
            f"{store.location} holds features of the weights {kept.fingerprint} ({kept.name} in {kept.precision}), not "
            f"of {found.fingerprint} ({found.name} in {found.precision}): use those weights in that precision, or "
            "another store"
        )


def _fit(image: Image, encoder: Encoder, store: FeatureStore, looked: Callable[[], None]) -> None:
    """Encode tiles from all over the image, choose by them how features are kept, and keep them."""
    cores = [(tile, _core(encoder, store, tile, pixels)) for tile, pixels in _sample(image, store.manifest, looked)]
    store.fit(np.concatenate([core.reshape(-1, store.channels) for _, core in cores]))
    for tile, core in cores:
        store.write(tile, core)


def _sample(image: Image, manifest: Manifest, looked: Callable[[], None]) -> list[tuple[Tile, NDArray[np.float32]]]:
    """Tiles from all over the image with their pixels: such that show something, unless all are blank.

    In a mosaic of resin it may take a look at every tile, since steps that fit resin fit nothing else.
    """
    shown: list[tuple[Tile, NDArray[np.float32]]] = []
    blank: list[tuple[Tile, NDArray[np.float32]]] = []
    for tile in _spread_out(manifest.tiles):
        pixels = read_tile(image, manifest, tile)
        if not is_blank(pixels, manifest.skip_blank):
            shown.append((tile, pixels))
        elif len(blank) < _SAMPLE_TILES:
            blank.append((tile, pixels))
        if len(shown) == _SAMPLE_TILES:
            break
        looked()
    return shown or blank


def _spread_out(lattice: TileGrid) -> Iterator[Tile]:
    """All tiles: first some from all over the image, then ever more between them."""
    seen: set[int] = set()
    many = _SAMPLE_TILES
    while len(seen) < len(lattice):
        for number in np.unique(np.linspace(0, len(lattice) - 1, many).round().astype(int)).tolist():
            if number not in seen:
                seen.add(number)
                yield lattice[tuple(int(i) for i in np.unravel_index(number, lattice.shape))]
        many = min(2 * many, len(lattice))


def _core(encoder: Encoder, store: FeatureStore, tile: Tile, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is written of a tile, shape (gy, gx, C)."""
    if is_blank(pixels, store.manifest.skip_blank):
        return keep_core(tile, flat_features(encoder, store, tile, grey_of(pixels)))
    return keep_core(tile, encoder.encode(pixels[np.newaxis])[0])
