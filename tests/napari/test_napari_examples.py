from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.geometry import Region
from dinoscope.prompts import MaskPrompt, PointPrompt, PolygonPrompt
from tests.napari.keys import press

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Desk = Any


def test_keys_change_sign_and_class(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares)
    desk.session.brush.choose("disc")
    desk.session.brush.choose("square")
    layer = desk.click(48, 48)
    press(layer, "T")
    assert desk.widget.example_panel.sign.text().startswith("\N{MINUS SIGN}")
    layer.add([80, 20])
    press(layer, "1")
    press(layer, "T")
    layer.add([20, 20])
    assert [(p.class_name, p.positive) for p in desk.session.prompts] == [
        ("square", True), ("square", False), ("disc", True)
    ]  # fmt: skip
    layer.mode = "select"
    layer.selected_data = {2}
    press(layer, "T")
    press(layer, "2")
    assert (desk.session.prompts[2].class_name, desk.session.prompts[2].positive) == ("square", False)
    assert str(layer.symbol[2]) == "x"
    assert str(layer.symbol[0]) == "disc"
    press(layer, "Shift-Z")
    assert desk.session.prompts[2].class_name == "disc"


def test_keys_search_and_get_objects(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares)
    layer = desk.click(48, 48)
    desk.session.cancel()
    desk.settle()
    press(layer, "S")
    desk.settle()
    assert desk.shows("mask")
    press(layer, "C")
    desk.settle()
    assert desk.layer("objects") is not None


def test_moved_and_deleted_points_are_told(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares)
    layer = desk.click(48, 48)
    layer.add([10, 10])
    layer.selected_data = {1}
    layer.remove_selected()
    assert desk.session.prompts == (PointPrompt((0, 48, 48)),)
    desk.viewer.layers.remove(layer)
    assert desk.session.prompts == ()


def test_paint_is_an_example_and_takes_the_view_only(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares)
    layer = desk.widget.examples.add_paint(Region((0, 20, 10), (1, 90, 110)))
    assert layer.data.shape == (70, 100)
    layer.paint((28, 38), layer.selected_label)  # voxel (48, 48)
    desk.wait(lambda: desk.session.prompts)
    desk.settle()
    (prompt,) = desk.session.prompts
    assert isinstance(prompt, MaskPrompt)
    inside = np.argwhere(prompt.mask) + prompt.origin
    np.testing.assert_allclose(inside.mean(axis=0), (48, 48), atol=0.6)
    assert desk.pixels("mask")[112, 144] == 1
    desk.session.brush.toggle()
    layer.paint((60, 90), layer.selected_label)  # voxel (80, 100), dark
    desk.wait(lambda: len(desk.session.prompts) == 2)
    assert [p.positive for p in desk.session.prompts] == [True, False]
    desk.session.undo_prompts()
    assert layer.data[60, 90] == 0
    assert layer.data[28, 38] > 0


def test_existing_labels_are_examples(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares, show=True)
    labels = np.zeros(squares.shape, int)
    labels[34:60, 34:60] = 3
    layer = desk.viewer.add_labels(labels)
    desk.wait(lambda: desk.widget.region() is not None)
    desk.widget.example_panel.use_labels(layer)
    desk.settle()
    (prompt,) = desk.session.prompts
    assert (prompt.class_name, prompt.origin, prompt.mask.shape) == ("3", (34, 34), (26, 26))
    assert desk.pixels("mask")[112, 144] == 1


def test_a_reference_of_another_image_serves(
    make_desk: Callable[..., Desk], squares: NDArray[Any], tmp_path: Path
) -> None:
    desk = make_desk(squares)
    desk.click(48, 48)
    desk.settle()
    path = desk.session.result("reference").save(tmp_path / "square.safetensors")
    other = make_desk(squares[::-1].copy())
    other.widget.example_panel.load_reference(str(path))
    other.settle()
    assert other.pixels("mask")[160 - 49, 48] == 1
    assert "1 loaded reference" in other.widget.example_panel.summary.text()


# Results


def test_a_row_flies_to_its_object(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares, scale=(5, 5), translate=(100, 0))
    desk.click(48, 48)
    desk.settle()
    desk.widget.object_panel.commit.click()
    desk.settle()
    table = desk.widget.object_panel.table
    table.selectRow(1)
    columns = desk.session.result("measurements").columns
    assert table.model().columnCount() == len(desk.session.result("measurements").overview) < len(columns)
    expected = (100 + 5 * columns["centroid_y"][1], 5 * columns["centroid_x"][1])
    np.testing.assert_allclose(desk.viewer.scene.camera.center[-2:], expected)
    assert desk.layer("objects").selected_label == columns["label"][1]


@pytest.mark.parametrize(("entry", "positive"), [(0, True), (1, False)])
def test_an_object_becomes_an_example(
    make_desk: Callable[..., Desk], squares: NDArray[Any], entry: int, positive: bool
) -> None:
    desk = make_desk(squares)
    desk.click(48, 48)
    desk.settle()
    desk.widget.object_panel.commit.click()
    desk.settle()
    voxel = desk.widget.results.object_at((112.0, 144.0))
    assert voxel == (0, 112, 144)
    assert desk.widget.results.object_at((80.0, 80.0)) is None
    desk.widget.judgement_menu(voxel).actions()[entry].trigger()
    desk.settle()
    outline = desk.session.prompts[-1]
    assert isinstance(outline, PolygonPrompt)
    assert outline.positive == positive
    corners = np.array(outline.vertices)
    assert corners.min(axis=0) == pytest.approx((96, 128), abs=4)
    assert desk.widget.examples.outlines.nshapes == 1
