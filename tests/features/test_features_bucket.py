"""Stores at an address instead of in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fsspec
import numpy as np
import pytest

from dinoscope.errors import DinoscopeError, MissingDependencyError, StoreError, StoreMismatchError
from dinoscope.features import FeatureStore, extract_features
from dinoscope.settings import StorageSettings
from tests.features.stores import all_features, full_store, noise, plan, small_tiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def address() -> Iterator[str]:
    memory = fsspec.filesystem("memory")
    yield "memory://bucket/s.zarr"
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]


def test_a_store_at_an_address_holds_what_one_in_a_folder_does(tmp_path: Path, address: str) -> None:
    image, encoder = noise(), small_tiles()
    expected = all_features(full_store(tmp_path / "s.zarr", image, encoder))
    store = FeatureStore.open_or_create(address, plan(image, encoder))
    assert store.location == address
    extract_features(image, encoder, store, store.shards()[0])
    extract_features(image, encoder, store, store.shards()[1].grow((0, 0, 0)).intersect(store.pending()[0].write))
    again = FeatureStore.open_or_create(address, plan(image, encoder))
    assert again.tiles_done == 65
    extract_features(image, encoder, again)
    assert encoder.encoded_tiles == 2 * 220
    np.testing.assert_array_equal(all_features(again), expected)
    files = fsspec.filesystem("memory").find("/bucket/s.zarr")
    assert sum("/c." in name for name in files) == 8


def test_eight_bits_at_an_address(address: str) -> None:
    image, encoder = noise(), small_tiles()
    manifest = plan(image, encoder, StorageSettings(codec="int8"))
    store = FeatureStore.create(address, manifest)
    extract_features(image, encoder, store)
    np.testing.assert_array_equal(all_features(FeatureStore.open(address)), all_features(store))


def test_what_is_wrong_at_an_address_is_said(address: str) -> None:
    image, encoder = noise(), small_tiles()
    with pytest.raises(StoreError, match="cannot be opened"):
        FeatureStore.open(address)
    store = FeatureStore.create(address, plan(image, encoder))
    with pytest.raises(StoreError, match="exists already"):
        FeatureStore.create(address, store.manifest)
    with pytest.raises(StoreMismatchError):
        FeatureStore.open_or_create(address, plan(noise(seed=1), encoder))
    with pytest.raises(StoreError, match="no folder of this machine"):
        _ = store.path
    with pytest.raises(MissingDependencyError, match="nonsense"):
        FeatureStore.open("nonsense://bucket/s.zarr")
    fsspec.filesystem("memory").store.clear()
    with pytest.raises(DinoscopeError, match="is gone"):
        extract_features(image, encoder, store)
