"""Which files of a folder are images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import zarr

from dinoscope.batch import find_images
from dinoscope.errors import ImageReadError
from dinoscope.features import FeatureStore, plan_features
from dinoscope.image import open_image
from dinoscope.outputs import LabelsInfo, create_labels, write_sidecar
from dinoscope.settings import IntensitySettings, TilingSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)


def write_image(path: Path) -> Path:
    tifffile.imwrite(path, PIXELS)
    return path


def test_a_folder_gives_its_images_in_order(tmp_path: Path) -> None:
    wanted = [write_image(tmp_path / "a.tif"), tmp_path / "b.zarr", write_image(tmp_path / "c.TIFF")]
    zarr.create_array(wanted[1], shape=(8, 8), dtype="uint8")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "table.csv").write_text("no,image\n")
    write_image(tmp_path / ".hidden.tif")
    (tmp_path / "deeper").mkdir()
    write_image(tmp_path / "deeper" / "d.tif")
    assert find_images(tmp_path) == tuple(wanted)


def test_results_labels_and_feature_stores_are_not_taken_for_images(tmp_path: Path) -> None:
    source = write_image(tmp_path / "a.tif")
    image = open_image(source)
    write_sidecar(write_image(tmp_path / "a_mask.tif"), {})
    with create_labels(tmp_path / "labels.ome.zarr", image, np.uint8, info=LabelsInfo()) as sink:
        sink.write(image.extent, PIXELS)
    manifest = plan_features(image, FakeEncoder().spec, TilingSettings(), IntensitySettings())
    FeatureStore.create(tmp_path / "store.zarr", manifest)
    assert find_images(tmp_path) == (source,)


def test_a_foreign_record_next_to_an_image_does_not_hide_it(tmp_path: Path) -> None:
    source = write_image(tmp_path / "a.tif")
    (tmp_path / "a.tif.json").write_text('{"voltage": 2.0}')
    assert find_images(tmp_path) == (source,)


def test_a_damaged_image_is_still_one(tmp_path: Path) -> None:
    (tmp_path / "b.zarr").mkdir()
    (tmp_path / "b.zarr" / "zarr.json").write_text("{cut")
    (tmp_path / "a.tif").write_bytes(b"II*")
    assert find_images(tmp_path) == (tmp_path / "a.tif", tmp_path / "b.zarr")


def test_files_and_folders_mix_and_count_once(tmp_path: Path) -> None:
    first, second = write_image(tmp_path / "a.tif"), write_image(tmp_path / "b.tif")
    assert find_images([second, tmp_path]) == (first, second)


def test_no_image_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match=tmp_path.name):
        find_images(tmp_path)
