"""Lists of arrays as one image, and views and selections of images that have several levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.errors import AxesError, ImageReadError, SettingsError
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image, content_digest, cropped, open_image, spatial
from dinoscope.settings import ImageSettings
from tests.levels import assert_levels

if TYPE_CHECKING:
    from numpy.typing import NDArray

RNG = np.random.default_rng(12)


def random_levels(*shapes: tuple[int, ...], dtype: str = "u1") -> list[NDArray[Any]]:
    """Levels that have nothing in common, so that a mix-up shows."""
    return [RNG.integers(1, 200, size=shape).astype(dtype) for shape in shapes]


SERIES = random_levels((2, 3, 8, 32, 40), (2, 3, 8, 16, 20), (2, 3, 4, 8, 10), dtype="u2")  # t c z y x


class Untouchable:
    """An array that no one may read from."""

    def __init__(self, *shape: int) -> None:
        self.shape, self.dtype = shape, np.dtype("u1")

    def __getitem__(self, index: Any) -> NDArray[Any]:
        raise AssertionError(f"pixels {index} were read")


def series(**settings: Any) -> Image:
    return open_image(SERIES, ImageSettings(axes="tczyx", **settings))


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr", "mixed"])
@pytest.mark.parametrize("container", [list, tuple])
def test_a_list_of_arrays_is_a_pyramid(kind: str, container: Any) -> None:
    arrays: list[Any] = []
    for number, values in enumerate(SERIES):
        chosen = ("numpy", "dask", "zarr")[number] if kind == "mixed" else kind
        array: Any = values
        if chosen == "dask":
            from_array: Any = da.from_array
            array = from_array(values, chunks=4)
        elif chosen == "zarr":
            array = zarr.create_array({}, shape=values.shape, dtype=values.dtype, chunks=(1, 1, 4, 8, 8))
            array[...] = values
        arrays.append(array)
    image = open_image(container(arrays), ImageSettings(axes="tczyx"), name="mine")
    assert (image.name, image.axis_names) == ("mine", "tczyx")
    assert_levels(image, SERIES)
    alone = open_image(arrays[0], ImageSettings(axes="tczyx"), name="mine")
    assert (image.uri, content_digest(image)) == (alone.uri, content_digest(alone))


def test_a_list_of_one_array_is_that_array() -> None:
    image = open_image([SERIES[0][0, 0]])
    assert (image.shape, image.coarser, image.uri) == ((8, 32, 40), (), "array:image")


@given(st.permutations("tczyx"))
def test_any_told_order_holds_for_every_level(order: list[str]) -> None:
    lying = [values.transpose(["tczyx".index(name) for name in order]) for values in SERIES]
    assert_levels(open_image(lying, ImageSettings(axes="".join(order))), SERIES)


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 6])
def test_samples_of_a_pixel_are_treated_alike(samples: int) -> None:
    levels = random_levels((samples, 40, 50), (samples, 20, 25))
    image = open_image(levels, ImageSettings(axes="syx"))
    first, colours = [v[0] for v in levels], [v[:3].transpose(1, 2, 0) for v in levels]
    assert_levels(image, {1: first, 2: first, 3: colours, 4: colours, 6: levels}[samples])


def test_single_axes_are_dropped_and_bytes_swapped_on_every_level() -> None:
    levels = random_levels((1, 1, 4, 32, 40), (1, 1, 2, 16, 20), dtype=">u2")
    image = open_image([levels[0].astype("<u2"), levels[1]], ImageSettings(axes="tczyx"))
    assert image.axis_names == "zyx"
    assert_levels(image, [values[0, 0].astype("u2") for values in levels])
    assert_levels(open_image(levels, ImageSettings(axes="tczyx")), [values[0, 0].astype("u2") for values in levels])


def test_a_level_of_a_list_can_be_chosen() -> None:
    image = series(level=1, image_pixel_size=8.0)
    assert_levels(image, SERIES[1:])
    assert image.pixel_size_nm == 8.0
    assert image.uri == "array:image#level=1"
    with pytest.raises(SettingsError, match="image 'image' has levels 0 to 2"):
        series(level=3)


def test_a_level_of_an_image_has_larger_voxels() -> None:
    image = series().with_pixel_size(4.0).with_section_distance(30.0)
    coarse = open_image(image, ImageSettings(level=2, time=1))
    assert_levels(coarse, [SERIES[2][1]])
    assert [(axis.name, axis.scale) for axis in coarse.axes] == [("c", 1), ("z", 60), ("y", 16), ("x", 16)]
    assert open_image(series(), ImageSettings(level=2)).pixel_size_nm is None


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        ([(8, 32, 40), (16, 20)], r"level 1 of image 'image' has shape \(16, 20\), .* it has 2 axes, expected 3"),
        ([(8, 32, 40), (8, 16, 20), (8, 17, 10)], r"level 2 .* \(8, 16, 20\): axis y has size 17, expected 1 to 16"),
        ([(8, 16, 20), (8, 32, 40)], r"level 1 .* axis y has size 32, expected 1 to 16; give the levels finest first"),
        ([(8, 16, 20), (9, 8, 10)], r"level 1 .* axis z has size 9, expected 1 to 8"),
        ([(8, 16, 20), (8, 8, 0)], r"level 1 .* axis x has size 0, expected 1 to 20"),
    ],
)
def test_a_list_that_is_no_pyramid_is_refused(shapes: list[tuple[int, ...]], sentence: str) -> None:
    with pytest.raises(AxesError, match=sentence):
        open_image([np.zeros(shape, "u1") for shape in shapes], ImageSettings(axes="zyx"))


@pytest.mark.parametrize(("axes", "name"), [("tzyx", "t"), ("czyx", "c"), ("szyx", "s")])
def test_times_channels_and_samples_never_get_fewer(axes: str, name: str) -> None:
    with pytest.raises(AxesError, match=f"level 1 .* axis {name} has size 2, expected 3; .* only z, y and x"):
        open_image([np.zeros((3, 4, 16, 20)), np.zeros((2, 4, 8, 10))], ImageSettings(axes=axes))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ([], "cannot open a list"),
        ((), "cannot open a tuple"),
        ([SERIES[0], "b.tif"], "or a list of arrays"),
        ([np.zeros((16, 20)), np.zeros((8, 10), complex)], "level 1 of image 'image' has samples of type complex128"),
    ],
)
def test_lists_of_something_else_are_refused(source: Any, sentence: str) -> None:
    with pytest.raises(ImageReadError, match=sentence):
        open_image(source)


def test_opening_and_selecting_read_no_level() -> None:
    levels = [Untouchable(2, 8, 32, 40), Untouchable(2, 8, 16, 20)]
    image = open_image(levels, ImageSettings(axes="czyx", channel=1, sections="1:3", image_pixel_size=8))
    assert [tuple(level.shape) for level in (image.data, *image.coarser)] == [(2, 32, 40), (2, 16, 20)]
    with pytest.raises(AssertionError, match="were read"):
        image.coarser[0][:, :, :]


# --- selections


@given(st.integers(0, 1), st.integers(0, 2))
def test_channels_and_times_are_chosen_on_every_level(time: int, channel: int) -> None:
    assert_levels(series(time=time, channel=channel), [values[time, channel] for values in SERIES])
    assert_levels(series(channel=channel), [values[:, channel] for values in SERIES])


def test_spatial_drops_axes_of_every_level() -> None:
    axes = (Axis("c", 1), Axis("z", 8), Axis("y", 32), Axis("x", 40))
    levels = [values[0, :1] for values in SERIES]
    image = Image("one", "array:one", axes, levels[0], tuple(levels[1:]))
    assert_levels(spatial(image), [values[0] for values in levels])


def test_sections_keep_levels_that_have_all_of_them() -> None:
    part = series(sections="2:5", time=0)
    assert_levels(part, [values[0, :, 2:5] for values in SERIES[:2]])
    assert part.uri == "array:image#time=0&sections=2:5"
    assert_levels(series(sections=":"), SERIES)


@given(st.data())
def test_any_crop_has_the_right_pixels_on_the_levels_it_keeps(data: st.DataObject) -> None:
    levels = [SERIES[0][0], SERIES[0][1][:, ::2], SERIES[1][0][:, ::2]]  # c z y x: z, then y and x become shorter
    image = open_image(levels, ImageSettings(axes="czyx"))
    spans = [
        st.tuples(st.integers(0, n - 1), st.integers(1, n)).map(sorted).filter(lambda p: p[0] < p[1])
        for n in image.shape
    ]
    spans = [st.just([0, n]) | span for n, span in zip(image.shape, spans, strict=True)]
    corners = [data.draw(span) for span in spans]
    part = cropped(image, Region(tuple(a for a, _ in corners), tuple(b for _, b in corners)))
    cut = [axis for axis, (a, b) in enumerate(corners) if b - a < image.shape[axis]]
    expected = []
    for values in levels:
        if all(values.shape[axis] == image.shape[axis] for axis in cut):
            index = tuple(slice(*corners[axis]) if axis in cut else slice(None) for axis in range(4))
            expected.append(values[index])
    assert_levels(part, expected)


def test_a_crop_within_sections_has_no_coarser_levels() -> None:
    region = Region((0, 0, 0, 4, 0), (2, 3, 8, 20, 40))
    assert_levels(cropped(series(), region), [SERIES[0][:, :, :, 4:20]])


def test_sizes_and_names_keep_the_levels() -> None:
    image = series(time=0, channel=0)
    assert_levels(image.with_pixel_size(5.0).with_section_distance(9.0), [values[0, 0] for values in SERIES])
    renamed = open_image(image, name="other")
    assert (renamed.name, renamed.uri) == ("other", image.uri)
    assert_levels(renamed, [values[0, 0] for values in SERIES])
    assert open_image(image) is image


def test_digests_and_uris_know_nothing_of_levels() -> None:
    whole = series()
    plain = Image(whole.name, whole.uri, whole.axes, whole.data)
    assert plain.coarser == ()
    assert content_digest(whole) == content_digest(plain)
    for settings in (ImageSettings(channel=1), ImageSettings(sections="1:4", time=1)):
        assert content_digest(open_image(whole, settings)) == content_digest(open_image(plain, settings))


def test_an_image_refuses_levels_that_do_not_fit() -> None:
    axes = (Axis("y", 16), Axis("x", 20))
    with pytest.raises(AxesError, match=r"level 2 of image 'bad' has shape \(9, 5\), the level before it \(8, 10\)"):
        Image("bad", "bad", axes, np.zeros((16, 20)), (np.zeros((8, 10)), np.zeros((9, 5))))
