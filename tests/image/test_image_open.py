"""Arrays as images, what the settings choose, and the sentences of errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.errors import AxesError, ImageReadError, MissingDependencyError, SettingsError
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image, infer_axes, open_image, spatial
from dinoscope.image._units import to_nm
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALUES = np.random.default_rng(1).integers(0, 250, size=(2, 3, 5, 24, 30), dtype=np.uint8)  # t c z y x


class UntouchableArray:
    """An array that no one may read from."""

    shape = (4, 50, 60)
    dtype = np.dtype("u1")

    def __getitem__(self, index: Any) -> NDArray[Any]:
        raise AssertionError(f"pixels {index} were read")


def hyperstack(**settings: Any) -> Image:
    return open_image(VALUES, ImageSettings(axes="tczyx", **settings))


def test_opening_and_selecting_read_no_pixels() -> None:
    image = open_image(UntouchableArray(), ImageSettings(sections="1:3", image_pixel_size=8))
    assert image.shape == (2, 50, 60)
    assert spatial(image).pixel_size_nm == 8


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((20, 30), "u1", "yx"),
        ((5, 20, 30), "u1", "zyx"),
        ((40, 50, 3), "u1", "yxs"),
        ((40, 50, 4), "u1", "yxs"),
        ((40, 50, 3), "u2", "zyx"),
        ((40, 5, 3), "u1", "zyx"),
        ((10, 50, 4), "u1", "zyx"),
    ],
)
def test_axes_are_inferred_where_that_is_safe(shape: tuple[int, ...], dtype: str, expected: str) -> None:
    assert infer_axes(shape, np.dtype(dtype)) == expected


@pytest.mark.parametrize("shape", [(9,), (2, 3, 20, 30), (2, 2, 3, 20, 30)])
def test_other_numbers_of_axes_must_be_told(shape: tuple[int, ...]) -> None:
    with pytest.raises(AxesError, match="--axes"):
        open_image(np.zeros(shape))


@pytest.mark.parametrize("axes", ["yx", "zzyx", "tczy", "tczyxs"])
def test_told_axes_must_fit(axes: str) -> None:
    with pytest.raises(AxesError, match=r"do not fit image 'image' of shape \(3, 5, 24, 30\)"):
        open_image(VALUES[0], ImageSettings(axes=axes))


@given(st.permutations("tczyx"), st.data())
def test_any_told_order_becomes_the_one_order(order: list[str], data: st.DataObject) -> None:
    lying = VALUES.transpose(["tczyx".index(name) for name in order])
    image = open_image(lying, ImageSettings(axes="".join(order)))
    assert (image.axis_names, image.shape) == ("tczyx", VALUES.shape)
    corners = [sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in VALUES.shape]
    region = Region(tuple(a for a, _ in corners), tuple(b for _, b in corners))
    np.testing.assert_array_equal(image.read(region), VALUES[region.slices])


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 6])
def test_samples_of_a_pixel(samples: int) -> None:
    values = np.random.default_rng(0).integers(0, 250, size=(samples, 40, 50))
    image = open_image(values, ImageSettings(axes="syx"))
    expected = {
        1: ("yx", values[0]),
        2: ("yx", values[0]),
        3: ("yxs", values.transpose(1, 2, 0)),
        4: ("yxs", values[:3].transpose(1, 2, 0)),
        6: ("cyx", values),
    }[samples]
    assert image.axis_names == expected[0]
    np.testing.assert_array_equal(image.read(image.extent), expected[1])


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
def test_arrays_of_every_kind(kind: str) -> None:
    values = VALUES[0, 0]
    array: Any = values
    if kind == "dask":
        from_array: Any = da.from_array
        array = from_array(values, chunks=(2, 10, 10))
    elif kind == "zarr":
        array = zarr.create_array({}, shape=values.shape, dtype=values.dtype, chunks=(2, 10, 10))
        array[...] = values
    image = open_image(array, name="mine")
    assert (image.name, image.axis_names, image.pixel_size_nm) == ("mine", "zyx", None)
    region = Region((1, 2, 3), (4, 20, 9))
    np.testing.assert_array_equal(image.read(region), values[region.slices])
    assert type(image.read(region)) is np.ndarray
    assert image.uri.startswith({"numpy": "array:mine", "dask": "dask:", "zarr": "memory:"}[kind])


def test_the_uri_of_a_dask_array_follows_its_content() -> None:
    full: Any = da.full
    ones, twos = (full((20, 20), value) for value in (1, 2))
    assert open_image(ones).uri == open_image(full((20, 20), 1)).uri
    assert open_image(ones).uri != open_image(twos).uri


@pytest.mark.parametrize("dtype", ["?", "u1", "i2", ">u2", ">f4", "i4", "f2", "f8"])
def test_any_real_dtype_passes_untouched(dtype: str) -> None:
    values = (VALUES[0, 0, 0] // 2).astype(dtype)
    image = open_image(values)
    assert image.dtype == values.dtype.newbyteorder("=")
    assert image.read(image.extent).dtype == image.dtype
    np.testing.assert_array_equal(image.read(image.extent), values)


def test_nan_and_constants_pass_untouched() -> None:
    values = np.full((20, 30), 7, np.float32)
    values[3, 4] = np.nan
    values[5, 6] = np.inf
    image = open_image(values)
    np.testing.assert_array_equal(image.read(image.extent), values)


@pytest.mark.parametrize("array", [np.zeros((9, 9), complex), np.zeros((9, 9), [("r", "u1")]), np.zeros((0, 9))])
def test_what_is_no_picture_is_refused(array: NDArray[Any]) -> None:
    with pytest.raises(ImageReadError):
        open_image(array)


def test_channels_times_and_sections_are_chosen() -> None:
    image = hyperstack(channel=2, time=1, sections="1:4", image_pixel_size=5.5)
    assert (image.axis_names, image.shape, image.pixel_size_nm) == ("zyx", (3, 24, 30), 5.5)
    np.testing.assert_array_equal(image.read(image.extent), VALUES[1, 2, 1:4])
    assert image.uri == "array:image#time=1&channel=2&sections=1:4"
    assert hyperstack(sections="2:").shape[2] == 3
    assert hyperstack(sections=":2").shape[2] == 2
    assert hyperstack(sections=":").shape[2] == 5


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"channel": 3}, r"channel 3 was asked for: image 'image' has 3 channels; choose --channel from 0 to 2"),
        ({"time": 2}, r"time point 2 was asked for: image 'image' has 2 time points; choose --time from 0 to 1"),
        ({"sections": "3:3"}, r"has 5; expected START:STOP with 0 <= START < STOP <= 5"),
        ({"sections": "4:2"}, r"START < STOP"),
        ({"sections": "2:6"}, r"STOP <= 5"),
        ({"level": 1}, r"level 1 was asked for: an array has only level 0"),
    ],
)
def test_a_choice_that_is_not_there(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        hyperstack(**settings)


def test_choices_on_images_without_these_axes() -> None:
    flat = open_image(VALUES[0, 0, 0], ImageSettings(channel=0, time=0))
    assert flat.axis_names == "yx"
    with pytest.raises(SettingsError, match="has 1 channel;"):
        open_image(VALUES[0, 0, 0], ImageSettings(channel=1))
    with pytest.raises(SettingsError, match="single section"):
        open_image(VALUES[0, 0, 0], ImageSettings(sections="0:1"))


def test_an_image_is_returned_with_the_settings_applied() -> None:
    image = hyperstack()
    assert open_image(image) is image
    part = open_image(image, ImageSettings(channel=1, time=0), name="other")
    assert (part.name, part.axis_names) == ("other", "zyx")
    np.testing.assert_array_equal(part.read(part.extent), VALUES[0, 1])
    with pytest.raises(SettingsError, match="has axes 'tczyx' already"):
        open_image(image, ImageSettings(axes="czyx"))
    with pytest.raises(SettingsError, match="only level 0"):
        open_image(image, ImageSettings(level=1))


def test_spatial_asks_for_a_choice() -> None:
    with pytest.raises(
        AxesError, match=r"has 2 time points; choose one with --time \(0 to 1\).* ImageSettings\(time=...\)"
    ):
        spatial(hyperstack())
    with pytest.raises(
        AxesError, match=r"image 'image' has 3 channels; choose one with --channel.* ImageSettings\(channel=...\)"
    ):
        spatial(hyperstack(time=0))
    assert spatial(hyperstack(time=0, channel=0)).axis_names == "zyx"
    single = Image("one", "array:one", (Axis("c", 1), Axis("y", 24), Axis("x", 30)), VALUES[0, :1, 0])
    np.testing.assert_array_equal(spatial(single).read(Region((0, 0), (24, 30))), VALUES[0, 0, 0])


def test_an_axis_of_one_channel_or_time_is_dropped() -> None:
    assert open_image(VALUES[:1, :1], ImageSettings(axes="tczyx")).axis_names == "zyx"
    assert open_image(VALUES[0, 0, :1], ImageSettings(axes="zyx")).axis_names == "zyx"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nowhere.tif", "there is no file or folder"),
        ("nowhere/at/all", "there is no file or folder"),
        (__file__, "of an unknown kind"),
        ("https://example.org/em.tif", "only zarr can be read over the network"),
        (17, "cannot open a int as an image"),
        ([[1, 2], [3, 4]], "cannot open a list as an image"),
    ],
)
def test_sources_that_cannot_be_opened(source: Any, sentence: str) -> None:
    with pytest.raises(ImageReadError, match=sentence):
        open_image(source)


def test_a_url_that_needs_one_more_package() -> None:
    with pytest.raises((MissingDependencyError, ImageReadError), match="nope://bucket/em"):
        open_image("nope://bucket/em.zarr")


def test_errors_of_a_users_own_array_stay_their_own() -> None:
    with pytest.raises(AssertionError, match="were read"):
        open_image(UntouchableArray()).read(Region((0, 0, 0), (1, 1, 1)))


def test_home_and_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zarr.save_array(tmp_path / "em.zarr", VALUES[0, 0])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    uris = {open_image(source).uri for source in ("~/em.zarr", "em.zarr", Path("em.zarr"), tmp_path / "em.zarr")}
    assert uris == {str((tmp_path / "em.zarr").resolve())}


@pytest.mark.parametrize(
    ("length", "unit", "nm"),
    [
        (1, "Angstrom", 0.1),
        (1, "Å", 0.1),
        (2, "nanometre", 2),
        (2, "nanometers", 2),
        (3, "\N{MICRO SIGN}m", 3000),
        (3, "\N{GREEK SMALL LETTER MU}m", 3000),
        (3, "microns", 3000),
        (1, "[nm]", 1),
        (1, "m", 1e9),
        (5, "pixel", None),
        (5, "", None),
        (5, None, None),
        (0, "nm", None),
        (-1, "nm", None),
        (float("nan"), "nm", None),
        (float("inf"), "nm", None),
    ],
)
def test_units(length: float, unit: str | None, nm: float | None) -> None:
    assert to_nm(length, unit) == nm


def test_importing_the_package_loads_no_optional_reader() -> None:
    code = "import sys, dinoscope.image; print([m for m in ('torch', 'h5py', 'rsciio') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
