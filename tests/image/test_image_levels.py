"""The coarser levels of an image: where they come from, and that every view carries them along."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import zarr

from dinoscope.errors import ImageReadError, SettingsError
from dinoscope.image import open_image
from dinoscope.settings import ImageSettings
from tests.levels import assert_levels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

RNG = np.random.default_rng(11)


def random_levels(*shapes: tuple[int, ...], dtype: str = "u1") -> list[NDArray[Any]]:
    """Levels that have nothing in common, so that a mix-up shows."""
    return [RNG.integers(1, 200, size=shape).astype(dtype) for shape in shapes]


SERIES = random_levels((2, 3, 8, 32, 40), (2, 3, 8, 16, 20), (2, 3, 4, 8, 10), dtype="u2")  # t c z y x


# --- OME-Zarr


def put_multiscale(path: Path, levels: Sequence[NDArray[Any]], axes: str, zarr_format: Any) -> zarr.Group:
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    datasets = []
    for number, values in enumerate(levels):
        chunks = tuple(min(8, n) for n in values.shape)
        array = group.create_array(f"s{number}", shape=values.shape, dtype=values.dtype, chunks=chunks)
        array[...] = values
        scale = [4.0 * 2**number if name in "zyx" else 1.0 for name in axes]
        datasets.append({"path": f"s{number}", "coordinateTransformations": [{"type": "scale", "scale": scale}]})
    kinds = {"c": {"type": "channel"}, "t": {"type": "time"}}
    space = {"type": "space", "unit": "nanometer"}
    multiscales: Any = [{"axes": [{"name": a, **kinds.get(a, space)} for a in axes], "datasets": datasets}]
    if zarr_format == 3:
        group.attrs["ome"] = {"version": "0.5", "multiscales": multiscales}
    else:
        group.attrs["multiscales"] = [{"version": "0.4", **multiscales[0]}]
    return group


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_ome_zarr_gives_the_levels_below_the_chosen_one(tmp_path: Path, zarr_format: Any) -> None:
    path = tmp_path / "series.zarr"
    put_multiscale(path, SERIES, "tczyx", zarr_format)
    assert_levels(open_image(path), SERIES)
    middle = open_image(path, ImageSettings(level=1))
    assert_levels(middle, SERIES[1:])
    assert middle.pixel_size_nm == pytest.approx(8.0)
    assert_levels(open_image(path, ImageSettings(level=2)), SERIES[2:])
    assert_levels(pickle.loads(pickle.dumps(open_image(path))), SERIES)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zarr_group_is_an_image_too(tmp_path: Path, zarr_format: Any) -> None:
    group = put_multiscale(tmp_path / "series.zarr", SERIES, "tczyx", zarr_format)
    assert_levels(open_image(group, name="mine"), SERIES)
    middle = open_image(group, ImageSettings(level=1, time=0, channel=2))
    assert_levels(middle, [values[0, 2] for values in SERIES[1:]])
    assert middle.uri == f"{group.store_path}#level=1&time=0&channel=2"
    with pytest.raises(SettingsError, match="levels 0 to 2"):
        open_image(group, ImageSettings(level=3))


def test_old_multiscales_without_axes_have_levels(tmp_path: Path) -> None:
    group = put_multiscale(tmp_path / "old.zarr", SERIES, "tczyx", 2)
    group.attrs["multiscales"] = [{"version": "0.1", "datasets": [{"path": f"s{i}"} for i in range(3)]}]
    assert_levels(open_image(tmp_path / "old.zarr"), SERIES)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((3, 4, 8, 10), "u2"), ((1, 3, 4, 8, 10), "u2"), ((2, 2, 4, 8, 10), "u2"), ((2, 3, 4, 17, 10), "u2"),
     ((2, 3, 8, 16, 20), "u2"), ((2, 3, 9, 8, 10), "u2"), ((2, 3, 4, 8, 10), "c8")],
    ids=["fewer axes", "fewer times", "fewer channels", "taller", "as large", "more sections", "complex"],
)  # fmt: skip
def test_a_level_of_a_file_that_does_not_fit_is_left_out(tmp_path: Path, shape: tuple[int, ...], dtype: str) -> None:
    odd = np.ones(shape, dtype)
    put_multiscale(tmp_path / "odd.zarr", [*SERIES[:2], odd, SERIES[2]], "tczyx", 3)
    assert_levels(open_image(tmp_path / "odd.zarr"), SERIES)


@pytest.mark.parametrize("damage", ["missing", "metadata", "group", "no path", "no dataset"])
def test_a_broken_level_of_a_file_is_left_out(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "broken.zarr"
    group = put_multiscale(path, SERIES, "tczyx", 2)
    if damage == "metadata":
        (path / "s1" / ".zarray").write_text("{")
    else:
        multiscales: Any = group.attrs["multiscales"]
        group.create_group("empty")
        odd = {"missing": {"path": "s9"}, "group": {"path": "empty"}, "no path": {}, "no dataset": "s1"}
        multiscales[0]["datasets"][1] = odd[damage]
        group.attrs["multiscales"] = multiscales
    assert_levels(open_image(path), [SERIES[0], SERIES[2]])


def test_a_damaged_chunk_of_a_level_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cut.zarr"
    put_multiscale(path, [values[0, 0] for values in SERIES], "zyx", 2)
    chunk = path / "s1" / "0.0.0"
    chunk.write_bytes(chunk.read_bytes()[:-3])
    image = open_image(path)
    assert len(image.coarser) == 2
    with pytest.raises(ImageReadError, match=r"cut\.zarr"):
        image.coarser[0][:, :4, :4]
    np.testing.assert_array_equal(image.read(image.extent), SERIES[0][0, 0])


# --- TIFF


def put_pyramid(path: Path, levels: Sequence[NDArray[Any]], axes: str, byteorder: Any = "<", **options: Any) -> None:
    options.setdefault("photometric", "minisblack")
    with tifffile.TiffWriter(path, byteorder=byteorder) as writer:
        scale = {f"PhysicalSize{a}": 4.0 for a in "XY"} | {f"PhysicalSize{a}Unit": "nm" for a in "XY"}
        writer.write(levels[0], subifds=len(levels) - 1, metadata={"axes": axes, **scale}, **options)
        for values in levels[1:]:
            writer.write(values, subfiletype=1, **options)


LAYOUTS: list[dict[str, Any]] = [
    {},
    {"byteorder": ">"},
    {"tile": (16, 16)},
    {"tile": (16, 16), "compression": "zlib"},
    {"compression": "zlib", "byteorder": ">"},
]


@pytest.mark.parametrize("options", LAYOUTS, ids=str)
@pytest.mark.parametrize("name", ["a.ome.tif", "a.tif"])
def test_a_tiff_gives_its_levels(tmp_path: Path, options: dict[str, Any], name: str) -> None:
    levels = random_levels((3, 64, 96), (3, 32, 48), (3, 16, 24), dtype="u2")
    path = tmp_path / name
    if name == "a.ome.tif":
        put_pyramid(path, levels, "ZYX", **options)
        assert open_image(path).axis("z").unit == "pixel"
    else:
        levels = [values[0] for values in levels]
        put_pyramid(path, levels, "YX", **options)
    assert_levels(open_image(path), levels)
    assert_levels(pickle.loads(pickle.dumps(open_image(path))), levels)
    assert_levels(open_image(path, ImageSettings(level=1)), levels[1:])
    assert_levels(open_image(path, ImageSettings(level=2)), levels[2:])


def test_channels_of_a_tiff_are_chosen_on_every_level(tmp_path: Path) -> None:
    levels = random_levels((4, 2, 32, 48), (4, 2, 16, 24))  # z c y x
    put_pyramid(tmp_path / "a.ome.tif", levels, "ZCYX", compression="zlib")
    image = open_image(tmp_path / "a.ome.tif", ImageSettings(channel=1, sections="1:3"))
    assert_levels(image, [values[1:3, 1] for values in levels])


@pytest.mark.parametrize("samples", [3, 4])
def test_colours_lose_alpha_on_every_level(tmp_path: Path, samples: int) -> None:
    levels = random_levels((64, 96, samples), (32, 48, samples), (16, 24, samples))
    options = {"extrasamples": ["unassalpha"]} if samples == 4 else {}
    put_pyramid(tmp_path / "slide.tif", levels, "YXS", photometric="rgb", tile=(16, 16), **options)
    assert_levels(open_image(tmp_path / "slide.tif"), [values[..., :3] for values in levels])


def test_reduced_pages_are_levels_as_in_slides(tmp_path: Path) -> None:
    levels = random_levels((256, 384), (128, 192), (64, 96))
    path = tmp_path / "slide.ndpi.tif"
    with tifffile.TiffWriter(path) as writer:
        for number, values in enumerate(levels):
            writer.write(values, metadata=None, tile=(32, 32), compression="zlib", subfiletype=int(number > 0))
    with tifffile.TiffFile(path) as tif:
        assert len(tif.series[0].levels) == 3, "otherwise the test says nothing"
    assert_levels(open_image(path), levels)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}], ids=str)
def test_an_incomplete_level_of_a_tiff_is_left_out(tmp_path: Path, options: dict[str, Any]) -> None:
    levels = random_levels((64, 96), (32, 48), (16, 24))
    path = tmp_path / "a.ome.tif"
    put_pyramid(path, levels, "YX", rowsperstrip=8, **options)
    with tifffile.TiffFile(path, mode="r+") as tif:
        counts = tif.series[0].levels[1].keyframe.tags[279]
        counts.overwrite([0] * counts.count)
    assert_levels(open_image(path), [levels[0], levels[2]])
    with pytest.raises(ImageReadError, match="damaged"):
        open_image(path, ImageSettings(level=1))


def test_levels_of_a_tiff_are_opened_when_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = random_levels((64, 96), (32, 48), (16, 24))
    path = tmp_path / "a.ome.tif"
    put_pyramid(path, levels, "YX", compression="zlib")
    opened: list[Any] = []
    plain = tifffile.TiffFile.__init__

    def counting(self: tifffile.TiffFile, *args: Any, **options: Any) -> None:
        opened.append(args)
        plain(self, *args, **options)

    monkeypatch.setattr(tifffile.TiffFile, "__init__", counting)
    image = open_image(path)
    assert len(opened) == 1
    for _ in range(2):
        np.testing.assert_array_equal(image.coarser[1][:, :], levels[2])
        assert len(opened) == 2, "once, and only the level that was asked for"


def test_a_level_that_changed_since_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    put_pyramid(path, random_levels((64, 96), (32, 48)), "YX", compression="zlib")
    image = open_image(path)
    put_pyramid(path, random_levels((64, 64), (32, 32)), "YX", compression="zlib")
    with pytest.raises(ImageReadError, match=r"has shape \(32, 32\) now, expected \(32, 48\)"):
        image.coarser[0][:, :]


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}], ids=str)
def test_levels_of_an_ome_tiff_in_several_files(tmp_path: Path, options: dict[str, Any]) -> None:
    levels = random_levels((2, 64, 64), (2, 32, 32))
    names = [f"z{i}.ome.tif" for i in range(2)]
    planes = "".join(
        f'<TiffData IFD="0" FirstZ="{i}" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{i}</UUID></TiffData>'
        for i, name in enumerate(names)
    )
    for i, name in enumerate(names):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{i}"><Image ID="Image:0">'
            '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="64" SizeY="64" SizeZ="2" SizeC="1" '
            f'SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
        )
        with tifffile.TiffWriter(tmp_path / name) as writer:
            writer.write(levels[0][i], subifds=1, description=xml, metadata=None, photometric="minisblack", **options)
            writer.write(levels[1][i], subfiletype=1, metadata=None, photometric="minisblack", **options)
    image = open_image(tmp_path / names[0])
    assert_levels(image, levels)
    assert_levels(open_image(tmp_path / names[0], ImageSettings(level=1)), levels[1:])
