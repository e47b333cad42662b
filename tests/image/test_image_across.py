"""A volume seen across another axis is what NumPy gives, and reads no more than asked for."""

from __future__ import annotations

import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.errors import SettingsError
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image, _across, content_digest, cut_across, open_image
from dinoscope.image._across import Across
from dinoscope.settings import ImageSettings
from dinoscope.tiling import CrossSections, PatchGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

VOXELS = (6, 22, 17)
Y = CrossSections(PatchGrid(VOXELS, 4), "y", 3.0)
X = CrossSections(PatchGrid(VOXELS, 4), "x", 3.0)


def volume(samples: tuple[int, ...] = ()) -> Image:
    values = np.random.default_rng(0).integers(0, 255, (*VOXELS, *samples)).astype(">u2")
    names = "zyxs" if samples else "zyx"
    image = open_image(values, ImageSettings(axes=names), name="v")
    sizes = (Axis("z", 6, 30.0, "nm"), Axis("y", 22, 10.0, "nm"), Axis("x", 17, 10.0, "nm"))
    return Image("v", "array:v", (*sizes, *image.axes[3:]), image.data, coarser=(image.data[:, ::1, :][:, :11, :8],))


@pytest.mark.parametrize("samples", [(), (3,)])
@given(st.data())
def test_any_part_is_that_of_the_transposed_array(samples: tuple[int, ...], data: st.DataObject) -> None:
    image = volume(samples)
    values = image.read(image.extent)
    for cross, turned in [(Y, values.swapaxes(0, 1)), (X, np.moveaxis(values, 2, 0))]:
        expected = turned[cross.places]
        stack = cut_across(image, cross)
        assert stack.shape == expected.shape
        start = tuple(data.draw(st.integers(0, n - 1)) for n in stack.shape)
        stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, stack.shape, strict=True))
        region = Region(start, stop)
        np.testing.assert_array_equal(stack.read(region), expected[region.slices])


def test_axes_say_how_far_sections_are_apart_and_how_long_voxels_are() -> None:
    y, x = cut_across(volume(), Y), cut_across(volume(), X)
    assert y.axes == (Axis("z", 6, 40.0, "nm"), Axis("y", 6, 30.0, "nm"), Axis("x", 17, 10.0, "nm"))
    assert x.axes == (Axis("z", 5, 40.0, "nm"), Axis("y", 6, 30.0, "nm"), Axis("x", 22, 10.0, "nm"))
    assert y.coarser == ()


def test_every_cut_is_an_image_of_its_own() -> None:
    image = volume()
    other = CrossSections(PatchGrid(VOXELS, 4), "y", 1.0)
    cuts = [image, *(cut_across(image, cross) for cross in (Y, X, other))]
    assert len({content_digest(cut) for cut in cuts}) == 4
    assert content_digest(cuts[1]) == content_digest(cut_across(volume(), Y))


def test_a_cut_can_be_sent_to_another_process() -> None:
    cut = cut_across(volume(), Y)
    again = pickle.loads(pickle.dumps(cut.data))
    np.testing.assert_array_equal(again[1:3, 2:4, :], cut.data[1:3, 2:4, :])


class Pages:
    """A volume that counts how often planes of it are decoded, whatever is asked of each."""

    def __init__(self, values: NDArray[Any]) -> None:
        self._values = values
        self.shape, self.dtype = values.shape, values.dtype
        self.decoded = 0

    def __getitem__(self, index: Any) -> NDArray[Any]:
        part: NDArray[Any] = self._values[index]
        self.decoded += part.shape[0]
        return part


@pytest.mark.parametrize("axis", [1, 2])
def test_planes_of_the_file_are_decoded_for_many_sections_at_once(axis: int) -> None:
    pages = Pages(np.random.default_rng(0).integers(0, 255, (20, 90, 80), dtype=np.uint8))
    places = tuple(range(1, pages.shape[axis], 2))
    stack = Across(pages, axis, places)
    turned = np.moveaxis(pages._values, axis, 0)[list(places)]
    for number in range(len(places)):
        for columns in (slice(0, 50), slice(30, None)):  # the tiles of a section, one after the other
            np.testing.assert_array_equal(stack[number, :, columns], turned[number, :, columns])
    assert pages.decoded == 20 * 2 * math.ceil(len(places) / 32)


@pytest.mark.parametrize("slab_bytes", [1, 300, 4000])
@pytest.mark.parametrize("axis", [1, 2])
def test_however_little_is_read_at_once_it_is_the_same(
    axis: int, slab_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_across, "_SLAB_BYTES", slab_bytes)
    values = np.random.default_rng(0).integers(0, 255, (7, 12, 11, 3), dtype=np.uint8)
    stack = Across(values, axis, (0, 3, 4, 9))
    turned = np.moveaxis(values, axis, 0)[[0, 3, 4, 9]]
    np.testing.assert_array_equal(stack[...], turned)
    np.testing.assert_array_equal(stack[1:3, 2:5, 1:9, 1:2], turned[1:3, 2:5, 1:9, 1:2])


@pytest.mark.parametrize("shape", [(8, 9), (1, 8, 9)])
def test_a_single_section_is_refused(shape: tuple[int, ...]) -> None:
    image = open_image(np.zeros(shape, np.uint8), ImageSettings(axes="zyx"[-len(shape) :]), name="flat")
    with pytest.raises(SettingsError, match="'flat' is a single section and cannot be cut across y"):
        cut_across(image, CrossSections(PatchGrid((1, 8, 9), 4), "y"))
