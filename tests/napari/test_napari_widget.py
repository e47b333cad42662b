from __future__ import annotations

import gc
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
from qtpy.QtCore import QThread
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QComboBox, QDialog, QLineEdit, QTableView

from dinoscope.forms import fields_of
from dinoscope.geometry import Region
from dinoscope.samples import phantom
from dinoscope.settings import TilingSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Desk = Any


class Waiting(FakeEncoder):
    """An encoder that lets the test decide when it goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        self.begun.set()
        assert self.go_on.wait(60)
        return super().encode(pixels)


def test_clicks_find_the_mitochondria_of_the_phantom(make_desk: Callable[..., Desk]) -> None:
    made = phantom((768, 768), seed=1)
    pixels, truth = made.image.read(made.image.extent), made.classes.read(made.classes.extent) == 1
    desk = make_desk(pixels, real=True, scale=(8, 8), units=("nm", "nm"))
    objects = made.objects(made.image.extent)
    for centre in objects.centres[objects.classes == 1][:3]:
        desk.click(*centre)
    desk.settle()
    mask = desk.pixels("mask") > 0
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.6
    desk.widget.object_panel.commit.click()
    desk.settle()
    assert len(desk.layer("objects").features) == len(desk.session.result("measurements")) + 1
    assert "area_nm2" in desk.layer("objects").features


def test_layers_lie_on_the_same_pixels_at_any_scale(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares, scale=(4.6, 4.6), translate=(1000, -300), units=("nm", "nm"))
    image = desk.viewer.layers["squares"]
    points = desk.click(0, 0)
    points.data = np.empty((0, 2))
    points.add(points.world_to_data((1000 + 4.6 * 48, -300 + 4.6 * 47)))  # where a mouse would be
    desk.settle()
    assert desk.session.prompts[0].position == pytest.approx((0, 48, 47))
    assert desk.session.image.pixel_size_nm == pytest.approx(4.6)
    for role in ("mask",):
        np.testing.assert_allclose(desk.layer(role).data_to_world((7, 9)), image.data_to_world((7, 9)))
    # Patch p of 4 pixels covers pixels 4 p to 4 p + 3: its centre is pixel 4 p + 1.5.
    world = desk.layer("similarity object").data_to_world((10, 20))
    np.testing.assert_allclose(world, (1000 + 4.6 * 41.5, -300 + 4.6 * 81.5))
    low, high = desk.layer("similarity object").extent.world
    np.testing.assert_allclose(low - 4.6 * 2, (1000 - 4.6 * 0.5, -300 - 4.6 * 0.5))
    np.testing.assert_allclose(high + 4.6 * 2, (1000 + 4.6 * 159.5, -300 + 4.6 * 199.5))
    assert all(str(unit) == "nanometer" for unit in desk.layer("mask").units)
    desk.widget.object_panel.commit.click()
    desk.settle()
    centres = np.array([desk.layer("detections").data_to_world(c) for c in desk.layer("detections").data])
    expected = np.array([[1000 + 4.6 * 47.5, -300 + 4.6 * 47.5], [1000 + 4.6 * 111.5, -300 + 4.6 * 143.5]])
    np.testing.assert_allclose(centres[np.argsort(centres[:, 0])], expected, atol=4.6 * 2)


def test_cancel_stops_after_one_batch(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    encoder = Waiting()
    desk = make_desk(squares, encoder=encoder)
    encoder.go_on.set()
    desk.settle()  # the cost is known
    encoder.begun.clear()
    encoder.go_on.clear()
    before = encoder.encoded_tiles
    desk.click(48, 48)
    desk.wait(encoder.begun.is_set)
    assert desk.widget.footer.cancel.isEnabled()
    desk.widget.footer.cancel.click()
    encoder.go_on.set()
    desk.settle()
    assert encoder.encoded_tiles - before <= 1
    assert not desk.widget.footer.cancel.isEnabled()
    assert not desk.shows("mask")
    desk.widget.search()
    desk.settle()
    assert desk.pixels("mask")[48, 48] == 1


def test_paused_work_rests_and_goes_on(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    encoder = Waiting()
    desk = make_desk(squares, encoder=encoder)
    encoder.go_on.set()
    desk.settle()
    encoder.begun.clear()
    encoder.go_on.clear()
    desk.click(48, 48)
    desk.wait(encoder.begun.is_set)
    desk.widget.footer.pause.click()
    encoder.go_on.set()
    assert desk.session.is_paused
    assert desk.widget.footer.pause.text() == "Go on"
    desk.widget.footer.pause.click()
    desk.settle()
    assert desk.shows("mask")


def test_deleting_the_layer_ends_the_work(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    encoder = Waiting()
    desk = make_desk(squares, encoder=encoder)
    desk.click(48, 48)
    desk.wait(encoder.begun.is_set)
    desk.viewer.layers.remove("squares")
    encoder.go_on.set()
    desk.settle()
    assert desk.session.image is None
    assert not [layer for layer in desk.viewer.layers if layer.name.startswith("squares s")]
    desk.viewer.add_image(squares, name="again")
    desk.click(48, 48)
    desk.settle()
    assert desk.pixels("mask")[112, 144] == 1


def test_closing_the_widget_ends_the_work(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    encoder = Waiting()
    desk = make_desk(squares, encoder=encoder)
    desk.click(48, 48)
    desk.wait(encoder.begun.is_set)
    QApplication.processEvents()
    told: list[object] = []
    desk.session.events.ready.connect(told.append)
    desk.widget.deleteLater()
    QApplication.processEvents()
    QApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    encoder.go_on.set()
    desk.wait(lambda: not desk.session.is_running)
    QApplication.processEvents()
    assert told == []


class Counting:
    """A large image of which every chunk that is read is counted."""

    def __init__(self, side: int, chunk: int) -> None:
        self.read: list[tuple[int, int]] = []
        blocks = side // chunk
        self.array = da.map_blocks(  # type: ignore[no-untyped-call]
            self._block, chunks=((chunk,) * blocks, (chunk,) * blocks), dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
        )
        self._chunk = chunk

    def _block(self, block_info: Any = None) -> NDArray[np.uint8]:
        at = block_info[None]["chunk-location"]
        self.read.append((int(at[0]), int(at[1])))
        pixels = np.random.default_rng(at).integers(0, 50, (self._chunk, self._chunk), np.uint8)
        pixels[100:140, 100:140] += 180
        return pixels


def test_a_huge_image_answers_from_what_is_in_view(make_desk: Callable[..., Desk]) -> None:
    side, chunk = 40_000, 500
    counting = Counting(side, chunk)
    coarse = [np.zeros((side // step, side // step), np.uint8) for step in (8, 32)]
    desk = make_desk([counting.array, *coarse], show=True, multiscale=True, contrast_limits=(0, 255))
    camera = desk.viewer.scene.camera
    camera.zoom, camera.center = 1.0, (0, 20_250, 20_250)
    desk.wait(lambda: desk.viewer.layers["squares"].data_level == 0)
    desk.settle()
    desk.wait(lambda: desk.session.view is not None and max(desk.session.view.shape) < 2500)
    counting.read.clear()
    answered: list[set[tuple[int, int]]] = []

    def look(stage: str) -> None:
        if stage == "preview":
            answered.append(set(counting.read))
            desk.session.cancel()

    desk.session.events.ready.connect(look)
    desk.session.settings.reference.crop = 256
    desk.click(20_120, 20_120)
    desk.settle()
    view, tile = desk.session.view, 64
    rows = range((view.start[1] - tile) // chunk, (view.stop[1] + tile) // chunk + 1)
    columns = range((view.start[2] - tile) // chunk, (view.stop[2] + tile) // chunk + 1)
    seen = {(row, column) for row in rows for column in columns}
    assert answered[0]
    assert answered[0] <= seen
    assert len(seen) < 0.01 * (side // chunk) ** 2
    assert desk.shows("mask")


def test_a_saved_session_goes_on(make_desk: Callable[..., Desk], squares: NDArray[Any], tmp_path: Path) -> None:
    from dinoscope.session import save_session

    desk = make_desk(squares)
    desk.click(48, 48)
    desk.click(112, 144, positive=False)
    desk.session.settings.segmentation.threshold = 0.7
    desk.settle()
    mask = desk.pixels("mask")
    path = save_session(desk.session, tmp_path / "monday.json")
    other = make_desk(squares)
    other.widget.image_panel.open_session(str(path))
    other.settle()
    assert other.session.prompts == desk.session.prompts
    np.testing.assert_array_equal(other.pixels("mask"), mask)
    assert [tuple(row) for row in other.widget.examples.points.data] == [(48, 48), (112, 144)]


def test_every_control_says_what_it_does(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares)
    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QTableView)
    silent = [
        control
        for kind in kinds
        for control in desk.widget.findChildren(kind)
        if not (control.toolTip() or control.parent().toolTip()) and control.parent() is not None
    ]
    silent = [control for control in silent if not isinstance(control, QLineEdit)]
    assert [f"{type(c).__name__} in {type(c.parent()).__name__}" for c in silent] == []


def test_the_widget_opens_without_a_dialog(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    assert not [
        window for window in QApplication.topLevelWidgets() if isinstance(window, QDialog) and window.isVisible()
    ]
    assert desk.session.image is None


def test_results_are_told_in_the_main_thread(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares)
    threads: list[bool] = []
    main = QApplication.instance().thread()
    events = desk.session.events
    for signal in (events.ready, events.progress, events.running):
        signal.connect(lambda *_: threads.append(QThread.currentThread() is main or QThread.currentThread() == main))
    desk.click(48, 48)
    desk.settle()
    assert len(threads) > 4
    assert all(threads)


def test_a_forgotten_widget_leaves_no_reference(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    before = len(desk.viewer.mouse_drag_callbacks)
    desk.widget.deleteLater()
    QApplication.sendPostedEvents(None, 52)
    gc.collect()
    assert len(desk.viewer.mouse_drag_callbacks) == before - 1


def test_a_right_click_on_an_object_asks_and_a_right_drag_does_not(
    make_desk: Callable[..., Desk], squares: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk(squares)
    desk.click(48, 48)
    desk.settle()
    desk.widget.get_objects()
    desk.settle()
    asked: list[Any] = []

    def menu(voxel: Any) -> Any:
        asked.append(voxel)
        return SimpleNamespace(popup=id)

    monkeypatch.setattr(desk.widget, "judgement_menu", menu)

    release, move = "mouse_release", "mouse_move"
    for button, steps, expected in ((1, [release], 0), (2, [move, release], 0), (2, [release], 1)):
        event = SimpleNamespace(button=button, position=(112.0, 144.0), type="mouse_press")
        callback = desk.viewer.mouse_drag_callbacks[-1](desk.viewer, event)
        next(callback, None)
        for step in steps:
            event.type = step
            next(callback, None)
        assert len(asked) == expected
    assert asked == [(0, 112, 144)]


def test_defaults_are_shown_as_the_numbers_they_stand_for(
    make_desk: Callable[..., Desk], squares: NDArray[Any]
) -> None:
    desk = make_desk(squares, scale=(5, 5), units=("nm", "nm"))
    desk.settle()
    hint = next(field.hint for field in fields_of(TilingSettings) if field.name == "tile")
    (tile,) = (box for box in desk.widget.advanced.findChildren(QAbstractSpinBox) if box.toolTip() == hint)
    assert tile.text() == "64"  # the fake encoder's
    assert desk.widget.image_panel.scale.control("pixel_size").findChild(QAbstractSpinBox).text() == "5"
    assert desk.session.settings.tiling.tile is None


def test_the_mask_lies_on_pictures_and_examples_on_top(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares)
    desk.settle()
    desk.click(48, 48)
    desk.settle()
    names = [layer.name for layer in desk.viewer.layers]
    assert names == ["squares", "squares similarity", "squares mask", "squares examples"]


def test_the_view_is_told_to_the_session(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(np.tile(squares, (4, 4)), show=True)
    desk.settle()
    camera = desk.viewer.scene.camera
    camera.zoom, camera.center = 8, (0, 300, 300)
    desk.wait(lambda: desk.session.view is not None and desk.session.view.shape[1] < 400)
    assert desk.session.view.contains(Region((0, 299, 299), (1, 301, 301)))
