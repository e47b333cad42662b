"""What people do on a canvas, what they see first, and the tiles that they are given."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.canvas import Canvas, Edges, Place
from dinoscope.errors import Cancelled, NotReadyError, PromptError, RegionError
from dinoscope.geometry import Region
from dinoscope.image import Image, open_image
from dinoscope.prompts import BoxPrompt, PointPrompt, PolygonPrompt, StrokePrompt
from dinoscope.session import OBJECTS, Session
from dinoscope.settings import ImageSettings
from tests.canvas.seen import Counting, canvas_of, image_of, layer_of, pixels_of

CLICK = PointPrompt((0, 48.0, 48.0))


@pytest.fixture
def deep(session: Session, stack: Image) -> Canvas:
    """A canvas of the stack, five sections of 60 x 80 voxels."""
    session.image = stack
    return Canvas(session)


# --- gestures


@pytest.mark.parametrize("counter", [False, True])
def test_a_click_is_an_example_at_its_voxel_in_its_section(deep: Canvas, counter: bool) -> None:
    deep.section = 3
    deep.session.brush.choose("vesicle")
    deep.click(10.5, 20.25, counter)
    assert deep.session.prompts == (PointPrompt((3.0, 10.5, 20.25), "vesicle", not counter),)


@pytest.mark.parametrize("counter", [False, True])
def test_a_click_on_a_detection_judges_it(canvas: Canvas, counter: bool) -> None:
    session = canvas.session
    session.prompts = [CLICK]
    session.request("detections")
    canvas.click(105.0, 137.0, counter)
    judged = session.prompts[1]
    assert isinstance(judged, PointPrompt)
    assert judged.positive is not counter
    assert judged.position[1:] == pytest.approx((111.5, 143.5), abs=4)  # the middle of the square


def test_a_click_on_an_object_makes_the_whole_of_it_an_example(canvas: Canvas) -> None:
    session = canvas.session
    session.prompts = [CLICK]
    session.request(*OBJECTS)
    canvas.click(105.0, 137.0)
    judged = session.prompts[1]
    assert isinstance(judged, PolygonPrompt)
    (_, *low), (_, *high) = judged.bounds
    np.testing.assert_allclose([low, high], [[96, 128], [127, 159]], atol=4)  # as exact as a patch


def test_what_is_hidden_is_not_judged(canvas: Canvas) -> None:
    session = canvas.session
    session.prompts = [CLICK]
    session.request(*OBJECTS)
    canvas.settings.objects = canvas.settings.detections = False
    canvas.click(105.0, 137.0)
    assert session.prompts[1] == PointPrompt((0, 105.0, 137.0))


def voxels_in(prompt: BoxPrompt) -> list[list[int]]:
    """First and last voxel (y, x) whose centre lies in a box."""
    (_, *low), (_, *high) = prompt.bounds
    return [[math.ceil(v) for v in low], [math.floor(v) for v in high]]


ends = st.tuples(*[st.floats(-20, 100) | st.integers(-40, 200).map(lambda n: n / 2)] * 2).map(sorted)


@given(rows=ends, columns=ends, counter=st.booleans())
def test_a_box_is_the_voxels_whose_centres_are_in_it(rows: list[float], columns: list[float], counter: bool) -> None:
    session = Session()
    session.image = open_image(np.zeros((3, 60, 80), np.uint8), ImageSettings(axes="zyx"))
    canvas = Canvas(session)
    canvas.section = 2
    edges = rows[0], columns[0], rows[1], columns[1]
    inside = [[i for i in range(size) if low <= i + 0.5 < high] for size, (low, high) in ((60, rows), (80, columns))]
    if not all(inside):
        with pytest.raises(PromptError, match="smaller than a voxel"):
            canvas.box(edges, counter)
        assert session.prompts == ()
        return
    canvas.box(edges, counter)
    (drawn,) = session.prompts
    assert isinstance(drawn, BoxPrompt)
    assert (drawn.section, drawn.positive) == (2, not counter)
    assert voxels_in(drawn) == [[inside[0][0], inside[1][0]], [inside[0][-1], inside[1][-1]]]


@pytest.mark.parametrize("edges", [(9, 9, 5, 20), (9, 20, 15, 10), (-9, -9, -1, 20), (61, 5, 70, 9), (5, 5, 5.4, 9)])
def test_an_empty_box_is_no_example(deep: Canvas, edges: Edges) -> None:
    with pytest.raises(PromptError):
        deep.box(edges)
    assert deep.session.prompts == ()


def test_lines_are_examples_in_the_section_that_is_shown(deep: Canvas) -> None:
    deep.section = 2
    line = [(3.0, 4.0), (20.0, 4.0), (20.0, 30.0)]
    deep.stroke(line, 5.0)
    deep.outline(line, counter=True)
    assert deep.session.prompts == (StrokePrompt(2, tuple(line), 5.0), PolygonPrompt(2, tuple(line), positive=False))


def test_without_an_image_a_box_is_no_example(session: Session) -> None:
    with pytest.raises(PromptError):
        Canvas(session).box((0, 0, 5, 5))


# --- sections and what is in sight


@pytest.mark.parametrize(("wanted", "shown"), [(2, 2), (-3, 0), (4, 4), (5, 4), (99, 4)])
def test_sections_are_those_that_there_are(deep: Canvas, wanted: int, shown: int) -> None:
    assert deep.sections == 5
    deep.section = wanted
    assert deep.section == shown


def test_a_single_section_is_the_only_one(canvas: Canvas) -> None:
    canvas.section = 3
    assert (canvas.section, canvas.sections) == (0, 1)


def test_another_section_is_told_and_the_same_one_is_not(deep: Canvas) -> None:
    told: list[int] = []
    deep.changed.connect(lambda: told.append(deep.section))
    deep.section = 2
    deep.section = 2
    deep.section = 99
    deep.section = 77
    assert told == [2, 4]


def test_the_view_goes_along_with_the_section(deep: Canvas) -> None:
    deep.section = 1
    assert (deep.view, deep.session.view) == (None, None), "nobody has said yet what is in sight"
    deep.look((10, 20, 30, 50))
    deep.section = 4
    assert deep.view == deep.session.view == Region((4, 10, 20), (5, 30, 50))


def test_another_image_begins_with_its_first_section_and_no_view(deep: Canvas, squares: Image) -> None:
    deep.section = 3
    deep.look((1, 1, 9, 9))
    seen: list[tuple[int, Region | None]] = []
    deep.changed.connect(lambda: seen.append((deep.section, deep.view)))
    deep.session.image = squares
    assert seen == [(0, None)]
    assert deep.session.view is None


def test_a_view_is_told_when_it_is_another(deep: Canvas) -> None:
    told: list[Region | None] = []
    deep.looked.connect(lambda: told.append(deep.view))
    deep.look((1, 1, 9, 9))
    deep.section = 2
    deep.look((70, 1, 90, 9))
    assert told == [Region((0, 1, 1), (1, 9, 9)), Region((2, 1, 1), (3, 9, 9))]


@pytest.mark.parametrize(
    ("edges", "start", "stop"),
    [
        ((10.2, 20.9, 30.1, 50.0), (10, 20), (31, 50)),  # voxels that are in sight in part are in sight
        ((-100, -5.5, 30, 500), (0, 0), (30, 80)),
        ((-9, -9, 99, 99), (0, 0), (60, 80)),
    ],
)
def test_what_is_in_sight_is_whole_voxels_of_the_image(
    deep: Canvas, edges: Edges, start: tuple[int, int], stop: tuple[int, int]
) -> None:
    deep.section = 2
    deep.look(edges)
    assert deep.view == deep.session.view == Region((2, *start), (3, *stop))


@pytest.mark.parametrize("edges", [(-50, 0, -1, 80), (60, 0, 70, 80), (0, 80, 60, 90), (30, 30, 30, 40)])
def test_looking_past_the_image_changes_nothing(deep: Canvas, edges: Edges) -> None:
    deep.look((10, 20, 30, 50))
    before = deep.view
    deep.look(edges)
    assert deep.view == deep.session.view == before


def test_looking_needs_an_image(session: Session) -> None:
    canvas = Canvas(session)
    canvas.look((0, 0, 10, 10))
    assert (canvas.view, session.view) == (None, None)


def test_several_canvases_show_one_session_each_in_its_own_way(deep: Canvas) -> None:
    other = Canvas(deep.session)
    deep.section = 3
    deep.settings.examples = False
    deep.click(10.0, 20.0)
    assert other.section == 0
    assert [layer.name for layer in other.layers] == ["image", "examples"]
    assert [layer.name for layer in deep.layers] == ["image"]


def test_flying_to_a_voxel_keeps_the_size_of_what_is_in_sight(deep: Canvas) -> None:
    assert deep.fly_to((1.0, 29.5, 39.5)) == (0, 0, 60, 80)
    deep.look((10, 20, 30, 50))
    assert deep.fly_to((4.0, 40.0, 60.0)) == (30.5, 45.5, 50.5, 75.5)
    assert deep.section == 4


def test_flying_from_above_goes_nearer(session: Session) -> None:
    canvas = canvas_of(session, image_of(Counting(4000, 2000)))
    assert canvas.fly_to((0.0, 1000.0, 1000.0)) == (500.5, 750.5, 1500.5, 1250.5)
    canvas.look((0, 0, 300, 400))
    assert canvas.fly_to((0.0, 1000.0, 1000.0)) == (850.5, 800.5, 1150.5, 1200.5)


# --- tiles


def test_the_image_is_given_as_jpeg_and_what_lies_over_it_as_png(canvas: Canvas) -> None:
    canvas.session.prompts = [CLICK]
    canvas.session.request("similarity")
    place = Place(0, 0, 0, 0)
    kinds = {layer.name: canvas.draw(layer.name, place).mime for layer in canvas.layers}
    assert kinds.pop("image") == "image/jpeg"
    assert set(kinds.values()) == {"image/png"}
    assert pixels_of(canvas.draw("mask", place)).shape == (160, 200, 4)


def test_a_tile_looks_like_the_image(canvas: Canvas) -> None:
    canvas.settings.black_at, canvas.settings.white_at = 0, 1
    shown = pixels_of(canvas.draw("image", Place(0, 0, 0, 0))).astype(float)
    assert canvas.image is not None
    truth = np.asarray(canvas.image.data[:, :]) * 255
    assert shown.shape == truth.shape
    assert np.abs(shown - truth).mean() < 4
    assert shown[40:56, 40:56].mean() > 180 > 60 > shown[70:90, 70:90].mean()


def test_a_section_of_its_own_is_drawn_whatever_is_in_sight(deep: Canvas) -> None:
    deep.settings.black_at, deep.settings.white_at = 0, 1
    tiles = [deep.draw("image", Place(z, 0, 0, 0)).data for z in range(5)]
    assert len(set(tiles)) == 5
    deep.section = 3
    assert deep.draw("image", Place(1, 0, 0, 0)).data == tiles[1]


def test_marks_are_drawn_magnified(canvas: Canvas) -> None:
    canvas.click(48.0, 48.0)
    pyramid = layer_of(canvas, "examples").pyramid
    assert pyramid.step(pyramid.levels - 1) == 0.125
    finest = pixels_of(canvas.draw("examples", Place(0, pyramid.levels - 1, 1, 1)))  # voxels 32 to 63
    rows, columns = np.nonzero(finest[..., 3])
    assert (rows.min() + rows.max() + 1) / 2 == pytest.approx(16.5 * 8, abs=1)
    assert (columns.min() + columns.max() + 1) / 2 == pytest.approx(16.5 * 8, abs=1)


def test_tiles_can_be_drawn_in_other_threads(canvas: Canvas) -> None:
    canvas.session.prompts = [CLICK]
    canvas.session.request("similarity", *OBJECTS)
    asked = [(layer.name, Place(0, 0, 0, 0)) for layer in canvas.layers] * 8
    expected = [canvas.draw(*tile) for tile in asked]
    fresh = Canvas(canvas.session)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda tile: fresh.draw(*tile), asked)) == expected


@pytest.mark.parametrize("name", ["mask", "similarity object", "nothing", ""])
def test_a_layer_that_is_not_there_is_told(canvas: Canvas, name: str) -> None:
    with pytest.raises(NotReadyError, match="there is no layer"):
        canvas.draw(name, Place(0, 0, 0, 0))


def test_a_layer_that_is_gone_is_told(canvas: Canvas) -> None:
    canvas.session.prompts = [CLICK]
    canvas.draw("examples", Place(0, 0, 0, 0))
    canvas.session.prompts = []
    with pytest.raises(NotReadyError):
        canvas.draw("examples", Place(0, 0, 0, 0))
    canvas.close()
    with pytest.raises(NotReadyError):
        canvas.draw("image", Place(0, 0, 0, 0))


def test_tiles_and_sections_that_are_not_there_are_refused(deep: Canvas) -> None:
    deep.click(10.0, 10.0)
    for layer in deep.layers:
        levels = layer.pyramid.levels
        deep.draw(layer.name, Place(4, levels - 1, 0, 0))
        for place in (Place(-1, 0, 0, 0), Place(5, 0, 0, 0), Place(0, levels, 0, 0), Place(0, 0, 1, 0)):
            with pytest.raises(RegionError):
                deep.draw(layer.name, place)


@pytest.mark.parametrize("name", ["image", "similarity object", "mask", "objects"])
def test_a_tile_that_nobody_wants_is_not_drawn(canvas: Canvas, name: str) -> None:
    canvas.session.prompts = [CLICK]
    canvas.session.request("similarity", *OBJECTS)
    with pytest.raises(Cancelled):
        canvas.draw(name, Place(0, 0, 0, 0), lambda: False)
