from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Picture
from yaozarrs import v05, validate_zarr_store

from dinoscope.errors import AxesError, OutputExistsError, RegionError, SettingsError, StoreError
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image
from dinoscope.outputs import LabelsInfo, create_labels, create_map

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

INFO = LabelsInfo("organelles", ("mitochondrion", "vesicle"))


def make_image(shape: tuple[int, ...], scale: float | None = 4.5, uri: str = "memory") -> Image:
    names = "zyx"[-len(shape) :]
    unit: Any = "pixel" if scale is None else "nm"
    scales = {"z": 40.0, "y": scale or 1.0, "x": scale or 1.0}
    axes = tuple(
        Axis(name, size, scales[name] if scale else 1.0, unit) for name, size in zip(names, shape, strict=True)
    )
    return Image("image", uri, axes, np.zeros(shape, np.uint8))


def random_labels(shape: tuple[int, ...], high: int = 3) -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(0, high, shape).astype(np.uint16)


def write_in_blocks(path: Path, image: Image, labels: NDArray[Any], step: int, *, force: bool = False) -> Path:
    with create_labels(path, image, labels.dtype, info=INFO, force=force) as sink:
        for y in range(0, labels.shape[-2], step):
            stop = min(y + step, labels.shape[-2])
            *leading, _, width = labels.shape
            region = Region((*(0 for _ in leading), y, 0), (*leading, stop, width))
            sink.write(region, labels[..., y:stop, :])
    return path


def level(path: Path, name: str) -> NDArray[Any]:
    group = zarr.open_group(path, mode="r")
    return np.asarray(group[name][...])  # type: ignore[index]


def read_back(path: Path) -> NDArray[Any]:
    if path.suffix == ".zarr":
        return level(path, "0")
    if path.suffix == ".tif":
        return np.asarray(tifffile.imread(path))
    with Picture.open(path) as picture:
        return np.asarray(picture)


def ome(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((path / "zarr.json").read_text(encoding="utf-8"))["attributes"]["ome"]
    return content


@pytest.mark.parametrize("shape", [(700, 1100), (3, 520, 90)])
def test_zarr_labels_are_valid_ome_and_keep_every_label(tmp_path: Path, shape: tuple[int, ...]) -> None:
    labels = random_labels(shape)
    path = write_in_blocks(tmp_path / "out.ome.zarr", make_image(shape), labels, 333)
    validate_zarr_store(str(path))
    v05.LabelImage.model_validate(ome(path))
    np.testing.assert_array_equal(level(path, "0"), labels)


def test_pyramid_keeps_every_second_pixel_until_it_is_small(tmp_path: Path) -> None:
    labels = random_labels((700, 1100))
    path = write_in_blocks(tmp_path / "out.zarr", make_image((700, 1100)), labels, 700)
    np.testing.assert_array_equal(level(path, "1"), labels[::2, ::2])
    np.testing.assert_array_equal(level(path, "2"), labels[::4, ::4])
    datasets = ome(path)["multiscales"][0]["datasets"]
    assert [entry["path"] for entry in datasets] == ["0", "1", "2"]
    assert [entry["coordinateTransformations"][0]["scale"] for entry in datasets] == [[4.5, 4.5], [9, 9], [18, 18]]


def test_zarr_metadata_names_units_classes_and_colours(tmp_path: Path) -> None:
    path = write_in_blocks(tmp_path / "out.zarr", make_image((2, 20, 30)), random_labels((2, 20, 30)), 20)
    metadata = ome(path)
    assert metadata["multiscales"][0]["axes"][0] == {"name": "z", "type": "space", "unit": "nanometer"}
    assert metadata["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"] == [40.0, 4.5, 4.5]
    assert metadata["image-label"]["properties"][1] == {"label-value": 2, "class": "vesicle"}
    assert metadata["image-label"]["colors"][0] == {"label-value": 1, "rgba": [230, 159, 0, 255]}


def test_zarr_without_pixel_size_claims_no_unit(tmp_path: Path) -> None:
    path = write_in_blocks(tmp_path / "out.zarr", make_image((20, 30), None), random_labels((20, 30)), 20)
    assert all("unit" not in axis for axis in ome(path)["multiscales"][0]["axes"])


@pytest.mark.parametrize("shape", [(700, 513), (3, 100, 530)])
def test_tiff_labels_keep_every_label_and_the_pixel_size(tmp_path: Path, shape: tuple[int, ...]) -> None:
    labels = random_labels(shape, 60000)
    path = write_in_blocks(tmp_path / "out.tif", make_image(shape), labels, 100)
    with tifffile.TiffFile(path) as file:
        np.testing.assert_array_equal(file.asarray(), labels)
        page = file.pages.first
        assert (page.tilelength, page.tilewidth) == (512, 512)
        pixels = tifffile.xml2dict(file.ome_metadata or "")["OME"]["Image"]["Pixels"]
        assert file.series[0].axes == "ZYX"[-len(shape) :]
    assert pixels["PhysicalSizeX"] == 4.5
    assert pixels["PhysicalSizeXUnit"] == "nm"
    assert pixels.get("PhysicalSizeZ") == (40.0 if len(shape) == 3 else None)


@pytest.mark.parametrize(("high", "mode"), [(200, np.uint8), (900, np.uint16)])
def test_png_is_as_deep_as_its_labels_need(tmp_path: Path, high: int, mode: type) -> None:
    labels = random_labels((60, 50), high)
    path = write_in_blocks(tmp_path / "out.png", make_image((60, 50)), labels, 7)
    read = read_back(path)
    assert read.dtype == mode
    np.testing.assert_array_equal(read, labels)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_overlap_of_regions_gives_the_same_labels(tmp_path: Path, data: st.DataObject) -> None:
    shape = (23, 31)
    labels, expected = random_labels(shape, 9), np.zeros(shape, np.uint16)
    path = tmp_path / "out.zarr"
    with create_labels(path, make_image(shape), np.uint16, info=INFO, force=True) as sink:
        for _ in range(data.draw(st.integers(0, 5))):
            y0, x0 = data.draw(st.integers(0, 22)), data.draw(st.integers(0, 30))
            region = Region((y0, x0), (data.draw(st.integers(y0, 23)), data.draw(st.integers(x0, 31))))
            sink.write(region, labels[region.slices])
            expected[region.slices] = labels[region.slices]
    np.testing.assert_array_equal(level(path, "0"), expected)


@pytest.mark.parametrize("name", ["out.zarr", "out.tif", "out.png"])
def test_an_interrupt_leaves_nothing_and_keeps_the_earlier_result(tmp_path: Path, name: str) -> None:
    image, labels = make_image((40, 50)), random_labels((40, 50))
    path = write_in_blocks(tmp_path / name, image, labels, 40)
    before = sorted(p.name for p in tmp_path.rglob("*"))

    def interrupted() -> None:
        with create_labels(path, image, np.uint16, info=INFO, force=True) as sink:
            sink.write(image.extent, labels * 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert sorted(p.name for p in tmp_path.rglob("*")) == before
    np.testing.assert_array_equal(read_back(path), labels)


@pytest.mark.parametrize("name", ["out.zarr", "out.tif", "out.png"])
def test_force_replaces_the_earlier_result_and_leaves_only_it(tmp_path: Path, name: str) -> None:
    image, labels = make_image((40, 50)), random_labels((40, 50))
    path = write_in_blocks(tmp_path / name, image, labels, 40)
    write_in_blocks(path, image, (labels == 0).astype(np.uint8), 40, force=True)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    np.testing.assert_array_equal(read_back(path), labels == 0)


def test_nothing_bears_the_name_before_finish(tmp_path: Path) -> None:
    image = make_image((40, 50))
    sink = create_labels(tmp_path / "out.zarr", image, np.uint8, info=INFO)
    sink.write(image.extent, np.ones((40, 50), np.uint8))
    assert not (tmp_path / "out.zarr").exists()
    assert sink.finish() == sink.finish() == tmp_path / "out.zarr"
    sink.abort()
    assert (tmp_path / "out.zarr").is_dir()
    with pytest.raises(StoreError, match="is finished"):
        sink.write(image.extent, np.ones((40, 50), np.uint8))


def test_an_existing_result_is_refused_before_work(tmp_path: Path) -> None:
    image = make_image((40, 50))
    path = write_in_blocks(tmp_path / "out.zarr", image, random_labels((40, 50)), 40)
    with pytest.raises(OutputExistsError, match="exists already"):
        create_labels(path, image, np.uint8, info=INFO)
    (tmp_path / "precious.zarr").mkdir()
    with pytest.raises(OutputExistsError, match="no Zarr"):
        create_labels(tmp_path / "precious.zarr", image, np.uint8, info=INFO, force=True)


def test_the_image_itself_is_never_overwritten(tmp_path: Path) -> None:
    path = write_in_blocks(tmp_path / "image.zarr", make_image((40, 50)), random_labels((40, 50)), 40)
    image = make_image((40, 50), uri=str(path / "0"))
    with pytest.raises(OutputExistsError, match="the image itself"):
        create_labels(path, image, np.uint8, info=INFO, force=True)


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "error"),
    [
        ("out.png", (2, 4, 5), np.uint8, AxesError),
        ("out.jpg", (4, 5), np.uint8, SettingsError),
        ("out.zarr", (4, 5), np.float32, SettingsError),
        ("out.tif", (4, 5), np.int64, SettingsError),
    ],
)
def test_what_a_format_cannot_hold_is_refused_before_work(
    tmp_path: Path, name: str, shape: tuple[int, ...], dtype: type, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"expected|use"):
        create_labels(tmp_path / name, make_image(shape), dtype, info=INFO)
    assert not list(tmp_path.iterdir())


def test_regions_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with create_labels(tmp_path / "out.zarr", make_image((4, 5)), np.uint8, info=INFO) as sink:
        with pytest.raises(RegionError, match="do not fill"):
            sink.write(Region((0, 0), (2, 2)), np.zeros((2, 3), np.uint8))
        with pytest.raises(RegionError, match="leaves the result"):
            sink.write(Region((3, 0), (5, 1)), np.zeros((2, 1), np.uint8))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
@pytest.mark.parametrize("name", ["out.zarr", "out.tif"])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    import resource

    shape = (1536, 1536)  # nine chunks: those under way when the first fails must leave nothing either
    noise = np.random.default_rng(0).integers(0, 60000, shape).astype(np.uint16)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    sink = create_labels(tmp_path / name, make_image(shape), np.uint16, info=INFO)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, limits[1]))
        with pytest.raises(StoreError, match=f"cannot write .*{name}.*GiB free"):
            sink.write(Region.of_shape(shape), noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="needs a folder nobody may write to")
def test_a_folder_without_permission_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="Permission denied"):
            create_labels(tmp_path / "out.zarr", make_image((4, 5)), np.uint8, info=INFO)
    finally:
        tmp_path.chmod(0o700)


def test_a_map_lies_on_the_patch_centres(tmp_path: Path) -> None:
    axes = (Axis("y", 6, 36.0, "nm"), Axis("x", 7, 36.0, "nm"))
    values = np.random.default_rng(0).random((2, 6, 7), np.float32)
    path = tmp_path / "map.zarr"
    with create_map(path, axes, (15.75, 15.75), ("a", "b")) as sink:
        sink.write(Region((0, 0, 0), (2, 6, 4)), values[..., :4])
    validate_zarr_store(str(path))
    read = level(path, "0")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read[..., :4], values[..., :4])
    assert np.isnan(read[..., 4:]).all()
    metadata = ome(path)
    v05.Image.model_validate(metadata)
    assert metadata["multiscales"][0]["axes"][0] == {"name": "c", "type": "channel"}
    assert metadata["multiscales"][0]["datasets"][0]["coordinateTransformations"] == [
        {"type": "scale", "scale": [1.0, 36.0, 36.0]},
        {"type": "translation", "translation": [0.0, 15.75, 15.75]},
    ]
    assert [channel["label"] for channel in metadata["omero"]["channels"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "translation", "classes", "error"),
    [
        ("map.tif", (0.0, 0.0), ("a",), SettingsError),
        ("map.zarr", (0.0, 0.0), (), SettingsError),
        ("map.zarr", (0.0,), ("a",), AxesError),
    ],
)
def test_a_map_that_makes_no_sense_is_refused(
    tmp_path: Path, name: str, translation: tuple[float, ...], classes: tuple[str, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        create_map(tmp_path / name, (Axis("y", 6), Axis("x", 7)), translation, classes)
