"""Whether an image looks to the encoder like those that the examples come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dinoscope.similarity._windows import SMALLEST_SPREAD, distinct, patches_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from dinoscope.features import FeatureStore
    from dinoscope.reference import Reference, Window

_SHIFT = 0.5
"""How far apart two images of one kind are at most. With nano, sections of one volume were up to 0.38 apart, other
tissues and instruments 0.42 to 2.4, and negatives 0.66 to 2.4, each seen from the surroundings of 1 to 5 clicks."""

_FEWEST = 1000
"""Patches that say something of an image; of fewer, one object decides what is usual."""

_MOST_TILES = 24
"""Tiles of the image that are looked at."""

_MOST_PATCHES = 20_000
"""Patches around the examples that are looked at."""


class DomainMismatchWarning(UserWarning):
    """An image does not look to the encoder like those that the examples come from."""


def domain_mismatch(reference: Reference, store: FeatureStore) -> str | None:
    """A sentence if the examples come from other images, none of which looks to the encoder like this one.

    It is told from a sample of the patches that have features, in a time that does not grow with the image. Where they
    are few, or a reference has an example of the image itself, nothing is said.

    Parameters
    ----------
    reference
        The examples.
    store
        Features of the image, from the same encoder; they need not be complete.

    Raises
    ------
    StoreError
        If features are damaged on disk.
    """
    images = {window.image for window in reference.windows if not window.is_nowhere}
    if not images or store.manifest.image.digest in images:
        return None
    around = [_around(window for window in reference.windows if window.image == image) for image in images]
    told = [patches for patches in around if len(patches) >= _FEWEST]
    sample = _sample(store)
    if not told or len(sample) < _FEWEST:
        return None
    shift = min(domain_shift(patches, sample) for patches in told)
    if shift <= _SHIFT:
        return None
    return (
        f"{store.manifest.image.name!r} looks unlike the images of the examples to the encoder: their usual features "
        f"are {shift:.2f} standard deviations apart, expected at most {_SHIFT:g}. Tissue, staining or contrast differ: "
        "check what is found, and give an example on this image if it is wrong"
    )


def domain_shift(usual: NDArray[np.float32], features: NDArray[np.float32]) -> float:
    """How far the mean of some features is from what is usual, in standard deviations: the RMS over the channels.

    Parameters
    ----------
    usual
        Shape (M, C).
    features
        Shape (N, C).
    """
    spread = np.maximum(usual.std(axis=0, dtype=np.float64), SMALLEST_SPREAD)
    shift = (features.mean(axis=0, dtype=np.float64) - usual.mean(axis=0, dtype=np.float64)) / spread
    return float(np.sqrt(np.mean(shift**2)))


def _around(windows: Iterable[Window]) -> NDArray[np.float32]:
    """A sample of the patches in the windows of one image, each patch once, shape (m, C)."""
    mine = tuple(windows)
    kept = distinct(mine)
    kept = kept[:: -(-len(kept) // _MOST_PATCHES)]
    return patches_of(mine, kept)


def _sample(store: FeatureStore) -> NDArray[np.float32]:
    """Features of some of the tiles that are done, shape (n, C); the same ones every time."""
    missing = {tile.index for tile in store.pending()}
    done = [tile for tile in store.manifest.tiles if tile.index not in missing]
    chosen = np.sort(np.random.default_rng(0).permutation(len(done))[:_MOST_TILES])
    parts = [store.read(done[index].write).reshape(-1, store.channels) for index in chosen]
    return np.concatenate(parts) if parts else np.zeros((0, store.channels), np.float32)
