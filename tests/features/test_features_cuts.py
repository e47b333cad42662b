"""Volumes cut across other axes: square working pixels, and features of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import regionprops
from skimage.transform import resize

from dinoscope.errors import SettingsError
from dinoscope.features import (
    FeatureStore,
    IntensityRange,
    Manifest,
    open_cuts,
    plan_cuts,
    plan_features,
    read_pixels,
    shape_advice,
)
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image, open_image
from dinoscope.samples import phantom
from dinoscope.settings import ImageSettings, IntensitySettings, TilingSettings
from dinoscope.testing import FakeEncoder
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.features import CutAxis

UNIT = IntensityRange(0.0, 1.0)
ALL: tuple[CutAxis, ...] = ("z", "y", "x")


def plan(image: Image, **tiling: Any) -> Manifest:
    return plan_features(image, FakeEncoder().spec, TilingSettings(**tiling), IntensitySettings())


def volume(values: NDArray[Any], *nm: float) -> Image:
    """With these sizes of a voxel along z, y and x."""
    image = open_image(values, ImageSettings(axes="zyx"), name="volume")
    axes = tuple(Axis(axis.name, axis.size, size, "nm") for axis, size in zip(image.axes, nm, strict=False))
    return Image("volume", "array:volume", axes or image.axes, image.data)


def ball(shape: tuple[int, int, int], radius_nm: float, *nm: float) -> NDArray[np.float32]:
    """A ball in the middle."""
    places = np.indices(shape, dtype=float) - (np.array(shape).reshape(3, 1, 1, 1) - 1) / 2
    away = np.linalg.norm(places * np.array(nm).reshape(3, 1, 1, 1), axis=0)
    inside: NDArray[np.float32] = (away < radius_nm).astype(np.float32)
    return inside


@given(
    st.sampled_from([0.5, 1.0, 1.3]), st.sampled_from([0.4, 1.0, 3.0]), st.integers(0, 5), st.integers(0, 5),
    st.integers(1, 4),
)  # fmt: skip
def test_a_pixel_is_the_same_whatever_region_it_is_read_with(
    scale: float, stretch: float, y: int, x: int, side: int
) -> None:
    image = open_image(np.random.default_rng(0).random((70, 61), dtype=np.float32), name="noise")
    grid = PatchGrid((1, 70, 61), 4, scale, stretch)
    whole = read_pixels(image, UNIT, grid, Region((0, 0, 0), (1, 10, 10)))
    part = read_pixels(image, UNIT, grid, Region((0, y, x), (1, y + side, x + side)))
    np.testing.assert_allclose(part, whole[4 * y : 4 * (y + side), 4 * x : 4 * (x + side)], atol=2e-6)


@pytest.mark.parametrize(("scale", "stretch"), [(1.0, 3.0), (0.5, 1.0), (0.5, 4.0), (2.0, 0.25), (0.5, 2.0)])
def test_long_voxels_are_resampled_as_scikit_image_does(scale: float, stretch: float) -> None:
    image = open_image(np.random.default_rng(0).random((64, 64), dtype=np.float32), name="noise")
    grid = PatchGrid((1, 64, 64), 4, scale, stretch)
    size = round(64 * scale * stretch), round(64 * scale)
    assert grid.shape == (1, size[0] // 4, size[1] // 4)
    pixels = read_pixels(image, UNIT, grid, grid.extent)
    expected = resize(image.read(image.extent), size, order=1, anti_aliasing=min(grid.scales) < 1, mode="symmetric")
    inner = tuple(slice(n // 8, -n // 8) for n in size)  # the border handling of the two differs
    np.testing.assert_allclose(pixels[inner], expected[inner], atol=1e-5)


@pytest.mark.parametrize("axis", ["y", "x"])
@pytest.mark.parametrize("nm", [(30.0, 10.0, 10.0), (10.0, 10.0, 10.0), (8.0, 20.0, 20.0), (30.0, 8.0, 12.0)])
def test_a_ball_is_round_in_working_pixels(axis: CutAxis, nm: tuple[float, float, float]) -> None:
    shape = tuple(round(900 / size) for size in nm)
    image = volume(ball((shape[0], shape[1], shape[2]), 300.0, *nm), *nm)
    cut = plan_cuts(image, plan(image, scale=1.0), [axis])[0]
    grid = cut.manifest.grid
    middle = grid.shape[0] // 2
    pixels = read_pixels(cut.image, UNIT, grid, Region((middle, 0, 0), (middle + 1, *grid.shape[1:])))
    disc = regionprops((pixels > 0.5).astype(int))[0]
    assert disc.axis_major_length / disc.axis_minor_length < 1.06
    assert cut.sections is not None
    across, _, column = cut.sections.order
    off_centre = (cut.sections.places[middle] - (shape[across] - 1) / 2) * nm[across]
    assert cut.manifest.pixel_size_nm == pytest.approx(nm[column])
    assert disc.area * nm[column] ** 2 == pytest.approx(np.pi * (300.0**2 - off_centre**2), rel=0.06)


def test_the_phantom_keeps_its_pixel_size_across_any_axis() -> None:
    image = phantom((12, 64, 64), pixel_size_nm=8.0, section_nm=24.0).image
    plans = plan_cuts(image, plan(image, pixel_size=16.0), ALL)
    assert [cut.manifest.pixel_size_nm for cut in plans] == pytest.approx([16.0] * 3)
    assert [cut.manifest.grid.shape for cut in plans] == [(12, 8, 8), (8, 5, 8), (8, 5, 8)]
    assert len({cut.manifest.key for cut in plans}) == 3
    assert len({cut.manifest.intensity for cut in plans}) == 1


def test_a_manifest_of_long_voxels_survives_json_and_one_of_cubes_is_as_ever() -> None:
    image = volume(np.zeros((8, 16, 16), np.uint8), 30.0, 10.0, 10.0)
    own, across = (cut.manifest for cut in plan_cuts(image, plan(image), ("z", "y")))
    assert Manifest.from_dict(across.to_dict()) == across
    assert across.grid.stretch == 3.0
    assert set(own.to_dict()["tiles"]["grid"]) == {"voxels", "stride", "scale"}


def test_told_sizes_that_are_all_but_equal_are_those_of_cubes() -> None:
    image = volume(np.zeros((8, 16, 16), np.uint8), 10.0, 10.02, 10.02)
    assert plan_cuts(image, plan(image), ["y"])[0].manifest.grid.stretch == 1.0


def test_voxels_of_unknown_shape_are_taken_for_cubes_and_that_is_said() -> None:
    known, unknown = volume(np.zeros((8, 16, 16), np.uint8), 30, 10, 10), volume(np.zeros((8, 16, 16), np.uint8))
    assert plan_cuts(unknown, plan(unknown), ["y"])[0].manifest.grid.stretch == 1.0
    assert "taken for cubes" in (shape_advice(plan(unknown), ALL) or "")
    assert shape_advice(plan(unknown), ["z"]) is None
    assert shape_advice(plan(known), ALL) is None


def test_features_across_an_axis_lie_next_to_those_of_the_volume(tmp_path: Path) -> None:
    image = volume(np.zeros((8, 16, 16), np.uint8))
    manifest = plan(image)
    named = open_cuts(image, FeatureStore.create(tmp_path / "mine.zarr", manifest), ALL)
    assert [cut.store.path.name for cut in named] == ["mine.zarr", "mine_across_y.zarr", "mine_across_x.zarr"]
    keyed = open_cuts(image, FeatureStore.create(tmp_path / f"{manifest.key}.zarr", manifest), ALL)
    assert [cut.store.path.stem for cut in keyed] == [cut.store.manifest.key for cut in keyed]
    assert len({*(cut.store.path for cut in keyed)}) == 3


def test_a_single_section_cannot_be_cut_across_others() -> None:
    image = open_image(np.zeros((16, 16), np.uint8), name="flat")
    assert len(plan_cuts(image, plan(image), ["z"])) == 1
    with pytest.raises(SettingsError, match="set slicing to z"):
        plan_cuts(image, plan(image), ALL)
