"""Small feature stores of several shards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import Image, open_image
from dinoscope.settings import ImageSettings, IntensitySettings, StorageSettings, TilingSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.features import Manifest


def noise(shape: tuple[int, ...] = (2, 150, 170), seed: int = 0) -> Image:
    """An image in which no patch is like another."""
    values = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return open_image(values, ImageSettings(axes="zyx"[-len(shape) :]), name="noise")


def small_tiles() -> FakeEncoder:
    """An encoder with tiles of 16 kept pixels: `noise` has 2 x 10 x 11 of them, in 2 x 2 x 2 shards."""
    return FakeEncoder(tile=24, halo=4)


def plan(image: Image, encoder: FakeEncoder, storage: StorageSettings | None = None) -> Manifest:
    """A manifest with the settings as they are."""
    return plan_features(image, encoder.spec, TilingSettings(), IntensitySettings(), storage)


def full_store(path: Path, image: Image, encoder: FakeEncoder) -> FeatureStore:
    """A store in which everything is computed."""
    store = FeatureStore.create(path, plan(image, encoder))
    extract_features(image, encoder, store)
    return store


def all_features(store: FeatureStore) -> NDArray[np.float32]:
    """Everything in a store."""
    return store.read(store.grid.extent)


def chunks(path: Path) -> list[Path]:
    """Files that hold features."""
    return sorted(path.glob("*/c.*"))
