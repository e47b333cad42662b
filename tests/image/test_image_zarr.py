"""OME-Zarr 0.4 and 0.5, plain zarr v2 and v3, and groups that are no image."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec

from dinoscope.errors import AxesError, ImageReadError, SettingsError
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

VALUES = np.random.default_rng(5).integers(0, 60000, size=(2, 6, 40, 56), dtype=np.uint16)  # c z y x


def put(group: zarr.Group, name: str, values: NDArray[Any], chunks: int = 16, **options: Any) -> None:
    shape = tuple(min(chunks, extent) for extent in values.shape)
    array = group.create_array(name, shape=values.shape, dtype=values.dtype, chunks=shape, **options)
    array[...] = values


def put_multiscale(group: zarr.Group, values: NDArray[Any], axes: str = "czyx", unit: str = "micrometer") -> None:
    """An OME-Zarr image with two levels, voxels of 40 x 8 x 8 nm."""
    lengths = {"z": 0.04, "y": 0.008, "x": 0.008}
    datasets = []
    for level, step in enumerate((1, 2)):
        index = tuple(slice(None, None, step if name in "yx" else 1) for name in axes)
        put(group, str(level), values[index])
        scale = [lengths.get(name, 1.0) * (step if name in "yx" else 1) for name in axes]
        datasets.append({"path": str(level), "coordinateTransformations": [{"type": "scale", "scale": scale}]})
    kinds = {"c": {"type": "channel"}, "t": {"type": "time", "unit": "second"}}
    described = [{"name": name, **kinds.get(name, {"type": "space", "unit": unit})} for name in axes]
    multiscales: Any = [{"version": "0.4", "axes": described, "datasets": datasets}]
    if group.metadata.zarr_format == 3:
        group.attrs["ome"] = {"version": "0.5", "multiscales": multiscales}
    else:
        group.attrs["multiscales"] = multiscales


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_levels_and_sizes_of_ome_zarr(tmp_path: Path, zarr_format: Any) -> None:
    path = tmp_path / "cell.zarr"
    put_multiscale(zarr.open_group(path, mode="w", zarr_format=zarr_format), VALUES)
    image = open_image(path)
    assert (image.name, image.axis_names, image.shape) == ("cell", "czyx", VALUES.shape)
    assert [image.axis(name).scale for name in "zyx"] == [40.0, 8.0, 8.0]
    region = Region((1, 2, 10, 7), (2, 5, 30, 40))
    np.testing.assert_array_equal(image.read(region), VALUES[region.slices])
    coarse = open_image(path, ImageSettings(level=1, channel=1, sections="2:5"))
    np.testing.assert_array_equal(coarse.read(coarse.extent), VALUES[1, 2:5, ::2, ::2])
    assert coarse.pixel_size_nm == pytest.approx(16.0)
    assert coarse.uri == f"{path}#level=1&channel=1&sections=2:5"
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(image)).read(region), VALUES[region.slices])
    with pytest.raises(SettingsError, match="levels 0 to 1"):
        open_image(path, ImageSettings(level=2))


def test_a_scale_of_the_whole_multiscale_counts_too(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    put_multiscale(group, VALUES[0], "zyx", "nanometer")
    multiscales: Any = group.attrs["multiscales"]
    multiscales[0]["coordinateTransformations"] = [{"type": "scale", "scale": [1.0, 1000.0, 1000.0]}]
    group.attrs["multiscales"] = multiscales
    image = open_image(tmp_path / "a.zarr")
    assert [axis.scale for axis in image.axes] == [pytest.approx(0.04), pytest.approx(8.0), pytest.approx(8.0)]


def test_old_multiscales_without_axes_or_units(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "old.zarr", mode="w", zarr_format=2)
    put(group, "0", VALUES[None])
    group.attrs["multiscales"] = [{"version": "0.1", "datasets": [{"path": "0"}]}]
    image = open_image(tmp_path / "old.zarr")
    assert image.axis_names == "czyx"
    assert image.pixel_size_nm is None


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_conversion_opens_its_first_image(tmp_path: Path, zarr_format: Any) -> None:
    root = zarr.open_group(tmp_path / "series.zarr", mode="w", zarr_format=zarr_format)
    layout = {"bioformats2raw.layout": 3}
    root.attrs.update({"ome": layout} if zarr_format == 3 else layout)
    put_multiscale(root.create_group("0"), VALUES[:1, :1], "czyx")
    image = open_image(tmp_path / "series.zarr")
    assert image.axis_names == "zyx"
    np.testing.assert_array_equal(image.read(image.extent), VALUES[0, :1])


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_labels_and_plates_are_reached_by_path(tmp_path: Path, zarr_format: Any) -> None:
    root = zarr.open_group(tmp_path / "plate.zarr", mode="w", zarr_format=zarr_format)
    plate = {"plate": {"wells": [{"path": "A/1"}, {"path": "B/2"}]}}
    root.attrs.update({"ome": plate} if zarr_format == 3 else plate)
    put_multiscale(root.create_group("A/1/0"), VALUES[0], "zyx")
    labels = root.create_group("A/1/0/labels")
    labels.attrs["labels"] = ["mask", "cells"]
    put_multiscale(labels.create_group("mask"), VALUES[1] > 100, "zyx")
    with pytest.raises(ImageReadError, match="A/1/0, B/2/0"):
        open_image(tmp_path / "plate.zarr")
    with pytest.raises(ImageReadError, match="cells, mask"):
        open_image(tmp_path / "plate.zarr/A/1/0/labels")
    mask = open_image(tmp_path / "plate.zarr/A/1/0/labels/mask")
    assert mask.name == "mask"
    np.testing.assert_array_equal(mask.read(mask.extent), VALUES[1] > 100)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_plain_arrays_and_groups_with_one(tmp_path: Path, zarr_format: Any) -> None:
    group = zarr.open_group(tmp_path / "g.zarr", mode="w", zarr_format=zarr_format)
    put(group, "em", VALUES[0], chunks=8)
    for path in (tmp_path / "g.zarr", tmp_path / "g.zarr" / "em"):
        image = open_image(path)
        assert (image.axis_names, image.pixel_size_nm) == ("zyx", None)
        np.testing.assert_array_equal(image.read(image.extent), VALUES[0])
    put(group, "mask", VALUES[0] > 9)
    with pytest.raises(ImageReadError, match="em, mask"):
        open_image(tmp_path / "g.zarr")


def test_dimension_names_are_believed(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "g.zarr", mode="w", zarr_format=3)
    put(group, "named", VALUES, dimension_names=["z", "c", "y", "x"])
    put(group, "odd", VALUES[0], dimension_names=["depth", "row", "column"])
    assert open_image(tmp_path / "g.zarr/named").shape == (6, 2, 40, 56)
    assert open_image(tmp_path / "g.zarr/odd").axis_names == "zyx"
    named: Any = group["named"]
    assert open_image(named).axis_names == "czyx"
    with pytest.raises(AxesError, match=r"'zyx' do not fit .* 4 different letters"):
        open_image(tmp_path / "g.zarr/named", ImageSettings(axes="zyx"))


def test_big_endian_and_floats_come_out_native(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(20, 30)).astype(">f4")
    group = zarr.open_group(tmp_path / "be.zarr", mode="w", zarr_format=2)
    put(group, "0", values)
    image = open_image(tmp_path / "be.zarr")
    assert image.dtype == np.float32
    assert image.read(image.extent).dtype.isnative
    np.testing.assert_array_equal(image.read(image.extent), values)


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.999])
@pytest.mark.parametrize(("zarr_format", "compressor"), [(2, "auto"), (2, None), (3, "auto"), (3, BloscCodec())])
def test_a_truncated_chunk_is_an_error(tmp_path: Path, zarr_format: Any, compressor: Any, kept: float) -> None:
    group = zarr.open_group(tmp_path / "bad.zarr", mode="w", zarr_format=zarr_format)
    put(group, "0", VALUES[0], compressors=compressor)
    chunk = tmp_path / "bad.zarr" / "0" / ("0.0.0" if zarr_format == 2 else "c/0/0/0")
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[: int(len(whole) * kept)])
    image = open_image(tmp_path / "bad.zarr")
    with pytest.raises(ImageReadError, match=r"bad\.zarr"):
        image.read(image.extent)
    clean = Region((0, 16, 16), (6, 40, 56))
    np.testing.assert_array_equal(image.read(clean), VALUES[0][clean.slices])


def test_damaged_metadata_and_missing_members(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "bad.zarr", mode="w", zarr_format=2)
    put_multiscale(group, VALUES[0], "zyx")
    (tmp_path / "bad.zarr" / "0" / ".zarray").write_text("{")
    with pytest.raises(ImageReadError, match="cannot be read"):
        open_image(tmp_path / "bad.zarr")
    with pytest.raises(ImageReadError, match="there is no file"):
        open_image(tmp_path / "bad.zarr" / "labels" / "mask")
