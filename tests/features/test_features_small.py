"""Images smaller than a tile, which encoders that do not mind its size see in one small tile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.encoders import create_encoder, in_passes
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import open_image
from dinoscope.settings import IntensitySettings, TilingSettings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder

IMAGE = open_image(np.random.default_rng(0).random((200, 333), dtype=np.float32), name="small")


def features(folder: Path, encoder: Encoder, tile: int | None) -> NDArray[np.float32]:
    manifest = plan_features(IMAGE, encoder.spec, TilingSettings(tile=tile), IntensitySettings())
    store = FeatureStore.create(folder / f"{tile}.zarr", manifest)
    extract_features(IMAGE, encoder, store)
    return store.read(store.grid.extent)


@pytest.mark.parametrize("passes", [1, 2])
def test_a_small_image_has_the_same_features_in_a_small_tile(tmp_path: Path, passes: int) -> None:
    encoder = in_passes(create_encoder("nano", "cpu"), passes)
    small, usual = features(tmp_path, encoder, None), features(tmp_path, encoder, encoder.spec.tile)
    np.testing.assert_allclose(small, usual, atol=2e-3)  # kept in half precision


@pytest.mark.parametrize(("shape", "tiles"), [((8, 8), (1, 1, 1)), ((333, 90), (1, 1, 1)), ((1024, 1100), (1, 1, 2))])
def test_a_tile_is_as_small_as_the_image_allows(shape: tuple[int, int], tiles: tuple[int, ...]) -> None:
    spec = create_encoder("nano", "cpu").spec
    image = open_image(np.zeros(shape, np.uint8))
    manifest = plan_features(image, spec, TilingSettings(), IntensitySettings())
    assert manifest.tiles.shape == tiles
    assert manifest.tiles.tile * spec.stride == min(
        spec.tile, -(-max(shape) // spec.stride) * spec.stride + 2 * spec.halo
    )


def test_an_encoder_that_minds_the_size_keeps_its_tile() -> None:
    from dinoscope.testing import FakeEncoder

    encoder = FakeEncoder(tile=64, halo=8)
    manifest = plan_features(
        open_image(np.zeros((8, 8), np.uint8)), encoder.spec, TilingSettings(), IntensitySettings()
    )
    assert manifest.tiles.tile * encoder.spec.stride == 64
