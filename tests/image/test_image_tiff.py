"""TIFF in its dialects: regions, pixel sizes, and how much of a file is read."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from dinoscope.errors import AxesError, SettingsError
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RNG = np.random.default_rng(7)


def random_pixels(shape: tuple[int, ...], dtype: str = "u1") -> NDArray[Any]:
    if dtype[-2] == "f":
        return RNG.normal(size=shape).astype(dtype)
    return RNG.integers(0, 200, size=shape).astype(dtype)


def assert_regions_agree(image: Any, values: NDArray[Any]) -> None:
    """The whole, and random boxes, compared with NumPy."""
    assert image.shape == values.shape
    np.testing.assert_array_equal(image.read(image.extent), values)
    for _ in range(12):
        corners = np.sort([RNG.integers(0, n + 1, size=2) for n in values.shape], axis=1)
        region = Region(tuple(corners[:, 0].tolist()), tuple(corners[:, 1].tolist()))
        np.testing.assert_array_equal(image.read(region), values[region.slices])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rowsperstrip": 7},
        {"compression": "zlib", "rowsperstrip": 7, "predictor": True},
        {"compression": "lzw"},
        {"compression": "zstd", "tile": (32, 16)},
        {"tile": (16, 48)},
        {"bigtiff": True},
        {"metadata": None},
        {"metadata": None, "contiguous": False, "rowsperstrip": 5},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"ome": True, "metadata": {"axes": "ZYX"}},
        {"ome": True, "metadata": {"axes": "ZYX"}, "tile": (32, 32), "compression": "zlib"},
        {"byteorder": ">"},
        {"byteorder": ">", "compression": "zlib"},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_every_layout_reads_the_same_regions(tmp_path: Path, options: dict[str, Any], dtype: str) -> None:
    values = random_pixels((5, 61, 83), dtype)
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, values, photometric="minisblack", **options)
    image = open_image(path)
    assert image.axis_names == "zyx"
    assert image.dtype == values.dtype.newbyteorder("=")
    assert image.dtype.isnative
    assert_regions_agree(image, values)


def test_pages_with_other_data_between_them(tmp_path: Path) -> None:
    values = random_pixels((4, 40, 30), "u2")
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as writer:
        for number, page in enumerate(values):
            writer.write(page, metadata=None, description="x" * (10 + 37 * number), contiguous=False)
    assert_regions_agree(open_image(path), values)


@pytest.mark.parametrize(
    ("shape", "options", "expected_axes", "expected"),
    [
        ((40, 50, 3), {"photometric": "rgb"}, "yxs", lambda v: v),
        ((40, 50, 4), {"photometric": "rgb", "extrasamples": ["unassalpha"]}, "yxs", lambda v: v[..., :3]),
        ((3, 40, 50), {"photometric": "rgb", "planarconfig": "separate"}, "yxs", lambda v: v.transpose(1, 2, 0)),
        (
            (3, 40, 50),
            {"photometric": "rgb", "planarconfig": "separate", "tile": (16, 16), "compression": "zlib"},
            "yxs",
            lambda v: v.transpose(1, 2, 0),
        ),
        ((6, 40, 50, 3), {"photometric": "rgb"}, "zyxs", lambda v: v),
        ((40, 50, 2), {"photometric": "minisblack", "extrasamples": [2], "planarconfig": "contig"}, "yx", None),
    ],
)
def test_colours(tmp_path: Path, shape: tuple[int, ...], options: Any, expected_axes: str, expected: Any) -> None:
    values = random_pixels(shape)
    path = tmp_path / "colour.tif"
    tifffile.imwrite(path, values, **options)
    image = open_image(path)
    assert image.axis_names == expected_axes
    assert_regions_agree(image, values[..., 0] if expected is None else expected(values))


@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_hyperstacks_come_in_the_one_order_of_axes(tmp_path: Path, kind: str) -> None:
    values = random_pixels((2, 3, 4, 20, 30), "u2")  # t z c y x
    path = tmp_path / "hyper.tif"
    options: Any = {kind: True}
    tifffile.imwrite(path, values, metadata={"axes": "TZCYX"}, photometric="minisblack", **options)
    image = open_image(path)
    assert image.axis_names == "tczyx"
    assert_regions_agree(image, values.transpose(0, 2, 1, 3, 4))
    part = open_image(path, ImageSettings(time=1, channel=2, sections="1:"))
    assert part.axis_names == "zyx"
    assert_regions_agree(part, values[1, 1:, 2])


def test_four_unnamed_axes_must_be_told(tmp_path: Path) -> None:
    values = random_pixels((2, 3, 20, 30))
    path = tmp_path / "four.tif"
    tifffile.imwrite(path, values, photometric="minisblack")
    with pytest.raises(AxesError, match="--axes"):
        open_image(path)
    assert open_image(path, ImageSettings(axes="zcyx")).shape == (3, 2, 20, 30)


def test_levels_of_a_pyramid(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.ome.tif"
    fine = random_pixels((96, 128))
    with tifffile.TiffWriter(path) as writer:
        scale = {"PhysicalSizeX": 4.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 4.0, "PhysicalSizeYUnit": "nm"}
        writer.write(fine, subifds=2, tile=(32, 32), metadata=scale)
        writer.write(fine[::2, ::2], subfiletype=1, tile=(32, 32))
        writer.write(fine[::4, ::4], subfiletype=1, tile=(32, 32))
    image = open_image(path, ImageSettings(level=2))
    assert_regions_agree(image, fine[::4, ::4])
    assert image.pixel_size_nm == pytest.approx(16.0)
    assert image.uri.endswith("#level=2")
    assert open_image(path).pixel_size_nm == pytest.approx(4.0)
    with pytest.raises(SettingsError, match="levels 0 to 2"):
        open_image(path, ImageSettings(level=3))


@pytest.mark.parametrize(
    ("size", "unit", "nm"),
    [(0.0046, "µm", 4.6), (4.6, "nm", 4.6), (46.0, "Å", 4.6), (4600.0, "pm", 4.6), (0.0000046, "mm", 4.6)],
)
def test_ome_sizes_are_converted(tmp_path: Path, size: float, unit: str, nm: float) -> None:
    path = tmp_path / "sized.ome.tif"
    scale = {f"PhysicalSize{a}": size for a in "XYZ"} | {f"PhysicalSize{a}Unit": unit for a in "XYZ"}
    tifffile.imwrite(path, random_pixels((3, 20, 20)), metadata={"axes": "ZYX", **scale})
    axes = open_image(path).axes
    assert {axis.unit for axis in axes} == {"nm"}
    assert [axis.scale for axis in axes] == pytest.approx([nm] * 3)


@pytest.mark.parametrize(("unit", "nm"), [("nm", 0.5), ("micron", 500.0), (r"\u00B5m", 500.0), ("um", 500.0)])
def test_imagej_sizes(tmp_path: Path, unit: str, nm: float) -> None:
    path = tmp_path / "fiji.tif"
    metadata = {"axes": "ZYX", "unit": unit, "spacing": 3.0}
    tifffile.imwrite(path, random_pixels((3, 20, 20)), imagej=True, resolution=(2.0, 2.0), metadata=metadata)
    image = open_image(path)
    assert image.pixel_size_nm == pytest.approx(nm)
    assert image.axis("z").scale == pytest.approx(nm * 6)


def test_imagej_without_a_unit_has_no_size(tmp_path: Path) -> None:
    path = tmp_path / "fiji.tif"
    tifffile.imwrite(path, random_pixels((3, 20, 20)), imagej=True, metadata={"axes": "ZYX", "unit": "pixel"})
    assert {axis.unit for axis in open_image(path).axes} == {"pixel"}


@pytest.mark.parametrize(
    ("per_unit", "unit", "nm"),
    [
        (1e7 / 4.6, "CENTIMETER", 4.6),
        (2.54e7 / 10, "INCH", 10.0),
        (72, "INCH", None),
        (96, "INCH", None),
        (300, "INCH", None),
        (4800, "INCH", None),
        (118.11, "CENTIMETER", None),
        (1, "NONE", None),
    ],
)
def test_resolution_tags_are_believed_when_they_are_fine_enough(
    tmp_path: Path, per_unit: float, unit: str, nm: float | None
) -> None:
    path = tmp_path / "plain.tif"
    options: dict[str, Any] = {"resolution": (per_unit, per_unit), "resolutionunit": unit, "metadata": None}
    tifffile.imwrite(path, random_pixels((20, 20)), **options)
    assert open_image(path).pixel_size_nm == (nm if nm is None else pytest.approx(nm, rel=1e-5))


def test_sizes_from_microscopes(tmp_path: Path) -> None:
    fei, zeiss = tmp_path / "fei.tif", tmp_path / "zeiss.tif"
    text = "[User]\r\nUser=x\r\n[Scan]\r\nPixelWidth=3.5e-009\r\nPixelHeight=3.5e-009\r\n"
    tifffile.imwrite(fei, random_pixels((20, 20)), metadata=None, extratags=[(34682, 2, 0, text, True)])
    text = "0\r\n0\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 12.5 nm\r\n"
    tifffile.imwrite(zeiss, random_pixels((20, 20)), metadata=None, extratags=[(34118, 2, 0, text, True)])
    assert open_image(fei).pixel_size_nm == pytest.approx(3.5)
    assert open_image(zeiss).pixel_size_nm == pytest.approx(12.5)


@pytest.mark.parametrize("options", [{}, {"tile": (64, 64), "compression": "zlib"}, {"tile": (64, 64)}], ids=str)
def test_a_small_region_reads_a_small_part_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    values = random_pixels((3, 1024, 1024))
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, values, photometric="minisblack", **options)
    reads: list[int] = []
    plain_read = tifffile.FileHandle.read

    def counting_read(self: tifffile.FileHandle, size: int = -1, /) -> bytes:
        data: bytes = plain_read(self, size)
        reads.append(len(data))
        return data

    monkeypatch.setattr(tifffile.FileHandle, "read", counting_read)
    image = open_image(path)
    assert sum(reads) < 64 * 1024, "opening reads headers only"
    reads.clear()
    region = Region((1, 500, 500), (2, 520, 520))
    np.testing.assert_array_equal(image.read(region), values[region.slices])
    assert sum(reads) <= 4 * 64 * 64 * 1.1, "at most the four tiles around the region (rows are mapped)"
    reads.clear()
    image.read(region)
    assert sum(reads) == 0, "decoded tiles are remembered"


def test_sparse_tiles_are_zeros(tmp_path: Path) -> None:
    path = tmp_path / "sparse.tif"
    tile = random_pixels((32, 32))
    with tifffile.TiffWriter(path) as writer:
        tiles = iter([tile, None, None, tile])
        writer.write(tiles, shape=(64, 64), dtype="u1", tile=(32, 32), compression="zlib", metadata=None)
    blank = np.zeros_like(tile)
    assert_regions_agree(open_image(path), np.block([[tile, blank], [blank, tile]]))


@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "tile": (32, 32)}], ids=str)
def test_threads_and_pickles_read_the_same(tmp_path: Path, options: dict[str, Any]) -> None:
    values = random_pixels((4, 128, 128), "u2")
    path = tmp_path / "shared.tif"
    tifffile.imwrite(path, values, photometric="minisblack", **options)
    image = pickle.loads(pickle.dumps(open_image(path)))
    regions = [Region((z, y, 0), (z + 1, y + 40, 128)) for z in range(4) for y in range(0, 88, 8)]
    with ThreadPoolExecutor(4) as pool:
        for region, block in zip(regions, pool.map(image.read, regions), strict=True):
            np.testing.assert_array_equal(block, values[region.slices])
