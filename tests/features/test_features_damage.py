"""Disks that lose, change or refuse what was written."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.errors import DamagedFeaturesError, StoreError
from dinoscope.features import DamagedFeaturesWarning, FeatureStore, extract_features
from tests.features.stores import all_features, chunks, full_store, noise, plan, small_tiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def flipped(content: bytes, at: float) -> bytes:
    place = int(at * (len(content) - 1))
    return content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "first byte": lambda content: flipped(content, 0.0),
    "byte in the middle": lambda content: flipped(content, 0.5),
    "last byte": lambda content: flipped(content, 1.0),
    "cut off": lambda content: content[: len(content) // 3],
    "empty": lambda content: b"",
    "zeros from the middle": lambda content: content[: len(content) // 2] + bytes(len(content) - len(content) // 2),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("packed", [True, False])
def test_damage_is_found_and_mended_and_never_used(
    tmp_path: Path, damage: Callable[[bytes], bytes], packed: bool
) -> None:
    image, encoder = noise(), small_tiles()
    expected = all_features(full_store(tmp_path / "whole.zarr", image, encoder))
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder))
    needed = store.grid.extent if packed else store.pending(store.shards()[1])[0].write
    extract_features(image, encoder, store, needed)
    victim = chunks(store.path)[0]
    victim.write_bytes(damage(victim.read_bytes()))
    reader = FeatureStore.open(store.path)
    with pytest.raises(DamagedFeaturesError, match="damaged"):
        reader.read(needed)
    assert reader.pending(needed)  # it will not be read a second time
    extract_features(image, encoder, reader, needed)
    for each in (reader, FeatureStore.open(store.path)):
        np.testing.assert_array_equal(each.read(needed), expected[needed.slices])


def test_one_bad_tile_costs_one_tile(tmp_path: Path) -> None:
    image, encoder = noise(), small_tiles()
    store = full_store(tmp_path / "s.zarr", image, encoder)
    expected = all_features(store)
    victim = store.path / "features" / "c.1.0.0.0"
    victim.write_bytes(flipped(victim.read_bytes(), 0.01))
    before = encoder.encoded_tiles
    with pytest.warns(DamagedFeaturesWarning, match="1 tiles in .*computed again"):
        np.testing.assert_array_equal(all_features(store), expected)
    assert encoder.encoded_tiles - before == 1
    assert len(chunks(store.path)) == 8


def test_a_check_finds_damage_without_using_it(tmp_path: Path) -> None:
    image, encoder = noise(), small_tiles()
    store = full_store(tmp_path / "s.zarr", image, encoder)
    assert store.check() == 0
    for name in ("c.0.0.0.0", "c.1.1.1.0"):
        victim = store.path / "features" / name
        victim.write_bytes(flipped(victim.read_bytes(), 0.01))
    assert store.check() == 2
    assert {tile.index[0] for tile in store.pending()} == {0, 1}
    assert store.check() == 0


def test_files_that_are_gone_are_computed_again(tmp_path: Path) -> None:
    image, encoder = noise(), small_tiles()
    store = full_store(tmp_path / "s.zarr", image, encoder)
    expected = all_features(store)
    (store.path / "features" / "c.0.0.1.0").unlink()
    assert len(FeatureStore.open(store.path).pending()) == 8 * 3
    with pytest.warns(DamagedFeaturesWarning, match="files are missing"):
        np.testing.assert_array_equal(all_features(store), expected)


def test_a_drive_that_was_disconnected_is_not_written_to(tmp_path: Path) -> None:
    image, encoder = noise(), small_tiles()
    drive = tmp_path / "drive"
    store = FeatureStore.create(drive / "s.zarr", plan(image, encoder))
    extract_features(image, encoder, store, store.shards()[0])
    drive.rename(tmp_path / "elsewhere")
    drive.mkdir()  # a mount point stays as an empty folder
    with pytest.raises(StoreError, match="is gone: was its drive disconnected"):
        extract_features(image, encoder, store)
    with pytest.raises(StoreError, match="is gone"):
        store.read(store.shards()[0])
    assert not list(drive.iterdir())
    drive.rmdir()
    (tmp_path / "elsewhere").rename(drive)
    store = FeatureStore.open(drive / "s.zarr")
    assert store.tiles_done == 64
    extract_features(image, encoder, store)
    assert not store.pending()


def test_a_disk_that_loses_everything_ends_in_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, encoder = noise((1, 16, 16)), small_tiles()
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder))
    monkeypatch.setattr(store._files, "write", lambda tile, stored: None)
    with pytest.raises(StoreError, match="check the disk"):
        extract_features(image, encoder, store)


def test_a_store_whose_arrays_do_not_fit_its_manifest_is_refused(tmp_path: Path) -> None:
    image, encoder = noise(), small_tiles()
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder))
    other = FeatureStore.create(tmp_path / "other.zarr", plan(noise((2, 90, 90)), encoder))
    shutil.copy(other.path / "tiles" / "zarr.json", store.path / "tiles" / "zarr.json")
    with pytest.raises(StoreError, match="does not fit the manifest"):
        FeatureStore.open(store.path)
