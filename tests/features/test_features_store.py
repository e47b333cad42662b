from __future__ import annotations

import errno
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

from dinoscope.errors import AxesError, Cancelled, RegionError, SettingsError, StoreError, StoreMismatchError
from dinoscope.features import FeatureStore, Manifest, default_store_path, extract_features, plan_features
from dinoscope.geometry import Region
from dinoscope.image import Image, open_image
from dinoscope.settings import ImageSettings, IntensitySettings, TilingSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.jobs import Progress


@pytest.fixture
def image() -> Image:
    values = np.random.default_rng(0).integers(0, 256, (2, 150, 170), dtype=np.uint8)
    return open_image(values, ImageSettings(axes="zyx"), name="noise")


def plan(image: Image, encoder: FakeEncoder, **tiling: Any) -> Manifest:
    return plan_features(image, encoder.spec, TilingSettings(**tiling), IntensitySettings())


def all_features(store: FeatureStore) -> NDArray[np.float32]:
    return store.read(store.grid.extent)


def test_tiled_features_equal_those_of_the_whole_image(tmp_path: Path, image: Image) -> None:
    encoder = FakeEncoder()
    manifest = plan(image, encoder)
    store = FeatureStore.create(tmp_path / "s.zarr", manifest)
    extract_features(image, encoder, store, batch_size=3)
    assert encoder.encoded_tiles == len(manifest.tiles) > 2
    pixels = manifest.intensity.normalise(image.read(image.extent))
    padded = np.pad(pixels, ((0, 0), (0, 2), (0, 2)), mode="symmetric")  # to whole patches of 4
    expected = encoder.encode(padded)
    np.testing.assert_allclose(all_features(store), expected, atol=1e-3)  # half precision


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("tile", [32, 64])
def test_features_do_not_depend_on_tiles_or_batches(tmp_path: Path, image: Image, tile: int, batch_size: int) -> None:
    encoder = FakeEncoder()
    stores = [FeatureStore.create(tmp_path / f"{t}.zarr", plan(image, encoder, tile=t, halo=8)) for t in (tile, 128)]
    for store, batch in zip(stores, (batch_size, 1), strict=True):
        extract_features(image, encoder, store, batch_size=batch)
    np.testing.assert_array_equal(all_features(stores[0]), all_features(stores[1]))


def test_only_what_is_asked_for_is_computed_and_the_rest_later(tmp_path: Path, image: Image) -> None:
    encoder = FakeEncoder()
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder))
    corner = Region((1, 0, 0), (2, 3, 3))
    extract_features(image, encoder, store, corner)
    assert encoder.encoded_tiles == 1
    assert store.read(corner).shape == (1, 3, 3, 2)
    with pytest.raises(StoreError, match="extract its features first"):
        store.read(store.grid.extent)
    extract_features(image, encoder, store)
    assert encoder.encoded_tiles == len(store.manifest.tiles)
    extract_features(image, encoder, store)
    assert encoder.encoded_tiles == len(store.manifest.tiles)


def test_a_cancelled_run_goes_on_where_it_stopped(tmp_path: Path, image: Image) -> None:
    encoder = FakeEncoder()
    manifest = plan(image, encoder)

    def stop_early(progress: Progress) -> None:
        if progress.done == 3:
            raise Cancelled("enough")

    store = FeatureStore.create(tmp_path / "s.zarr", manifest)
    with pytest.raises(Cancelled):
        extract_features(image, encoder, store, progress=stop_early)
    again = FeatureStore.open_or_create(tmp_path / "s.zarr", manifest)
    assert again.tiles_done == 3
    extract_features(image, encoder, again)
    assert encoder.encoded_tiles == len(manifest.tiles)
    whole = FeatureStore.create(tmp_path / "whole.zarr", manifest)
    extract_features(image, encoder, whole)
    np.testing.assert_array_equal(all_features(again), all_features(whole))


def test_a_manifest_survives_json_and_says_what_matters(image: Image) -> None:
    manifest = plan(image, FakeEncoder())
    assert Manifest.from_dict(manifest.to_dict()) == manifest
    others = [
        plan(image, FakeEncoder(fingerprint="other")),
        plan(image, FakeEncoder(), halo=4),
        plan(image, FakeEncoder(), scale=0.5),
        plan_features(image, FakeEncoder().spec, TilingSettings(), IntensitySettings(white=90)),
        plan(open_image(np.zeros((2, 150, 170), np.uint8), ImageSettings(axes="zyx"), name="noise"), FakeEncoder()),
    ]
    assert len({m.key for m in [manifest, *others]}) == 6
    assert plan(image, FakeEncoder()).key == manifest.key
    assert default_store_path(manifest).name == f"{manifest.key}.zarr"


def test_a_store_of_other_weights_is_refused_and_named(tmp_path: Path, image: Image) -> None:
    FeatureStore.create(tmp_path / "s.zarr", plan(image, FakeEncoder()))
    with pytest.raises(StoreMismatchError, match="encoder fingerprint fake, but encoder fingerprint other"):
        FeatureStore.open_or_create(tmp_path / "s.zarr", plan(image, FakeEncoder(fingerprint="other")))
    store = FeatureStore.open(tmp_path / "s.zarr")
    with pytest.raises(StoreMismatchError, match="not of other"):
        extract_features(image, FakeEncoder(fingerprint="other"), store)


def test_a_full_disk_gets_a_sentence_and_loses_nothing(
    tmp_path: Path, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = FakeEncoder()
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder))
    extract_features(image, encoder, store, Region((0, 0, 0), (1, 1, 1)))

    def refuse(self: object, value: object, *others: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zarr.Array, "__setitem__", refuse)
    with pytest.raises(StoreError, match=r"No space left on device.*1 finished tiles are kept"):
        extract_features(image, encoder, store)
    monkeypatch.undo()
    again = FeatureStore.open(store.path)
    assert again.tiles_done == 1
    extract_features(image, encoder, again)
    assert not again.pending()


def test_what_is_no_store_is_refused(tmp_path: Path, image: Image) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        FeatureStore.open(tmp_path / "none.zarr")
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, FakeEncoder()))
    with pytest.raises(StoreError, match="exists already"):
        FeatureStore.create(store.path, store.manifest)
    shutil.rmtree(store.path / "tiles")
    with pytest.raises(StoreError, match="cannot be opened"):
        FeatureStore.open(store.path)


def test_regions_past_the_grid_and_infinite_features_are_refused(tmp_path: Path, image: Image) -> None:
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, FakeEncoder()))
    with pytest.raises(RegionError, match="leave the grid"):
        store.read(Region((0, 0, 0), (3, 1, 1)))
    tile = store.pending()[0]
    with pytest.raises(StoreError, match="not finite"):
        store.write(tile, np.full((*tile.write.shape[1:], 2), 1e9, np.float32))


def test_the_working_scale_follows_the_pixel_size() -> None:
    values = np.zeros((100, 100), np.uint8)
    image = open_image(values, ImageSettings(image_pixel_size=5.0), name="i")
    manifest = plan(image, FakeEncoder(), pixel_size=10.0)
    assert manifest.grid.scale == 0.5
    assert manifest.pixel_size_nm == 10.0
    with pytest.raises(SettingsError, match="choose one"):
        plan(image, FakeEncoder(), pixel_size=10.0, scale=2.0)
    with pytest.raises(SettingsError, match="does not tell its pixel size"):
        plan(open_image(values, name="i"), FakeEncoder(), pixel_size=10.0)


@pytest.mark.parametrize("tiling", [{"tile": 50}, {"halo": 3}, {"tile": 16, "halo": 8}])
def test_tilings_that_do_not_fit_are_refused(image: Image, tiling: dict[str, int]) -> None:
    with pytest.raises(SettingsError):
        plan(image, FakeEncoder(), **tiling)


def test_channels_must_be_chosen_first() -> None:
    image = open_image(np.zeros((4, 20, 20), np.uint8), ImageSettings(axes="cyx"), name="i")
    with pytest.raises(AxesError, match="one channel first"):
        plan(image, FakeEncoder())


def test_a_pixel_size_told_anew_needs_no_new_features(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((40, 40), dtype=np.float32)
    for told in (5.0, 15.0):
        image = open_image(values, ImageSettings(image_pixel_size=told), name="i")
        store = FeatureStore.open_or_create(tmp_path / "s.zarr", plan(image, FakeEncoder()))
        assert store.manifest.pixel_size_nm == told
