"""Examples, detections and suggestions as they are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.canvas._layers import (
    ExamplesDrawing,
    SuggestionDrawing,
)
from dinoscope.prompts import BoxPrompt, MaskPrompt, PointPrompt, PolygonPrompt, StrokePrompt
from dinoscope.segmentation import Suggestion
from tests.canvas.seen import ORANGE, PLANE, SKY, STEPS, drawn, examples, found, look

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.prompts import Prompt


def centre_of(shown: NDArray[np.uint8]) -> tuple[float, float]:
    """The middle of what is drawn, in pixels from the outer edge of the first."""
    rows, columns = np.nonzero(shown[..., 3])
    return (rows.min() + rows.max() + 1) / 2, (columns.min() + columns.max() + 1) / 2


SQUARE = ((20.0, 20.0), (20.0, 76.0), (76.0, 76.0), (76.0, 20.0))


def rings_of(shown: NDArray[np.uint8]) -> NDArray[np.int64]:
    """First and last pixel (y, x) in the colour of class a."""
    coloured = np.argwhere((np.abs(shown.astype(int) - (*ORANGE, 255)) <= 2).all(axis=-1))
    return np.array([coloured.min(axis=0), coloured.max(axis=0)])


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("step", STEPS)
def test_a_click_is_marked_at_its_voxel_at_every_level(step: float, positive: bool) -> None:
    shown = drawn(examples(PointPrompt((0, 40.0, 71.25), "a", positive)), PLANE, step, tile=32)
    assert shown.shape[:2] == tuple(int(size / step) for size in PLANE)
    assert centre_of(shown) == pytest.approx((40.5 / step, 71.75 / step), abs=0.7)
    at = int(40.5 / step), int(71.75 / step)
    assert shown[at].tolist() == [*ORANGE, 255]


@pytest.mark.parametrize("step", STEPS)
def test_a_mark_has_the_same_size_on_the_screen_at_every_level(step: float) -> None:
    shown = drawn(examples(PointPrompt((0, 48.0, 64.0), "a")), PLANE, step, tile=32)
    rows, columns = np.nonzero(shown[..., 3])
    assert 18 <= rows.max() - rows.min() <= 22
    assert 18 <= columns.max() - columns.min() <= 22


@pytest.mark.parametrize(("step", "small", "large"), [(0.125, 32, 1024), (1, 32, 256), (4, 8, 32)])
def test_marks_have_no_seams_where_tiles_meet(step: float, small: int, large: int) -> None:
    marks = examples(
        PointPrompt((0, 31.5, 63.5), "a"),  # on the corner of four tiles
        PointPrompt((0, 63.3, 31.7), "a"),
        PointPrompt((0, 0.0, 127.0), "b", positive=False),
        PolygonPrompt(0, ((10.0, 20.0), (10.0, 110.0), (80.0, 60.0)), "b"),
        BoxPrompt(0, (15.2, 3.0), (70.5, 90.1), "a"),
        StrokePrompt(0, ((90.0, 5.0), (60.3, 120.0), (5.0, 70.2)), 20.0, "b", positive=False),
        MaskPrompt(0, (50, 20), np.tri(20, dtype=bool), "a"),
    )
    for drawing in (marks, found([(31.3, 63.5), (48.0, 64.0)], [30.0, 61.0])):
        in_pieces, at_once = (drawn(drawing, PLANE, step, tile=tile) for tile in (small, large))
        np.testing.assert_array_equal(in_pieces, at_once)


def test_the_rim_of_a_mark_tells_an_example_from_a_counter_example() -> None:
    for positive, (red, green, blue) in ((True, (255, 255, 255)), (False, (220, 38, 38))):
        shown = drawn(examples(PointPrompt((0, 48.0, 64.0), "a", positive)), PLANE).astype(int)
        whiteness = np.abs(shown - (red, green, blue, 255)).max(axis=-1)
        assert whiteness.min() <= 2


def test_marks_are_in_the_colour_of_their_class_and_only_in_their_section() -> None:
    drawing = examples(PointPrompt((1, 20.0, 20.0), "b"), PolygonPrompt(2, ((4.0, 4.0), (4.0, 40.0), (40.0, 4.0)), "a"))
    assert not drawn(drawing, PLANE, section=0).any()
    points, outlines = drawn(drawing, PLANE, section=1), drawn(drawing, PLANE, section=2)
    assert points[20, 20].tolist() == [*SKY, 255]
    assert outlines[4, 20].tolist() == [*ORANGE, 255]
    assert not points[4, 36].any()
    assert not outlines[14, 14].any()


@pytest.mark.parametrize(
    "kind",
    [
        PointPrompt((0, 48.0, 64.0), "a"),
        PointPrompt((0, 48.0, 64.0), "a", positive=False),
        BoxPrompt(0, (20.2, 30.0), (70.5, 90.1), "a"),
        StrokePrompt(0, ((48.0, 30.0), (48.0, 90.0)), 20.0, "a"),
        MaskPrompt(0, (50, 20), np.tri(20, dtype=bool), "a"),
    ],
)
def test_an_example_that_is_switched_off_is_drawn_as_before_but_fainter(kind: Prompt) -> None:
    on = drawn(examples(kind), PLANE).astype(int)
    off = drawn(ExamplesDrawing((kind,), look, frozenset([kind])), PLANE).astype(int)
    np.testing.assert_allclose(off[..., 3], 0.35 * on[..., 3], atol=1.5)
    solid = on[..., 3] > 100
    np.testing.assert_allclose(off[solid][:, :3], on[solid][:, :3], atol=8)


def test_what_is_switched_off_lies_below_and_makes_no_other_fainter() -> None:
    off, on = PointPrompt((0, 48.0, 66.0), "b"), PointPrompt((0, 48.0, 64.0), "a")
    shown = drawn(ExamplesDrawing((on, off), look, frozenset([off])), PLANE)
    alone = drawn(examples(on), PLANE)
    covered = alone[..., 3] == 255
    np.testing.assert_array_equal(shown[covered], alone[covered])
    assert (shown[..., 3] > 0).sum() > (alone[..., 3] > 0).sum()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("drawing", [PolygonPrompt(0, SQUARE, "a"), BoxPrompt(0, SQUARE[0], SQUARE[2], "a")])
def test_an_outline_runs_through_its_corners_and_leaves_the_middle_free(drawing: Prompt, step: float) -> None:
    low, high = 20.0, 76.0
    shown = drawn(examples(drawing), PLANE, step, tile=32)
    near, far, middle = (int((v + 0.5) / step) for v in (low, high, 48.0))
    for at in ((near, middle), (middle, near), (far, middle), (middle, far)):
        assert shown[at].tolist() == [*ORANGE, 255]
    assert centre_of(shown) == pytest.approx((48.5 / step,) * 2, abs=0.7)
    assert not shown[middle, middle].any()


@pytest.mark.parametrize("step", [0.125, 1])
@pytest.mark.parametrize(("positive", "rim"), [(True, (255, 255, 255)), (False, (220, 38, 38))])
def test_a_stroke_is_tinted_as_wide_as_it_is_with_a_rim_that_tells_the_sign(
    step: float, positive: bool, rim: tuple[int, ...]
) -> None:
    drawing = examples(StrokePrompt(0, ((48.0, 30.0), (48.0, 90.0)), 20.0, "a", positive))
    shown = drawn(drawing, PLANE, step, tile=32)
    column = shown[:, int(60.5 / step)]
    tinted = np.flatnonzero(column[:, 3] == 180)
    np.testing.assert_allclose([tinted.min() * step, (tinted.max() + 1) * step], [38.5, 58.5], atol=1.0)
    assert column[int(48.5 / step)].tolist() == pytest.approx([*ORANGE, 180], abs=2)
    assert (np.abs(column[:, :3].astype(int) - rim).max(axis=1)[column[:, 3] > 200] <= 3).any()
    assert shown[int(48.5 / step), int(22.5 / step), 3] == 180  # the ends are round
    assert not shown[int(39.5 / step), int(21.5 / step)].any()


@pytest.mark.parametrize(("positive", "colour"), [(True, (*ORANGE, 180)), (False, (220, 38, 38, 90))])
def test_a_painted_region_stains_just_its_voxels(positive: bool, colour: tuple[int, ...]) -> None:
    mask = np.random.default_rng(0).random((30, 40)) < 0.5
    drawing = examples(MaskPrompt(0, (50, 80), mask, "a", positive))
    whole = np.zeros(PLANE, bool)
    whole[50:80, 80:120] = mask
    shown = drawn(drawing, PLANE, tile=32)
    np.testing.assert_array_equal(shown[..., 3], whole * colour[3])
    np.testing.assert_allclose(shown[whole][:, :3], [colour[:3]] * int(mask.sum()), atol=2)
    np.testing.assert_array_equal(drawn(drawing, PLANE, 0.125)[..., 3] > 0, np.kron(whole, np.ones((8, 8))) > 0)
    np.testing.assert_array_equal(drawn(drawing, PLANE, 4, tile=32)[..., 3] > 0, whole[2::4, 2::4])


@pytest.mark.parametrize("step", STEPS)
def test_a_ring_is_as_large_as_its_detection_at_every_level(step: float) -> None:
    shown = drawn(found([(50.0, 60.0)], [60.0]), PLANE, step, tile=32)
    edges = np.array([[20.5, 30.5], [80.5, 90.5]]) / step
    np.testing.assert_allclose(rings_of(shown) + 0.5, edges, atol=2)  # the line lies inside of the ellipse
    assert centre_of(shown) == pytest.approx((50.5 / step, 60.5 / step), abs=0.7)
    assert not shown[int(50.5 / step), int(60.5 / step)].any()


def test_rings_in_nm_have_the_shape_of_the_voxels() -> None:
    shown = drawn(found([(1, 48.0, 64.0)], [400.0], (50.0, 10.0, 5.0)), PLANE, section=1)
    (top, left), (bottom, right) = rings_of(shown)
    assert bottom - top == pytest.approx(40, abs=3)
    assert right - left == pytest.approx(80, abs=3)


def test_a_detection_too_small_for_its_level_can_still_be_seen() -> None:
    shown = drawn(found([(48.0, 64.0)], [1.0]), PLANE, 4, tile=32)
    (top, left), (bottom, right) = rings_of(shown)
    assert bottom - top >= 5
    assert right - left >= 5


def test_detections_are_in_the_colour_of_their_class_and_only_in_their_section() -> None:
    drawing = found([(0, 20, 20), (1, 20, 60), (1.4, 60, 60)], [16, 16, 16], (1.0, 1.0, 1.0))
    first, second = (drawn(drawing, PLANE, section=z) for z in (0, 1))
    assert (first[20, 13].tolist(), second[20, 53].tolist()) == ([*ORANGE, 255], [*SKY, 255])
    assert not first[:, 40:].any()
    assert second[60, 53].tolist() == [*ORANGE, 255]
    assert not second[:, :40].any()


def test_without_detections_there_is_nothing_to_see() -> None:
    assert not drawn(found([], []), PLANE).any()


@pytest.mark.parametrize("step", STEPS)
def test_the_ring_of_a_suggestion_is_as_large_at_every_level_and_only_in_its_section(step: float) -> None:
    drawing = SuggestionDrawing(Suggestion((1.0, 50.0, 60.0), "a", 0.9, False), look)
    shown = drawn(drawing, PLANE, step, section=1, tile=32)
    (top, left), (bottom, right) = rings_of(shown)
    middle = np.array([50.5, 60.5]) / step
    np.testing.assert_allclose([(top + bottom + 1) / 2, (left + right + 1) / 2], middle, atol=0.7)
    inside = np.array(shown.shape[:2]) / 2 >= 18  # all of it fits
    if inside.all():
        np.testing.assert_allclose([bottom - top, right - left], 32, atol=3)
    assert not shown[int(middle[0]), int(middle[1])].any()
    assert not drawn(drawing, PLANE, step, section=0, tile=32).any()
