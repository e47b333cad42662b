"""Which layers there are after what happened to the session, and which of them have to be drawn anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.canvas import Canvas, Contrast, _scene, measure_contrast
from dinoscope.canvas._layers import ExamplesDrawing
from dinoscope.errors import NotReadyError
from dinoscope.geometry import Region
from dinoscope.image import Image, open_image
from dinoscope.prompts import PointPrompt
from dinoscope.session import OBJECTS, Session
from dinoscope.settings import ImageSettings
from tests.canvas.seen import BOTH, CLICK, COUNTER, OTHER, drawn_anew, layer_of, names, told

if TYPE_CHECKING:
    from psygnal import SignalGroup


# --- the image and the examples


def test_without_an_image_there_is_nothing(session: Session) -> None:
    canvas = Canvas(session)
    assert canvas.layers == ()
    assert (canvas.image, canvas.plane, canvas.sections) == (None, (0, 0), 1)
    with pytest.raises(NotReadyError, match="there is no image"):
        _ = canvas.contrast


def test_an_image_is_shown_under_its_name(session: Session, squares: Image) -> None:
    canvas = Canvas(session)
    log = told(canvas)
    session.image = squares
    assert names(canvas) == ["image"]
    assert layer_of(canvas, "image").title == "squares"
    assert layer_of(canvas, "image").pyramid.plane == canvas.plane == (160, 200)
    assert log == [["image"]]
    assert canvas.image is squares


def test_examples_come_and_go_and_nothing_else_is_drawn_for_them(canvas: Canvas) -> None:
    session, log = canvas.session, told(canvas)
    image = layer_of(canvas, "image")
    session.prompts = [CLICK]
    assert names(canvas) == ["image", "examples"]
    assert drawn_anew(canvas, lambda: setattr(session, "prompts", [CLICK, COUNTER])) == {"examples"}
    session.prompts = []
    assert canvas.layers == (image,)
    assert len(log) == 3


def test_an_example_that_is_switched_off_is_drawn_anew(canvas: Canvas) -> None:
    session = canvas.session
    session.prompts = [CLICK, COUNTER]
    assert drawn_anew(canvas, lambda: setattr(session, "muted", {1})) == {"examples"}
    drawing = layer_of(canvas, "examples").drawing
    assert isinstance(drawing, ExamplesDrawing)
    assert drawing.muted == {COUNTER}


def test_another_image_takes_everything_away(canvas: Canvas) -> None:
    session = canvas.session
    session.prompts = [CLICK]
    session.request("similarity", "colours", *OBJECTS)
    log = told(canvas)
    before = layer_of(canvas, "image").version
    session.image = open_image(np.zeros((30, 40), np.uint8), name="other")
    assert names(canvas) == ["image"]
    assert layer_of(canvas, "image").version != before
    assert canvas.plane == (30, 40)
    assert log[-1] == ["image"]
    session.image = None
    assert names(canvas) == log[-1] == []


def test_another_image_has_its_own_contrast(canvas: Canvas, squares: Image) -> None:
    assert canvas.contrast == measure_contrast(squares)
    canvas.session.image = open_image(np.array([[5.0, 5.0], [9.0, 9.0]]))
    assert canvas.contrast == Contrast(5, 9)


def test_a_contrast_that_comes_too_late_is_not_taken_for_that_of_the_next_image(
    canvas: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = open_image(np.array([[5.0, 5.0], [9.0, 9.0]]))

    def slowly(image: Image) -> Contrast:
        if image is not later:  # meanwhile, as another thread may do it
            canvas.session.image = later
        return measure_contrast(image)

    monkeypatch.setattr(_scene, "measure_contrast", slowly)
    _ = canvas.contrast
    assert canvas.image is later
    assert canvas.contrast == Contrast(5, 9)


def test_the_contrast_is_measured_once_and_when_it_is_asked_for(
    session: Session, squares: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Image] = []

    def measure(image: Image) -> Contrast:
        measured.append(image)
        return Contrast(0, 1)

    monkeypatch.setattr(_scene, "measure_contrast", measure)
    session.image = squares
    canvas = Canvas(session)
    session.prompts = [CLICK]
    session.request("similarity")
    assert measured == []
    canvas.settings.black_at = 0.5
    assert (canvas.contrast, canvas.contrast) == (Contrast(0.5, 1),) * 2
    assert measured == [squares]


def test_a_told_pixel_size_shows_at_once_and_leaves_the_picture_alone(session: Session, stack: Image) -> None:
    session.image = stack
    canvas = Canvas(session)
    canvas.section = 3
    canvas.look((10, 10, 30, 30))
    before = layer_of(canvas, "image").version
    session.tell_pixel_size(7.0)
    assert canvas.image is session.image
    session.prompts = [PointPrompt((3, 10.0, 10.0))]
    assert layer_of(canvas, "image").version == before
    assert (canvas.section, canvas.view) == (3, Region((3, 10, 10), (4, 30, 30)))


def test_the_same_array_with_other_axes_is_another_image(session: Session) -> None:
    pixels = np.random.default_rng(0).random((8, 9, 3))
    canvas = Canvas(session)
    session.image = open_image(pixels, ImageSettings(axes="yxs"))
    assert (canvas.plane, canvas.sections) == ((8, 9), 1)
    session.image = open_image(pixels, ImageSettings(axes="zyx"))
    assert (canvas.plane, canvas.sections) == ((9, 3), 8)


# --- the map


def test_a_map_is_shown_with_what_is_cut_out_of_it(canvas: Canvas) -> None:
    session, log = canvas.session, told(canvas)
    session.prompts = [CLICK]
    session.request("similarity")
    assert names(canvas) == ["image", "similarity object", "mask", "examples"]
    titles = [layer.title for layer in canvas.layers]
    assert titles == ["squares", "Similarity", "Mask", "Examples"]
    assert log[-1] == names(canvas)


def test_every_class_has_its_map_as_long_as_there_is_the_class(canvas: Canvas) -> None:
    session = canvas.session
    session.prompts = BOTH
    session.request("similarity")
    assert names(canvas) == ["image", "similarity square", "similarity ground", "mask", "examples"]
    assert layer_of(canvas, "similarity ground").title == "Similarity to ground"
    session.prompts = BOTH[:1]
    session.request("similarity")
    assert names(canvas) == ["image", "similarity square", "mask", "examples"]


def test_the_threshold_moves_the_mask_and_not_the_map(canvas: Canvas) -> None:
    session = canvas.session
    canvas.settings.uncertainty = True
    session.prompts = [CLICK]
    session.request("similarity")
    log = told(canvas)
    moved = drawn_anew(canvas, lambda: setattr(session.settings.segmentation, "threshold", 0.9))
    assert moved == {"mask", "uncertainty"}
    assert log
    mask: Any = layer_of(canvas, "mask").drawing
    assert mask.thresholds.tolist() == pytest.approx([0.9])


def test_refining_moves_the_mask_and_not_the_map(canvas: Canvas) -> None:
    session = canvas.session
    session.prompts = [CLICK]
    session.request("similarity")
    mask: Any = layer_of(canvas, "mask").drawing
    assert mask.similarity.evidence is not None
    log = told(canvas)
    assert drawn_anew(canvas, lambda: setattr(session.settings.segmentation, "refine", "none")) >= {"mask"}
    assert log
    plain: Any = layer_of(canvas, "mask").drawing
    assert plain.similarity.evidence is None
    assert (plain.thresholds < mask.thresholds).all()


def test_the_threshold_without_a_map_shows_nothing(canvas: Canvas) -> None:
    canvas.session.settings.segmentation.threshold = 0.9
    assert names(canvas) == ["image"]


def test_a_map_that_nobody_keeps_current_goes_with_its_examples(canvas: Canvas) -> None:
    session = canvas.session
    session.prompts = [CLICK]
    session.request("similarity")
    session.prompts = [CLICK, OTHER]
    assert names(canvas) == ["image", "examples"]


def test_a_canvas_begins_with_what_the_session_has(canvas: Canvas) -> None:
    session = canvas.session
    session.prompts = [CLICK]
    session.request("similarity", "colours", *OBJECTS)
    assert names(Canvas(session)) == names(canvas)
    assert names(canvas) == ["image", "colours", "similarity object", "objects", "detections", "examples"]


def test_a_map_that_fills_up_is_drawn_anew_now_and_then(canvas: Canvas, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def note() -> None:
        seen.extend(layer.version for layer in canvas.layers if layer.name == "similarity object")

    canvas.changed.connect(note)
    session = canvas.session
    session.view = Region((0, 30, 30), (1, 60, 60))
    session.prompts = [CLICK]
    monkeypatch.setattr(_scene, "_REFRESH_S", 1e9)
    session.request("similarity")
    rarely = len(set(seen))
    monkeypatch.setattr(_scene, "_REFRESH_S", -1)
    session.prompts = [CLICK, OTHER]
    seen.clear()
    session.request("similarity")
    assert len(set(seen)) > rarely


# --- results that follow the map


def test_objects_lie_where_the_mask_was(canvas: Canvas) -> None:
    session = canvas.session
    session.prompts = [CLICK]
    session.request("measurements")
    assert names(canvas) == ["image", "similarity object", "objects", "examples"]
    canvas.settings.objects = False
    assert names(canvas) == ["image", "similarity object", "mask", "examples"]


def test_objects_that_are_no_longer_true_go_at_once(canvas: Canvas) -> None:
    session = canvas.session
    session.prompts = [CLICK]
    session.request(*OBJECTS)
    log = told(canvas)
    session.settings.segmentation.threshold = 0.9
    assert names(canvas) == ["image", "similarity object", "mask", "detections", "examples"]
    session.settings.detection.min_score = 0.4
    assert names(canvas) == log[-1] == ["image", "similarity object", "mask", "examples"]


def test_what_the_encoder_sees_lies_right_over_the_image(canvas: Canvas) -> None:
    session = canvas.session
    session.request("colours")
    assert names(canvas) == ["image", "colours"]
    session.prompts = [CLICK]
    assert names(canvas) == ["image", "colours", "examples"]
    session.settings.tiling.scale = 0.5
    assert names(canvas) == ["image", "examples"]


# --- the end


def listeners(*groups: SignalGroup) -> int:
    return sum(len(signal) for group in groups for signal in group.signals.values())


def test_a_closed_canvas_listens_to_nothing(session: Session, squares: Image) -> None:
    session.image = squares
    heard = (session.events, session.brush.events, session.settings.segmentation.events)
    before = listeners(*heard)
    canvas = Canvas(session)
    assert listeners(*heard) > before
    assert listeners(canvas.settings.events) > 0
    canvas.close()
    assert listeners(*heard) == before
    assert listeners(canvas.settings.events) == 0


def test_a_closed_canvas_shows_nothing_and_tells_nothing(canvas: Canvas, stack: Image) -> None:
    session, log = canvas.session, told(canvas)
    canvas.close()
    assert canvas.layers == ()
    session.prompts = [CLICK]
    session.request("similarity", *OBJECTS)
    session.settings.segmentation.threshold = 0.9
    session.brush.toggle()
    canvas.settings.opacity = 0.1
    session.image = stack
    assert canvas.layers == ()
    assert log == []


def test_closing_one_canvas_leaves_the_others_alone(canvas: Canvas) -> None:
    other = Canvas(canvas.session)
    canvas.close()
    log = told(other)
    other.session.prompts = [CLICK]
    assert log == [["image", "examples"]]


# --- suggestions


def test_a_suggestion_lies_over_everything_until_it_is_answered(canvas: Canvas) -> None:
    session = canvas.session
    session.follow("similarity")
    session.prompts = [CLICK]
    session.settings.segmentation.threshold = float(session.result("similarity").values[0, 0, 28, 36])
    log = told(canvas)
    session.guide.suggest()
    assert names(canvas)[-1] == "suggestion"
    assert log == [names(canvas)]
    assert names(Canvas(session))[-1] == "suggestion"
    assert canvas.opacity(layer_of(canvas, "suggestion")) == 1
    session.guide.answer(True)
    assert "suggestion" not in names(canvas)
