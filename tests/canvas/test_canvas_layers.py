"""What every layer looks like: colours at known values, and marks at known places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.canvas import Contrast, Place, Planes, _layers, measure_contrast
from dinoscope.canvas._layers import (
    MARKED,
    ColoursDrawing,
    MaskDrawing,
    ObjectsDrawing,
    PictureDrawing,
    SimilarityDrawing,
    SuggestionDrawing,
    UncertaintyDrawing,
)
from dinoscope.errors import Cancelled, RegionError
from dinoscope.features import ImageFacts
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.segmentation import Suggestion, segment
from dinoscope.settings import SegmentationSettings, ViewSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.tiling import PatchGrid, Pyramid
from tests.canvas.seen import ORANGE, SKY, drawn, examples, found, look

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.canvas._layers import Drawing


# --- the image


def picture(pixels: Any, contrast: Contrast, tile: int = 256) -> PictureDrawing:
    data = np.asarray(pixels)
    return PictureDrawing(Planes([data], False, Pyramid(data.shape[:2], tile)), lambda: contrast)


def test_shades_run_evenly_from_black_to_white_and_end_there() -> None:
    shown = drawn(picture([[9.0, 10.0, 12.5, 15.0, 20.0, 21.0]], Contrast(10, 20)), (1, 6))
    assert shown.dtype == np.uint8
    assert shown.tolist() == [[0, 0, 64, 128, 255, 255]]


def test_what_is_no_number_is_black_and_what_is_endless_is_the_end_of_the_shades() -> None:
    shown = drawn(picture([[np.nan, -np.inf, np.inf, 15.0]], Contrast(10, 20)), (1, 4))
    assert shown.tolist() == [[0, 0, 255, 128]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.float64, bool])
def test_images_of_any_kind_have_shades(dtype: Any) -> None:
    shown = drawn(picture(np.array([[0, 1]], dtype), Contrast(0, 1)), (1, 2))
    assert shown.tolist() == [[0, 255]]


def test_the_negative_is_shown_where_black_is_above_white() -> None:
    assert drawn(picture([[0.0, 5.0, 10.0]], Contrast(10, 0)), (1, 3)).tolist() == [[255, 128, 0]]


def test_black_and_white_at_one_intensity_divide_by_nothing() -> None:
    assert drawn(picture([[6.0, 7.0, 8.0]], Contrast(7, 7)), (1, 3)).tolist() == [[0, 0, 255]]


def test_colours_stay_colours() -> None:
    pixels = np.array([[[0, 51, 102], [255, 0, 204]]], np.uint8)
    np.testing.assert_array_equal(drawn(picture(pixels, Contrast(0, 255)), (1, 2)), pixels)


def test_of_coarse_tiles_the_means_are_shown() -> None:
    checks = np.kron(np.array([[10.0, 14.0], [20.0, 12.0]]), np.ones((4, 4)))
    checks[::2] -= 1
    checks[1::2] += 1
    assert drawn(picture(checks, Contrast(10, 20), tile=2), (8, 8), step=4, tile=2).tolist() == [[0, 102], [255, 51]]


def ends_of(pixels: NDArray[np.float64]) -> tuple[float, float]:
    contrast = measure_contrast(open_image(pixels))
    return contrast.black, contrast.white


def test_the_contrast_spans_nearly_all_intensities() -> None:
    ramp = np.random.default_rng(0).permutation(np.arange(1000.0)).reshape(20, 50)
    assert ends_of(ramp) == pytest.approx((4.995, 994.005))


def test_what_is_no_finite_number_does_not_count_for_the_contrast() -> None:
    assert ends_of(np.array([[0.0, 100.0, np.nan, np.inf, -np.inf]])) == pytest.approx((0.5, 99.5))


@pytest.mark.parametrize(("fill", "black"), [(7.0, 7.0), (np.nan, 0.0)])
def test_images_without_contrast_are_black(fill: float, black: float) -> None:
    contrast = measure_contrast(open_image(np.full((6, 7), fill)))
    assert contrast == Contrast(black, black + 1)
    assert not contrast.shades(np.full((6, 7), fill)).any()


def test_told_numbers_take_the_place_of_those_that_were_measured() -> None:
    measured = Contrast(1.0, 9.0)
    assert measured.adjusted(ViewSettings()) == measured
    assert measured.adjusted(ViewSettings(black_at=2)) == Contrast(2, 9)
    assert measured.adjusted(ViewSettings(white_at=3.5)) == Contrast(1, 3.5)


# --- what comes from the map


def similarity_of(values: Any, stride: int = 1, voxels: tuple[int, int, int] | None = None) -> SimilarityMap:
    """A map of the classes a and b, or of the first of them, from values of shape (K, z, gy, gx)."""
    patches = np.asarray(values, np.float32)
    z, gy, gx = patches.shape[1:]
    grid = PatchGrid(voxels or (z, gy * stride, gx * stride), stride)
    return SimilarityMap(("a", "b")[: len(patches)], patches, grid, np.ones(len(patches), np.float32))


def row_of(*values: float) -> list[list[list[list[float]]]]:
    """A map of one class, one section and one row of patches."""
    return [[[list(values)]]]


def test_the_ends_of_the_similarities_have_the_ends_of_viridis_and_of_opacity() -> None:
    shown = drawn(SimilarityDrawing(similarity_of(row_of(0, 1)), 0), (1, 2))
    assert shown.tolist() == [[[68, 1, 84, 0], [253, 231, 37, 255]]]


@pytest.mark.parametrize("value", [0.1, 0.25, 0.5, 0.75, 0.9])
def test_similarities_are_shown_in_viridis_the_more_opaque_the_more_alike(value: float) -> None:
    shown = drawn(SimilarityDrawing(similarity_of(row_of(value)), 0), (1, 1))[0, 0]
    np.testing.assert_allclose(shown[:3], np.array(mpl.colormaps["viridis"](value)[:3]) * 255, atol=8)
    assert shown[3] == pytest.approx(value * 255, abs=0.51)


def test_between_the_centres_of_patches_similarities_change_evenly() -> None:
    shown = drawn(SimilarityDrawing(similarity_of(row_of(0, 1), 4), 0), (4, 8))
    assert shown[0, :, 3].tolist() == [0, 0, 32, 96, 159, 223, 255, 255]  # eighths of 255: 1, 3, 5 and 7
    assert (shown == shown[:1]).all()


def test_at_coarse_levels_the_middle_of_every_pixel_is_looked_at() -> None:
    drawing = SimilarityDrawing(similarity_of(row_of(0.2, 1, 0.6, 0), 4, (1, 4, 16)), 0)
    assert drawn(drawing, (4, 16), step=4, tile=4)[0, :, 3].tolist() == [51, 255, 153, 0]


def test_every_class_and_every_section_has_its_own_map() -> None:
    values = np.arange(4).reshape(2, 2, 1, 1) / 5
    for k in (0, 1):
        for z in (0, 1):
            shown = drawn(SimilarityDrawing(similarity_of(values), k), (1, 1), section=z)
            assert shown[0, 0, 3] == 51 * (2 * k + z)


def test_doubt_is_greatest_at_the_threshold() -> None:
    similarity = similarity_of(row_of(0, 0.25, 0.5, 0.75, 1))
    shown = drawn(UncertaintyDrawing(similarity, np.array([0.5], np.float32)), (1, 5))
    assert shown[0, :, 3].tolist() == [0, 128, 255, 128, 0]
    assert shown[0, 2, :3].tolist() == [252, 253, 191]  # the upper end of magma
    assert shown[0, 0, :3].tolist() == [0, 0, 4]


def test_the_mask_begins_where_the_threshold_is_reached() -> None:
    similarity = similarity_of(row_of(0.5, 0.74, 0.75, 1.0))
    shown = drawn(MaskDrawing(similarity, np.array([0.75], np.float32), look), (1, 4))
    assert shown.tolist() == [[[0, 0, 0, 0], [0, 0, 0, 0], [*ORANGE, 255], [*ORANGE, 255]]]


def test_where_several_classes_reach_their_thresholds_the_most_similar_one_shows() -> None:
    similarity = similarity_of([row_of(0.6, 0.6, 0.6, 0.2)[0], row_of(0.5, 0.8, 0.9, 0.9)[0]])
    shown = drawn(MaskDrawing(similarity, np.array([0.5, 0.85], np.float32), look), (1, 4))
    assert shown[0, :, :3].tolist() == [list(ORANGE), list(ORANGE), list(SKY), list(SKY)]


def random_map(seed: int, voxels: tuple[int, int, int] = (2, 50, 70), stride: int = 7) -> SimilarityMap:
    z, gy, gx = PatchGrid(voxels, stride).shape
    return similarity_of(np.random.default_rng(seed).random((2, z, gy, gx)), stride, voxels)


@given(st.integers(0, 99), st.floats(0.05, 0.95))
def test_the_mask_shows_just_the_voxels_that_a_segmentation_takes(seed: int, threshold: float) -> None:
    similarity = random_map(seed)
    facts = ImageFacts("i", "array:i", "zyx", (2, 50, 70), (5.0,) * 3, ("nm",) * 3, "digest")
    mask = segment(similarity, facts, SegmentationSettings(threshold=threshold)).mask[:]
    cuts = np.full(2, threshold, np.float32)
    for z in (0, 1):
        shown = drawn(MaskDrawing(similarity, cuts, look), (50, 70), section=z, tile=16)
        expected = np.array([(0, 0, 0, 0), (*ORANGE, 255), (*SKY, 255)], np.uint8)[mask[z]]
        np.testing.assert_array_equal(shown, expected)


def test_the_coarse_mask_is_the_fine_one_at_the_middle_of_every_pixel() -> None:
    similarity = similarity_of(row_of(*(np.arange(16) % 4 / 4)), 4, (1, 4, 64))
    drawing = MaskDrawing(similarity, np.array([0.5], np.float32), look)
    coarse = drawn(drawing, (4, 64), step=4, tile=16)
    assert coarse[0, :, 3].tolist() == [0, 0, 255, 255] * 4


@pytest.mark.parametrize("step", [1, 2, 8])
def test_a_tile_is_the_same_in_however_many_strips(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    similarity, cuts = random_map(3), np.full(2, 0.5, np.float32)
    drawings: tuple[Drawing, ...] = (
        SimilarityDrawing(similarity, 1),
        UncertaintyDrawing(similarity, cuts),
        MaskDrawing(similarity, cuts, look),
    )
    whole = [drawn(drawing, (50, 70), step, tile=8) for drawing in drawings]
    monkeypatch.setattr(_layers, "_AT_ONCE", 20)
    for drawing, expected in zip(drawings, whole, strict=True):
        np.testing.assert_array_equal(drawn(drawing, (50, 70), step, tile=8), expected)


def test_a_tile_that_nobody_wants_any_more_is_given_up_between_two_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_layers, "_AT_ONCE", 1)
    drawing = SimilarityDrawing(random_map(0), 0)
    asked: list[None] = []

    def wanted() -> bool:
        asked.append(None)
        return len(asked) < 4

    with pytest.raises(Cancelled):
        drawing.draw(Pyramid((50, 70), 256), Place(0, 0, 0, 0), wanted)
    assert len(asked) == 4


# --- objects and colours


def test_objects_have_seven_colours_in_turn() -> None:
    labels = np.array([[0, 1, 2, 7, 8, 9]], np.uint32)
    planes = Planes([labels], False, Pyramid((1, 6)), "pick")
    shown = drawn(ObjectsDrawing(planes), (1, 6))
    assert shown[0, 0].tolist() == [0, 0, 0, 0]
    assert shown[0, [1, 2]].tolist() == [[*ORANGE, 255], [*SKY, 255]]
    assert (shown[0, [1, 2]] == shown[0, [4, 5]]).all()
    assert len({tuple(colour) for colour in shown[0, 1:4].tolist()}) == 3


def test_objects_are_never_mixed_at_coarse_levels() -> None:
    labels = np.random.default_rng(0).integers(0, 3, (64, 64)).astype(np.uint32)
    planes = Planes([labels], False, Pyramid((64, 64), 2), "pick")
    shown = drawn(ObjectsDrawing(planes), (64, 64), step=32, tile=2)
    assert {tuple(c) for c in shown.reshape(-1, 4).tolist()} <= {(0, 0, 0, 0), (*ORANGE, 255), (*SKY, 255)}


def colours_of(*shape: int) -> NDArray[np.float32]:
    """Random colours for sections of patches, in steps of 1 / 255."""
    return (np.random.default_rng(1).integers(0, 256, (*shape, 3)) / 255).astype(np.float32)


def test_every_patch_is_a_square_in_its_colour() -> None:
    colours = colours_of(2, 3, 4)
    drawing = ColoursDrawing(colours, PatchGrid((2, 11, 15), 4))  # the last patches reach past the image
    for z in (0, 1):
        shown = drawn(drawing, (11, 15), section=z, tile=8)
        squares = np.kron(colours[z] * 255, np.ones((4, 4, 1)))[:11, :15]
        np.testing.assert_array_equal(shown[..., :3], squares.round())
        assert (shown[..., 3] == 255).all()


def test_patches_of_a_resampled_image_are_as_large_as_there() -> None:
    colours = colours_of(1, 2, 2)
    shown = drawn(ColoursDrawing(colours, PatchGrid((1, 16, 16), 4, scale=0.5)), (16, 16))
    np.testing.assert_array_equal(shown[..., :3], np.kron(colours[0] * 255, np.ones((8, 8, 1))).round())


def test_coarse_pixels_have_the_colour_of_the_patch_in_their_middle() -> None:
    colours = colours_of(1, 11, 11)
    shown = drawn(ColoursDrawing(colours, PatchGrid((1, 32, 32), 3)), (32, 32), step=4, tile=8)
    covering = [(4 * pixel + 2) // 3 for pixel in range(8)]  # the middle of a pixel lies between two voxels
    np.testing.assert_array_equal(shown[..., :3], (colours[0][np.ix_(covering, covering)] * 255).round())


def test_where_there_are_no_features_yet_nothing_hides_the_image() -> None:
    colours = colours_of(1, 1, 2)
    colours[0, 0, 1] = np.nan
    assert drawn(ColoursDrawing(colours, PatchGrid((1, 2, 4), 2)), (2, 4))[0, :, 3].tolist() == [255, 255, 0, 0]


@pytest.mark.parametrize(
    "drawing",
    [
        SimilarityDrawing(similarity_of(row_of(1), 8), 0),
        MaskDrawing(similarity_of(row_of(1), 8), np.ones(1, np.float32), look),
        UncertaintyDrawing(similarity_of(row_of(1), 8), np.ones(1, np.float32)),
        ColoursDrawing(colours_of(1, 1, 1), PatchGrid((1, 8, 8), 8)),
        ObjectsDrawing(Planes([np.ones((8, 8), np.uint32)], False, Pyramid((8, 8)), "pick")),
        picture(np.ones((8, 8)), Contrast(0, 1)),
        examples(PointPrompt((0, 1.0, 1.0), "a")),
        found([(1.0, 1.0)], [2.0]),
        SuggestionDrawing(Suggestion((0.0, 1.0, 1.0), "a", 0.9, False), look),
    ],
    ids=lambda drawing: type(drawing).__name__,
)
def test_tiles_that_are_not_there_are_refused(drawing: Drawing) -> None:
    pyramid = Pyramid((8, 8), 256, drawing.magnified)
    assert drawing.magnified in (0, MARKED)
    for place in (Place(0, 0, 1, 0), Place(0, 0, 0, -1), Place(0, pyramid.levels, 0, 0), Place(0, -1, 0, 0)):
        with pytest.raises(RegionError):
            drawing.draw(pyramid, place, lambda: True)
