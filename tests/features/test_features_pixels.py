from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import resize

from dinoscope.errors import SettingsError
from dinoscope.features import IntensityRange, measure_intensity, read_pixels
from dinoscope.geometry import Region
from dinoscope.image import Image, open_image
from dinoscope.settings import ImageSettings, IntensitySettings
from dinoscope.tiling import PatchGrid

UNIT = IntensityRange(0.0, 1.0)


def picture(shape: tuple[int, ...], seed: int = 0) -> Image:
    return open_image(np.random.default_rng(seed).random(shape, dtype=np.float32), name="noise")


def test_the_range_is_the_percentiles_of_the_whole_image() -> None:
    ramp = np.arange(10_000, dtype=np.uint16).reshape(100, 100)
    found = measure_intensity(open_image(ramp, name="ramp"), IntensitySettings(black=10, white=90))
    assert (found.low, found.high) == pytest.approx((999.9, 8999.1))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", ">u2"])
def test_features_do_not_depend_on_the_dtype(dtype: str) -> None:
    values = np.random.default_rng(0).integers(0, 200, (40, 40))
    image = open_image(values.astype(dtype), name="i")
    intensity = measure_intensity(image, IntensitySettings())
    pixels = read_pixels(image, intensity, PatchGrid((1, 40, 40), 4), Region((0, 0, 0), (1, 10, 10)))
    expected = np.clip((values - intensity.low) / (intensity.high - intensity.low), 0, 1)
    np.testing.assert_allclose(pixels, expected, atol=1e-6)


def test_nan_is_ignored_and_becomes_zero() -> None:
    values = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
    values[3, 4] = np.nan
    image = open_image(values, name="n")
    intensity = measure_intensity(image, IntensitySettings(black=0, white=100))
    assert (intensity.low, intensity.high) == (0.0, 1.0)
    pixels = read_pixels(image, intensity, PatchGrid((1, 20, 20), 4), Region((0, 0, 0), (1, 5, 5)))
    assert pixels[3, 4] == 0
    assert np.isfinite(pixels).all()


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_constant_and_empty_images_are_all_zero(value: float) -> None:
    image = open_image(np.full((16, 16), value, np.float32), name="c")
    intensity = measure_intensity(image, IntensitySettings())
    pixels = read_pixels(image, intensity, PatchGrid((1, 16, 16), 4), Region((0, 0, 0), (1, 4, 4)))
    np.testing.assert_array_equal(pixels, np.zeros((16, 16)))


def test_percentiles_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(SettingsError, match="expected the low one below"):
        measure_intensity(picture((8, 8)), IntensitySettings(black=50, white=50))


def test_past_the_image_it_is_mirrored() -> None:
    image = picture((10, 6))
    pixels = read_pixels(image, UNIT, PatchGrid((1, 10, 6), 4), Region((0, 0, 0), (1, 6, 4)))
    whole = np.asarray(image.read(image.extent))
    np.testing.assert_array_equal(pixels, np.pad(whole, ((0, 14), (0, 10)), mode="symmetric"))


def test_sections_and_colours_are_read() -> None:
    values = np.random.default_rng(0).random((3, 8, 8, 3), dtype=np.float32)
    image = open_image(values, ImageSettings(axes="zyxs"), name="rgb")
    pixels = read_pixels(image, UNIT, PatchGrid((3, 8, 8), 4), Region((1, 0, 1), (2, 2, 2)))
    np.testing.assert_array_equal(pixels, values[1, :, 4:8])


@given(
    st.sampled_from([0.3, 0.5, 0.575, 1.0, 1.7, 2.0]),
    st.integers(0, 5),
    st.integers(0, 5),
    st.integers(1, 4),
)
def test_a_pixel_is_the_same_whatever_region_it_is_read_with(scale: float, y: int, x: int, side: int) -> None:
    image = picture((70, 61))
    grid = PatchGrid((1, 70, 61), 4, scale)
    whole = read_pixels(image, UNIT, grid, Region((0, 0, 0), (1, 10, 10)))
    part = read_pixels(image, UNIT, grid, Region((0, y, x), (1, y + side, x + side)))
    np.testing.assert_allclose(part, whole[4 * y : 4 * (y + side), 4 * x : 4 * (x + side)], atol=2e-6)


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_resampling_agrees_with_scikit_image(scale: float) -> None:
    image = picture((64, 64))
    size = round(64 * scale)
    grid = PatchGrid((1, 64, 64), 4, scale)
    pixels = read_pixels(image, UNIT, grid, Region((0, 0, 0), (1, size // 4, size // 4)))
    expected = resize(image.read(image.extent), (size, size), order=1, anti_aliasing=scale < 1, mode="symmetric")
    inner = slice(8, -8)  # the border handling of the two differs
    np.testing.assert_allclose(pixels[inner, inner], expected[inner, inner], atol=1e-5)
