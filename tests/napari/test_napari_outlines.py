"""Shapes as examples: boxes, strokes and outlines, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.prompts import BoxPrompt, PointPrompt, PolygonPrompt, StrokePrompt
from tests.napari.keys import press

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dinoscope.prompts import PlacedPrompt

    Desk = Any


@pytest.mark.parametrize(
    ("kind", "found"), [("rectangle", BoxPrompt), ("polygon", PolygonPrompt), ("ellipse", PolygonPrompt)]
)
def test_outlines_are_examples(
    make_desk: Callable[..., Desk], squares: NDArray[Any], kind: str, found: type[PlacedPrompt]
) -> None:
    desk = make_desk(squares)
    desk.widget.example_panel.outlines.click()
    box = np.array([[34, 34], [34, 60], [60, 60], [60, 34]])
    desk.widget.examples.outlines.add(box, shape_type=kind)
    desk.settle()
    (prompt,) = desk.session.prompts
    assert isinstance(prompt, found)
    (_, *low), (_, *high) = prompt.bounds
    np.testing.assert_allclose([low, high], [[34, 34], [60, 60]], atol=1e-4)
    assert desk.pixels("mask")[112, 144] == 1


@pytest.mark.parametrize("kind", ["line", "path"])
def test_a_line_is_a_stroke_as_wide_as_its_edge(
    make_desk: Callable[..., Desk], squares: NDArray[Any], kind: str
) -> None:
    desk = make_desk(squares)
    layer = desk.widget.examples.add_outlines()
    layer.add(np.array([[36, 36], [50, 58]]), shape_type=kind, edge_width=4)
    desk.settle()
    assert desk.session.prompts == (StrokePrompt(0, ((36, 36), (50, 58)), 4),)
    assert desk.pixels("mask")[112, 144] == 1
    layer.selected_data = {0}
    layer.current_edge_width = 7
    assert desk.session.prompts == (StrokePrompt(0, ((36, 36), (50, 58)), 7),)


def test_a_turned_rectangle_is_an_outline(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares)
    turned = np.array([[40, 48], [48, 56], [56, 48], [48, 40]])
    desk.widget.examples.add_outlines().add(turned, shape_type="rectangle")
    assert isinstance(desk.session.prompts[0], PolygonPrompt)


def test_outlines_of_the_session_are_drawn_as_what_they_are(
    make_desk: Callable[..., Desk], squares: NDArray[Any]
) -> None:
    desk = make_desk(squares)
    given = (
        BoxPrompt(0, (33.5, 34.5), (60, 61)),
        StrokePrompt(0, ((100, 130), (110, 140), (120, 150)), 5, positive=False),
        PolygonPrompt(0, ((100, 10), (100, 20), (120, 20))),
        StrokePrompt(0, ((20, 150),), 3),
    )
    desk.session.prompts = given
    desk.settle()
    layer = desk.widget.examples.outlines
    assert list(layer.shape_type) == ["rectangle", "path", "polygon", "path"]
    assert list(layer.edge_width)[1] == 5
    desk.session.prompts = (*given[:1], *given[2:])
    assert list(layer.shape_type) == ["rectangle", "polygon", "path"]
    assert desk.session.prompts == (*given[:1], *given[2:])


def test_undo_moves_a_box_back(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares)
    for shift in (0, 20):
        desk.session.prompts = [BoxPrompt(0, (34 + shift, 34), (60 + shift, 60))]
    layer = desk.widget.examples.outlines
    assert layer.data[0].min(axis=0) == pytest.approx((54, 34))
    desk.session.undo_prompts()
    assert layer.data[0].min(axis=0) == pytest.approx((34, 34))


@pytest.mark.parametrize("drawn", [BoxPrompt(0, (34, 34), (60, 60)), StrokePrompt(0, ((36, 36), (50, 58)), 4)])
def test_keys_turn_selected_outlines_round(
    make_desk: Callable[..., Desk], squares: NDArray[Any], drawn: PlacedPrompt
) -> None:
    desk = make_desk(squares)
    layer = desk.widget.examples.add_outlines()
    desk.session.prompts = [drawn]
    layer.mode, layer.selected_data = "select", {0}
    press(layer, "T")
    assert [(type(p), p.positive) for p in desk.session.prompts] == [(type(drawn), False)]


def test_examples_that_are_switched_off_are_faint(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares)
    desk.session.prompts = (
        PointPrompt((0, 48, 48)),
        PointPrompt((0, 80, 80), positive=False),
        BoxPrompt(0, (33.5, 34.5), (60, 61)),
        StrokePrompt(0, ((100, 130), (110, 140)), 5),
    )
    desk.settle()
    points, outlines = desk.widget.examples.points, desk.widget.examples.outlines

    def opacities() -> list[NDArray[Any]]:
        colours = points.face_color, points.border_color, outlines.edge_color, outlines.face_color
        return [np.array(rgba)[:, 3] for rgba in colours]

    whole = opacities()
    desk.session.muted = {1, 2}
    second, first = np.array([False, True]), np.array([True, False])  # of the points, and of the outlines
    for before, after, off in zip(whole, opacities(), (second, second, first, first), strict=True):
        assert (after > 0).all()
        np.testing.assert_allclose(after[off], 0.35 * before[off], atol=1e-6)
        np.testing.assert_array_equal(after[~off], before[~off])
    desk.session.muted = ()
    for before, after in zip(whole, opacities(), strict=True):
        np.testing.assert_array_equal(after, before)
