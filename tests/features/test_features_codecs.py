from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dinoscope.errors import StoreError
from dinoscope.features import FeatureStore, Manifest, extract_features
from dinoscope.features._codecs import Coding, HalfPrecision, Quantised
from dinoscope.settings import StorageSettings
from dinoscope.testing import FakeEncoder
from tests.features.stores import all_features, noise, plan, small_tiles

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

samples = hnp.arrays(np.float32, (40, 3), elements=st.floats(-1e3, 1e3, width=32))


@given(samples)
def test_eight_bits_are_off_by_half_a_step_at_most(sample: NDArray[np.float32]) -> None:
    codec = Quantised.fit(Coding("int8", 3), sample)
    stored = codec.encode(sample)
    assert stored.dtype == np.int8
    span = sample.max(axis=0) - sample.min(axis=0)
    allowed = 2 * span / 254 / 2 * 1.01 + 1e-6 + 1e-6 * np.abs(sample).max()
    assert (np.abs(codec.decode(stored) - sample) <= allowed).all()


@given(samples, st.floats(-(2.0**99), 2.0**99, width=32))
def test_what_is_far_from_the_sample_becomes_the_last_step_and_never_the_mark(
    sample: NDArray[np.float32], value: float
) -> None:
    coding = Coding("int8", 3)
    stored = Quantised.fit(coding, sample).encode(np.full((2, 2, 3), value, np.float32))
    assert np.abs(stored.astype(int)).max() <= 127
    assert not coding.lacks(stored)
    assert coding.lacks(np.full((2, 2, 3), coding.unwritten, np.int8))


def test_features_in_few_directions_survive_their_components() -> None:
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(20, 4)))[0]
    features = (rng.normal(size=(500, 4)) @ directions.T + rng.normal(size=20)).astype(np.float32)
    codec = Quantised.fit(Coding("pca-int8", 4), features)
    stored = codec.encode(features.reshape(50, 10, 20))
    assert stored.shape == (50, 10, 4)
    error = np.abs(codec.decode(stored).reshape(500, 20) - features).max()
    assert error < 0.1  # of values whose range is about 6, in 254 steps and 4 components
    too_few = Quantised.fit(Coding("pca-int8", 2), features)
    assert np.abs(too_few.decode(too_few.encode(features)) - features).max() > 5 * error


def test_constant_features_stay_what_they_are() -> None:
    constant = np.full((9, 3), 0.25, np.float32)
    codec = Quantised.fit(Coding("int8", 3), constant)
    np.testing.assert_allclose(codec.decode(codec.encode(constant)), constant, atol=1e-6)


def test_steps_survive_the_disk_and_a_flipped_bit_is_found() -> None:
    sample = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    codec = Quantised.fit(Coding("pca-int8", 3), sample)
    content, stored = codec.to_bytes(), codec.encode(sample)
    np.testing.assert_array_equal(Quantised.from_bytes(content).decode(stored), codec.decode(stored))
    for place in (len(content) - 30, len(content) // 2, 4):
        damaged = bytearray(content)
        damaged[place] ^= 1
        with pytest.raises(StoreError):
            Quantised.from_bytes(bytes(damaged))


@pytest.mark.parametrize(
    ("stride", "channels", "settings", "width", "patch_bytes"),
    [
        (14, 384, {}, 384, 768),
        (14, 384, {"codec": "int8"}, 384, 384),
        (14, 384, {"codec": "pca-int8"}, 98, 98),
        (8, 64, {"codec": "pca-int8"}, 32, 32),
        (8, 64, {"codec": "pca-int8", "components": 128}, 64, 64),
        (4, 64, {"codec": "pca-int8"}, 16, 16),
        (16, 1024, {"codec": "pca-int8"}, 128, 128),
    ],
)
def test_components_take_half_a_byte_per_pixel_unless_told(
    stride: int, channels: int, settings: dict[str, Any], width: int, patch_bytes: int
) -> None:
    encoder = replace(FakeEncoder(stride=stride, tile=stride * 8, halo=0).spec, channels=channels)
    coding = Coding.plan(encoder, StorageSettings(**settings))
    assert (coding.width, coding.patch_bytes) == (width, patch_bytes)


def test_half_precision_keeps_the_numbers_of_before() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    codec = HalfPrecision()
    np.testing.assert_array_equal(codec.decode(codec.encode(values)), values.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("codec", ["int8", "pca-int8"])
def test_a_store_of_few_bytes_gives_nearly_the_same_features(tmp_path: Path, codec: Any) -> None:
    image, encoder = noise(), small_tiles()
    exact = FeatureStore.create(tmp_path / "exact.zarr", plan(image, encoder))
    extract_features(image, encoder, exact)
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder, StorageSettings(codec=codec)))
    extract_features(image, encoder, store)
    span = np.ptp(all_features(exact), axis=(0, 1, 2))
    close = np.abs(all_features(store) - all_features(exact)) <= span / 100
    assert close.mean() > 0.999  # but for patches that are like none in the sample
    again = FeatureStore.open(store.path)
    np.testing.assert_array_equal(all_features(again), all_features(store))
    np.testing.assert_array_equal(store.read_narrow(store.grid.extent), all_features(store), strict=True)
    assert encoder.encoded_tiles == 2 * 220  # the tiles it was fitted on are kept


def test_how_features_are_kept_is_decided_once_from_the_whole_image(tmp_path: Path) -> None:
    image, encoder = noise(), small_tiles()
    manifest = plan(image, encoder, StorageSettings(codec="int8"))
    whole = FeatureStore.create(tmp_path / "whole.zarr", manifest)
    extract_features(image, encoder, whole)
    parts = FeatureStore.create(tmp_path / "parts.zarr", manifest)
    extract_features(image, encoder, parts, parts.shards()[-1])
    assert 0 < encoder.encoded_tiles - 220 < 20
    again = FeatureStore.open(parts.path)
    again.fit(np.zeros((5, 2), np.float32))  # somebody who was slower
    extract_features(image, encoder, again)
    np.testing.assert_array_equal(all_features(again), all_features(whole))


def test_without_steps_nothing_is_written_or_read(tmp_path: Path) -> None:
    image, encoder = noise(), small_tiles()
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder, StorageSettings(codec="int8")))
    tile = store.pending()[0]
    with pytest.raises(StoreError, match="extract them first"):
        store.write(tile, np.zeros((*tile.write.shape[1:], 2), np.float32))
    extract_features(image, encoder, store)
    (store.path / "codec.safetensors").write_bytes(b"nonsense")
    with pytest.raises(StoreError, match=r"codec\.safetensors is damaged"):
        all_features(FeatureStore.open(store.path))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_refused_in_eight_bits_too(tmp_path: Path, value: float) -> None:
    image, encoder = noise(), small_tiles()
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder, StorageSettings(codec="int8")))
    store.fit(np.random.default_rng(0).random((9, 2), np.float32))
    tile = store.pending()[0]
    with pytest.raises(StoreError, match="not finite"), np.errstate(invalid="ignore"):
        store.write(tile, np.full((*tile.write.shape[1:], 2), value, np.float32))


def test_the_manifest_tells_how_features_are_kept() -> None:
    image, encoder = noise(), small_tiles()
    manifests = [plan(image, encoder, StorageSettings(codec=codec)) for codec in ("float16", "int8", "pca-int8")]
    assert len({manifest.key for manifest in manifests}) == 3
    for manifest in manifests:
        assert Manifest.from_dict(manifest.to_dict()) == manifest
    assert [manifest.stored_bytes for manifest in manifests] == [2 * 38 * 43 * size for size in (4, 2, 2)]
