from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.features import FeatureStore, extract_features
from dinoscope.features._shards import Shards
from dinoscope.geometry import Region
from dinoscope.tiling import PatchGrid, TileGrid
from tests.features.stores import all_features, chunks, full_store, noise, plan, small_tiles

if TYPE_CHECKING:
    from pathlib import Path

lattices = st.builds(
    lambda voxels, core, halo, side: Shards(TileGrid(PatchGrid(voxels, 4), core + 2 * halo, halo), side),
    st.tuples(st.integers(1, 3), st.integers(1, 300), st.integers(1, 300)),
    st.integers(1, 6),
    st.integers(0, 3),
    st.integers(1, 5),
)


@given(lattices)
def test_shards_partition_the_patches_and_the_tiles(shards: Shards) -> None:
    patches, tiles = np.zeros(shards.tiles.grid.shape, int), np.zeros(shards.tiles.shape, int)
    for index in shards.touching(shards.tiles.grid.extent):
        patches[shards.region(index).slices] += 1
        tiles[shards.members(index)] += 1
    assert (patches == 1).all()
    assert (tiles == 1).all()
    assert len(shards) == len(shards.touching(shards.tiles.grid.extent))


@given(lattices, st.data())
def test_a_tile_lies_in_its_shard_and_a_region_touches_the_shards_of_its_tiles(
    shards: Shards, data: st.DataObject
) -> None:
    extent = shards.tiles.grid.extent
    start = tuple(data.draw(st.integers(0, size - 1)) for size in extent.shape)
    stop = tuple(data.draw(st.integers(low + 1, size)) for low, size in zip(start, extent.shape, strict=True))
    region = Region(start, stop)
    touched = shards.tiles.touching(region)
    for tile in touched:
        assert shards.region(shards.index_of(tile.index)).contains(tile.write)
    assert {shards.index_of(tile.index) for tile in touched} == set(shards.touching(region))


@given(st.integers(1, 200), st.integers(1, 4096))
def test_a_shard_is_no_larger_than_comfortable_unless_a_tile_is(core: int, patch_bytes: int) -> None:
    shards = Shards.of_size(TileGrid(PatchGrid((1, 9999, 9999), 8), core, 0), patch_bytes)
    tile_bytes = core**2 * patch_bytes
    assert shards.side == 1 or shards.side**2 * tile_bytes <= 2**25
    assert shards.side == 8 or (shards.side + 1) ** 2 * tile_bytes > 2**25


def test_a_full_store_is_one_file_per_shard(tmp_path: Path) -> None:
    store = full_store(tmp_path / "s.zarr", noise(), small_tiles())
    assert len(store.manifest.tiles) == 220
    assert len(chunks(store.path)) == len(store.manifest.shards) == len(store.shards()) == 8
    assert not list((store.path / "tiles").glob("c.*"))


def test_tiles_wait_one_by_one_until_their_shard_is_whole(tmp_path: Path) -> None:
    image, encoder = noise(), small_tiles()
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder))
    corner = store.shards()[3]
    first = store.pending(corner)[:-1]
    for tile in first:
        store.write(tile, np.full((*tile.write.shape[1:], 2), 1 + tile.index[2], np.float32))
    assert len(list((store.path / "tiles").glob("c.*"))) == len(first)
    assert not list((store.path / "features").glob("c.*"))
    again = FeatureStore.open(store.path)
    assert len(again.pending(corner)) == 1
    for tile in first:
        np.testing.assert_array_equal(again.read(tile.write), 1 + tile.index[2])
    extract_features(image, encoder, again, corner)
    assert encoder.encoded_tiles == 1
    assert [path.name for path in chunks(store.path)] == ["c.0.1.1.0"]
    for tile in first:
        np.testing.assert_array_equal(again.read(tile.write), 1 + tile.index[2])


def test_any_region_reads_the_same_packed_or_loose(tmp_path: Path) -> None:
    image, encoder = noise(), small_tiles()
    whole = all_features(full_store(tmp_path / "whole.zarr", image, encoder))
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder))
    for shard in store.shards()[::2]:
        extract_features(image, encoder, store, shard)
    extract_features(image, encoder, store, Region((0, 0, 30), (2, 38, 36)))  # parts of the others
    for region in (Region((0, 3, 30), (2, 37, 36)), Region((1, 31, 0), (2, 33, 33)), Region((0, 20, 31), (1, 21, 33))):
        np.testing.assert_array_equal(store.read(region), whole[region.slices])


def test_what_a_killed_process_left_is_put_in_order(tmp_path: Path) -> None:
    image, encoder = noise(), small_tiles()
    full = full_store(tmp_path / "full.zarr", image, encoder)
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder))
    for tile in store.pending(store.shards()[0]):
        store._files._loose[tile.write.slices] = full.read(tile.write).astype(np.float16)  # killed before packing
    store.refresh()
    assert not store.pending(store.shards()[0])
    (store.path / "features" / "c.1.0.0.0").write_bytes((full.path / "features" / "c.1.0.0.0").read_bytes())
    left = store.manifest.tiles[1, 0, 0]
    store._files._loose[left.write.slices] = full.read(left.write).astype(np.float16)  # killed before deleting
    begun = store.path / "tiles" / "c.0.9.0.4f.partial"  # killed before renaming
    begun.write_bytes(b"half")
    again, before = FeatureStore.open(store.path), encoder.encoded_tiles
    extract_features(image, encoder, again)
    assert encoder.encoded_tiles - before == 220 - 64 - 64
    assert not list((store.path / "tiles").glob("c.*.0"))
    np.testing.assert_array_equal(all_features(again), all_features(full))
