from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.encoders import EncoderSpec
from dinoscope.features import FeatureStore, extract_features, feature_colours, plan_features
from dinoscope.image import open_image
from dinoscope.settings import ImageSettings, IntensitySettings, TilingSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.geometry import Region

SPEC = EncoderSpec("planted", 4, 8, 64, 8, (0.0,) * 3, (1.0,) * 3, "planted", "BSD-3-Clause")


def make_store(path: Path, shape: tuple[int, ...], spec: EncoderSpec = SPEC, **tiling: Any) -> FeatureStore:
    image = open_image(np.zeros(shape, np.uint8), ImageSettings(axes="zyx"[-len(shape) :]), name="i")
    return FeatureStore.create(path, plan_features(image, spec, TilingSettings(**tiling), IntensitySettings()))


def plant(store: FeatureStore, features: NDArray[np.float32]) -> None:
    for tile in store.pending():
        store.write(tile, features[tile.write.slices][0])


def planted(shape: tuple[int, ...], seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Features with three strong directions of known strength, and the position along each of them."""
    random = np.random.default_rng(seed)
    positions = random.normal(size=(*shape, 3)) * (9.0, 3.0, 1.0)
    directions = np.linalg.qr(random.normal(size=(SPEC.channels, 3)))[0].T
    return (positions @ directions + 5.0).astype(np.float32), positions


def test_colours_follow_the_three_strongest_directions(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.zarr", (2, 200, 300))
    features, positions = planted(store.grid.shape)
    plant(store, features)
    colours = feature_colours(store)
    assert colours.shape == (*store.grid.shape, 3)
    assert colours.dtype == np.float32
    for component in range(3):
        shown, position = colours[..., component].ravel(), positions[..., component].ravel()
        inside = (shown > 0) & (shown < 1)
        assert abs(np.corrcoef(shown[inside], position[inside])[0, 1]) > 0.99
        assert np.mean(~inside) == pytest.approx(0.02, abs=0.005)  # what lies outside of the percentiles


def test_the_percentiles_are_those_of_numpy(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.zarr", (40, 400))
    ramp = np.zeros((*store.grid.shape, SPEC.channels), np.float32)
    ramp[..., 2] = np.arange(store.grid.shape[1] * store.grid.shape[2]).reshape(store.grid.shape)
    plant(store, ramp)
    low, high = np.percentile(ramp[..., 2], [1, 99])
    colours = feature_colours(store)
    np.testing.assert_allclose(colours[..., 0], np.clip((ramp[..., 2] - low) / (high - low), 0, 1), atol=1e-5)
    assert (colours[..., 1:] == 0.5).all()  # there are no other directions


def test_missing_features_are_nan_and_do_not_count(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.zarr", (200, 300))
    assert np.isnan(feature_colours(store)).all()
    features, _ = planted(store.grid.shape)
    done, *rest = store.pending()
    store.write(done, features[done.write.slices][0])
    colours = feature_colours(store)
    assert np.isfinite(colours[done.write.slices]).all()
    assert all(np.isnan(colours[tile.write.slices]).all() for tile in rest)


def test_equal_features_get_equal_colours_whatever_their_tiles_and_their_run(tmp_path: Path) -> None:
    stores = [make_store(tmp_path / f"{tile}.zarr", (200, 300), tile=tile) for tile in (48, 64)]
    features, _ = planted(stores[0].grid.shape)
    for store in stores:
        plant(store, features)
    first, other = (feature_colours(store) for store in stores)
    np.testing.assert_allclose(first, other, atol=1e-4)  # the sums run in another order
    np.testing.assert_array_equal(feature_colours(FeatureStore.open(stores[0].path)), first)


def test_features_that_are_grow_become_brighter_whatever_sign_the_solver_chose(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.zarr", (40, 400))
    ramp = np.zeros((*store.grid.shape, SPEC.channels), np.float32)
    ramp[..., 5] = np.linspace(-1, 1, ramp[..., 5].size).reshape(store.grid.shape)
    plant(store, ramp)
    red = feature_colours(store)[..., 0].ravel()
    assert red[0] == 0
    assert red[-1] == 1


def test_few_directions_and_constant_features_are_grey(tmp_path: Path) -> None:
    image = open_image(np.random.default_rng(0).random((200, 200), np.float32), name="i")
    encoder = FakeEncoder()  # 2 channels
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings())
    store = FeatureStore.create(tmp_path / "s.zarr", manifest)
    extract_features(image, encoder, store)
    assert (feature_colours(store)[..., 2] == 0.5).all()
    constant = make_store(tmp_path / "c.zarr", (100, 100))
    plant(constant, np.full((*constant.grid.shape, SPEC.channels), 3.0, np.float32))
    assert (feature_colours(constant) == 0.5).all()


def test_a_large_store_is_read_tile_by_tile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(tmp_path / "s.zarr", (600, 900))
    features, positions = planted(store.grid.shape)
    plant(store, features)
    largest = max(tile.write.size for tile in store.manifest.tiles)
    whole_read, sizes = store.read, []

    def read(region: Region) -> NDArray[np.float32]:
        sizes.append(region.size)
        return whole_read(region)

    monkeypatch.setattr(store, "read", read)
    red = feature_colours(store)[..., 0].ravel()
    assert max(sizes) <= largest < store.grid.extent.size / 50
    inside = (red > 0) & (red < 1)
    assert abs(np.corrcoef(red[inside], positions[..., 0].ravel()[inside])[0, 1]) > 0.99


def test_features_need_no_torch() -> None:
    check = "import sys, dinoscope.features; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
