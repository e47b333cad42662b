"""What is remembered of a store, against the store itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.features import FeatureStore
from dinoscope.features._files import TileFiles
from dinoscope.geometry import Region
from tests.features.stores import all_features, full_store, noise, small_tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    return full_store(tmp_path_factory.mktemp("store") / "features.zarr", noise(), small_tiles())


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Region]:
    """The regions that are read from the disk."""
    read, regions = TileFiles.read, []

    def counted(self: TileFiles, region: Region) -> NDArray[np.generic]:
        regions.append(region)
        return read(self, region)

    monkeypatch.setattr(TileFiles, "read", counted)
    return regions


@given(st.data())
def test_every_region_reads_the_same_whatever_was_read_before(store: FeatureStore, data: st.DataObject) -> None:
    everything = all_features(FeatureStore.open(store.path))
    store.remember(data.draw(st.sampled_from([0, 2000, 10_000, 10**7]), label="limit"))
    for _ in range(4):
        corners = [sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2))) for n in store.grid.shape]
        region = Region(tuple(a for a, _ in corners), tuple(b for _, b in corners))
        if region.size:
            np.testing.assert_array_equal(store.read(region), everything[region.slices])
            for half in (store.read_half(region), store.read_narrow(region)):
                assert half.dtype == np.float16
                np.testing.assert_array_equal(half, everything[region.slices])


def test_what_is_remembered_is_not_read_again(store: FeatureStore, loads: list[Region]) -> None:
    store.remember(10**7)
    region = Region((0, 3, 3), (1, 9, 9))
    store.read(region)
    (loaded,) = loads
    assert loaded.contains(region)  # whole tiles
    store.read(region)
    store.read(Region((0, 5, 5), (1, 6, 6)))
    assert len(loads) == 1
    store.read(Region((1, 5, 5), (2, 6, 6)))
    assert len(loads) == 2


def test_no_more_is_remembered_than_fits(store: FeatureStore, loads: list[Region]) -> None:
    tile = store.manifest.tiles[0, 0, 0].write
    store.remember(2 * tile.size * store.manifest.coding.patch_bytes)
    first, second, third = (store.manifest.tiles[0, 0, i].write for i in range(3))
    for part in (first, second, first, third, first):
        store.read(part)
    assert loads == [first, second, third]  # the second made room for the third
    store.read(second)
    store.read(store.grid.extent)  # too much: it goes by, and nothing is forgotten
    store.read(second)
    assert loads[3:] == [second, store.grid.extent]


def test_nothing_is_remembered_by_default(store: FeatureStore, loads: list[Region]) -> None:
    plain, region = FeatureStore.open(store.path), Region((0, 0, 0), (1, 2, 2))
    plain.read(region)
    plain.read(region)
    assert loads == [region, region]
