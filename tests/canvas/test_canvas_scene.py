"""Which layers there are after what happened to the session, and which of them have to be drawn anew."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.canvas import Canvas, CanvasLayer, Contrast, _scene, measure_contrast
from dinoscope.canvas._layers import ExamplesDrawing
from dinoscope.errors import NotReadyError
from dinoscope.geometry import Region
from dinoscope.image import Image, open_image
from dinoscope.jobs import Runner
from dinoscope.prompts import PointPrompt
from dinoscope.session import OBJECTS, Session
from dinoscope.settings import ImageSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from psygnal import SignalGroup

CLICK = PointPrompt((0, 48.0, 48.0))
OTHER = PointPrompt((0, 112.0, 144.0))
COUNTER = PointPrompt((0, 80.0, 80.0), positive=False)
BOTH = (PointPrompt((0, 48.0, 48.0), "square"), PointPrompt((0, 80.0, 80.0), "ground"))


def names(canvas: Canvas) -> list[str]:
    return [layer.name for layer in canvas.layers]


def layer_of(canvas: Canvas, name: str) -> CanvasLayer:
    (found,) = [layer for layer in canvas.layers if layer.name == name]
    return found


def versions(canvas: Canvas) -> dict[str, int]:
    return {layer.name: layer.version for layer in canvas.layers}


def drawn_anew(canvas: Canvas, change: Callable[[], object]) -> set[str]:
    """The layers that are there before and after a change, and are others after it."""
    before = versions(canvas)
    change()
    after = versions(canvas)
    return {name for name in before.keys() & after.keys() if before[name] != after[name]}


def told(canvas: Canvas) -> list[list[str]]:
    """A list that grows by the names of the layers whenever the canvas says that something changed."""
    log: list[list[str]] = []
    canvas.changed.connect(lambda: log.append(names(canvas)))
    return log


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


# --- maps that are on their way


class Later(Executor):
    """Work waits until the test wants it done."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], Any]] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        self.waiting.append(lambda: work(*args, **options))
        return Future()

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def followed(tmp_path: Path, squares: Image, later: Later) -> Canvas:
    """A canvas with a map that is kept current."""
    session = Session(Runner(later), tmp_path, lambda *_: FakeEncoder())
    session.image = squares
    canvas = Canvas(session)
    session.follow("similarity")
    session.prompts = [CLICK]
    later.run()
    assert names(canvas) == ["image", "similarity object", "mask", "examples"]
    return canvas


def test_a_map_stays_until_the_next_one_is_there(followed: Canvas, later: Later) -> None:
    session, log = followed.session, told(followed)
    assert drawn_anew(followed, lambda: setattr(session, "prompts", [CLICK, OTHER])) == {"examples"}
    assert not session.is_ready("similarity"), "otherwise the test says nothing"
    assert drawn_anew(followed, later.run) == {"similarity object", "mask"}
    assert all("mask" in shown for shown in log)


def test_the_map_of_a_class_that_is_gone_stays_no_longer_than_the_others(followed: Canvas, later: Later) -> None:
    session = followed.session
    session.prompts = BOTH
    later.run()
    session.prompts = BOTH[1:]
    assert names(followed) == ["image", "similarity square", "similarity ground", "mask", "examples"]
    later.run()
    assert names(followed) == ["image", "similarity ground", "mask", "examples"]


def test_a_map_goes_where_none_can_come_after_it(followed: Canvas) -> None:
    followed.session.prompts = [COUNTER]
    assert names(followed) == ["image", "examples"]


def test_a_map_goes_when_the_next_one_does_not_come(followed: Canvas, later: Later) -> None:
    session = followed.session
    session.prompts = [CLICK, OTHER]
    assert "mask" in names(followed)
    session.cancel()
    later.run()
    assert names(followed) == ["image", "examples"]


def test_a_map_goes_when_the_next_one_fails(followed: Canvas, later: Later) -> None:
    followed.session.prompts = [PointPrompt((0, 999.0, 0.0))]
    assert "mask" in names(followed)
    later.run()
    assert names(followed) == ["image", "examples"]


def test_a_map_that_was_asked_for_once_is_waited_for_while_the_work_runs(followed: Canvas, later: Later) -> None:
    session = followed.session
    session.follow()
    session.request("similarity")
    session.prompts = [CLICK, OTHER]
    assert "mask" in names(followed)
    later.run()
    assert session.is_ready("similarity")
    session.prompts = [CLICK]
    assert "mask" not in names(followed)


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


# --- what people choose to see


@pytest.mark.parametrize(
    ("field", "hidden"),
    [("similarity", "similarity object"), ("colours", "colours"), ("objects", "objects"), ("detections", "detections"),
     ("examples", "examples")],
)  # fmt: skip
def test_layers_can_be_hidden_and_shown_again(canvas: Canvas, field: str, hidden: str) -> None:
    session = canvas.session
    session.prompts = [CLICK]
    session.request("similarity", "colours", *OBJECTS)
    before, log = canvas.layers, told(canvas)
    setattr(canvas.settings, field, False)
    assert hidden not in names(canvas)
    setattr(canvas.settings, field, True)
    assert canvas.layers == before
    assert [hidden in shown for shown in log] == [False, True]


def test_the_mask_can_be_hidden_and_the_doubts_be_shown(canvas: Canvas) -> None:
    canvas.session.prompts = [CLICK]
    canvas.session.request("similarity")
    canvas.settings.mask = False
    canvas.settings.uncertainty = True
    assert names(canvas) == ["image", "similarity object", "uncertainty", "examples"]


def test_a_hidden_layer_keeps_up(canvas: Canvas) -> None:
    session = canvas.session
    canvas.settings.examples = False
    session.prompts = [CLICK]
    assert names(canvas) == ["image"]
    canvas.settings.examples = True
    drawing: Any = layer_of(canvas, "examples").drawing
    assert drawing.prompts == (CLICK,)


@pytest.mark.parametrize("field", ["black_at", "white_at"])
def test_other_ends_of_the_shades_draw_the_image_anew(canvas: Canvas, field: str) -> None:
    canvas.session.prompts = [CLICK]
    assert drawn_anew(canvas, lambda: setattr(canvas.settings, field, 0.25)) == {"image"}
    assert getattr(canvas.contrast, field.removesuffix("_at")) == 0.25
    assert drawn_anew(canvas, lambda: setattr(canvas.settings, field, "auto")) == {"image"}


def test_another_opacity_is_told_and_draws_nothing_anew(canvas: Canvas) -> None:
    canvas.session.prompts = [CLICK]
    canvas.session.request("similarity")
    log = told(canvas)
    assert drawn_anew(canvas, lambda: setattr(canvas.settings, "opacity", 0.2)) == set()
    assert len(log) == 1
    opacities = {layer.name: canvas.opacity(layer) for layer in canvas.layers}
    assert opacities == {"image": 1, "similarity object": 0.2, "mask": 0.2, "examples": 1}


def test_the_brush_is_told_and_draws_nothing_anew(canvas: Canvas) -> None:
    canvas.session.prompts = [CLICK]
    log = told(canvas)
    assert drawn_anew(canvas, canvas.session.brush.toggle) == set()
    assert len(log) == 1


def test_another_order_of_the_classes_gives_other_colours(canvas: Canvas) -> None:
    session = canvas.session
    session.prompts = BOTH
    session.request("similarity", "detections")
    before = canvas.colour("ground")
    assert before != canvas.colour("square")

    def turn_round() -> None:
        session.brush.classes = session.brush.classes[::-1]

    assert drawn_anew(canvas, turn_round) == {"mask", "detections", "examples"}
    assert canvas.colour("ground") != before


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
