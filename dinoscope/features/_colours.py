"""Features as colours: their three main directions as red, green and blue, so that alike looks alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.features._store import FeatureStore
    from dinoscope.tiling import Tile

_MOST_PATCHES = 20_000
"""Patches the directions are found from."""

_MOST_TILES = 400
"""Tiles these patches are read from: of a large store, reading all of them twice would be slow."""

_PERCENTILES = (1.0, 99.0)
"""What becomes dark and bright: a few extreme patches must not take all the contrast."""

_FLAT = 1e-6
"""Share of the widest direction below which one is rounding errors and no direction."""


@dataclass(frozen=True, slots=True, eq=False)
class _Palette:
    """How a feature becomes a colour.

    Attributes
    ----------
    mean
        Shape (C,).
    directions
        Shape (C, 3); 0 where the features have fewer directions.
    low, high
        Projections that become 0 and 1, shape (3,).
    """

    mean: NDArray[np.float64]
    directions: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def colour(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Colours of features (..., C), shape (..., 3)."""
        width = self.high - self.low
        varies = width > _FLAT * width.max()
        unit = ((features - self.mean) @ self.directions - self.low) / np.where(varies, width, 1.0)
        return np.clip(np.where(varies, unit, 0.5), 0.0, 1.0).astype(np.float32)


def feature_colours(store: FeatureStore, section: int | None = None) -> NDArray[np.float32]:
    """Principal components of the features as red, green and blue.

    Parameters
    ----------
    store
        Filled as far as it may be; read tile by tile.
    section
        Colour only the patches of this section; all sections by default. Its colours are the same either way.

    Returns
    -------
    Colours in [0, 1] of shape (z, gy, gx, 3), or (gy, gx, 3) of a section; NaN where features are missing. Equal stores
    give equal colours.

    Raises
    ------
    StoreError
        If features are damaged on disk.

    Notes
    -----
    The components are those of a sample of at most 20,000 patches. The sign of a component is free; its largest entry
    is made positive. Where the features vary in fewer than three directions, the other colours are 0.5.
    """
    first, shape = (0, store.grid.shape) if section is None else (section, (1, *store.grid.shape[1:]))
    colours = np.full((*shape, 3), np.nan, np.float32)
    missing = {tile.index for tile in store.pending()}
    done = [tile for tile in store.manifest.tiles if tile.index not in missing]
    if done:
        palette = _fit(_sample(store, done))
        for tile in done:
            z, *plane = tile.write.slices
            if section is None or z.start <= section < z.stop:
                colours[z.start - first : z.stop - first, *plane] = palette.colour(store.read(tile.write))
    return colours if section is None else colours[0]


def _sample(store: FeatureStore, tiles: Sequence[Tile]) -> NDArray[np.float32]:
    """Features of patches spread over some tiles, shape (n, C); the same ones every time."""
    random = np.random.default_rng(0)
    chosen = np.sort(random.permutation(len(tiles))[:_MOST_TILES])
    share = _MOST_PATCHES // len(chosen)
    parts = []
    for index in chosen:
        features = store.read(tiles[index].write).reshape(-1, store.channels)
        parts.append(features[random.permutation(len(features))[:share]])
    return np.concatenate(parts)


def _fit(sample: NDArray[np.float32]) -> _Palette:
    mean = sample.mean(axis=0, dtype=np.float64)
    centred = sample - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)  # C C, the smallest variance first
    main = vectors[:, ::-1][:, :3]
    largest = np.take_along_axis(main, np.abs(main).argmax(axis=0)[np.newaxis], axis=0)  # 1 3
    directions = np.zeros((len(mean), 3))
    directions[:, : main.shape[1]] = main * np.where(largest < 0, -1.0, 1.0)
    low, high = np.percentile(centred @ directions, _PERCENTILES, axis=0)
    return _Palette(mean, directions, low, high)
