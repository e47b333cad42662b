"""What can be hidden, and what is drawn anew when something is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dinoscope.session import OBJECTS
from tests.canvas.seen import BOTH, CLICK, drawn_anew, layer_of, names, told

if TYPE_CHECKING:
    from dinoscope.canvas import Canvas

    pass


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
