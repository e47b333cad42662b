"""What is sent to workers: places of what is on disk, and little else."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import zarr

from dinoscope.distributed._travel import Packed, check_travels
from dinoscope.errors import ClusterError, StoreError
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import Image, Recent, open_image
from dinoscope.segmentation import refine_map
from dinoscope.settings import IntensitySettings, SegmentationSettings, TilingSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def image(tmp_path: Path) -> Image:
    tifffile.imwrite(tmp_path / "image.tif", np.random.default_rng(0).integers(0, 255, (2, 1000, 1200), np.uint8))
    return open_image(tmp_path / "image.tif")


def sent(content: Any) -> Any:
    """What arrives; it must be small."""
    packed = Packed.of(content)
    assert len(packed.stream) + sum(map(len, packed.arrays)) < 20_000
    return packed.unpack()


def store_of(image: Image, path: Path) -> FeatureStore:
    manifest = plan_features(
        image, FakeEncoder(stride=20, tile=400, halo=0).spec, TilingSettings(), IntensitySettings()
    )
    return FeatureStore.create(path, manifest)


def test_a_store_travels_as_its_path(image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = store_of(image, tmp_path / "store.zarr")
    extract_features(image, FakeEncoder(stride=20, tile=400, halo=0), store)
    packed = Packed.of(FeatureStore.open("store.zarr"))
    os.chdir("/")  # a worker runs elsewhere
    there = packed.unpack()
    np.testing.assert_array_equal(there.read(there.grid.extent), store.read(store.grid.extent))
    (tmp_path / "store.zarr").rename(tmp_path / "moved.zarr")
    with pytest.raises(StoreError, match=r"does not see .*store\.zarr: keep features on a disk that all workers share"):
        packed.unpack()


def test_what_a_worker_writes_to_an_array_on_disk_is_there(tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "scratch")
    here = group.create_array("map", shape=(1000, 1000), chunks=(100, 100), dtype="float32")
    packed = Packed.of(here)
    packed.unpack()[200:300, :100] = 7
    assert (np.asarray(here[200:300, :100]) == 7).all()
    assert not np.asarray(here[:200]).any()
    (tmp_path / "scratch").rename(tmp_path / "moved")
    with pytest.raises(StoreError, match=r"does not see .*map: keep results on a disk"):
        packed.unpack()


def test_a_map_that_follows_the_image_says_the_same_elsewhere(image: Image, tmp_path: Path) -> None:
    store = store_of(image, tmp_path / "store.zarr")
    values = zarr.create_array(tmp_path / "map.zarr", shape=(1, *store.grid.shape), dtype="float32")
    values[:] = np.random.default_rng(1).random(values.shape)
    similarity = SimilarityMap(("a",), values, store.grid, np.array([0.9], np.float32))
    fine = refine_map(similarity, image, store.manifest, SegmentationSettings())
    before = fine.read(image.extent)  # fills the memory of the picture, which stays here
    np.testing.assert_array_equal(sent(fine).read(image.extent), before)


def test_a_memory_travels_empty() -> None:
    kept: Recent[bytes] = Recent(100, weigh=len)
    kept.put("a", b"x" * 60)
    there = Packed.of(kept).unpack()
    assert there.get("a") is None
    there.put("a", b"x" * 60)
    there.put("b", b"x" * 60)
    assert (there.get("a"), there.get("b")) == (None, b"x" * 60)


def test_arrays_that_arrive_can_be_written_to() -> None:
    there = Packed.of(np.arange(5)).unpack()
    there += 1
    assert there.tolist() == [1, 2, 3, 4, 5]


def test_an_image_from_a_file_travels_and_a_large_one_in_memory_does_not(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dinoscope.distributed._travel._LARGEST_BYTES", 2**20)
    check_travels(image)
    np.testing.assert_array_equal(sent(image).read(image.extent), image.read(image.extent))
    check_travels(open_image(np.zeros((1000, 1000), np.uint8)))
    with pytest.raises(ClusterError, match=r"is in memory, and 2 MiB are too many .*\(expected up to 1\)"):
        check_travels(open_image(np.zeros((2000, 1000), np.uint8)))


def test_what_belongs_to_this_process_alone_is_refused() -> None:
    with pytest.raises(ClusterError, match=r"cannot be sent to workers .*: open images from files"):
        Packed.of(threading.Lock())
