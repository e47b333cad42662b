"""The widget in napari and the panel in a notebook, behind the same few actions and looks."""

from __future__ import annotations

import asyncio
import time
from html import unescape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dinoscope.image import open_image
from dinoscope.testing import FakeEncoder
from tests.notebook import Page
from tests.views.headless import PATIENCE_S, Corner, squares

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dinoscope.session import Session


class Napari:
    """The dock widget in a viewer."""

    def __init__(self, viewer: Any, session: Session, errors: list[str]) -> None:
        from dinoscope.napari._widget import DinoscopeWidget

        viewer.add_image(squares(), name="squares")
        self.session, self._viewer, self._errors = session, viewer, errors
        self.widget = DinoscopeWidget(viewer, session)
        viewer.window.add_dock_widget(self.widget)

    def click(self, y: float, x: float, positive: bool = True) -> None:
        if self.session.brush.positive != positive:
            self.widget.example_panel.sign.click()
        self.widget.example_panel.points.click()
        self._viewer.layers["squares examples"].add([y, x])

    def box(self, low: Corner, high: Corner) -> None:
        self.widget.example_panel.outlines.click()
        (top, left), (bottom, right) = low, high
        corners = np.array([(top, left), (top, right), (bottom, right), (bottom, left)])
        self._viewer.layers["squares outlines"].add(corners, shape_type="rectangle")

    def stroke(self, line: list[Corner], width: float) -> None:
        self.widget.example_panel.outlines.click()
        self._viewer.layers["squares outlines"].add(np.array(line), shape_type="path", edge_width=width)

    def write(self, line: str) -> None:
        self.widget.example_panel.words.setText(line)
        self.widget.example_panel.words.returnPressed.emit()

    def undo(self) -> None:
        self.widget.example_panel.undo.click()

    def set_threshold(self, value: float) -> None:
        from qtpy.QtWidgets import QCheckBox
        from superqt import QLabeledDoubleSlider

        row = self.widget.result_panel.threshold.control("threshold")
        row.findChild(QCheckBox).setChecked(False)
        row.findChild(QLabeledDoubleSlider).setValue(value)

    def set_refine(self, value: Literal["image", "none"]) -> None:
        self.widget.result_panel.threshold.control("refine").setCurrentText(value)

    def get_objects(self) -> None:
        self.widget.object_panel.commit.click()

    def can_suggest(self) -> bool:
        return bool(self.widget.example_panel.suggest.isEnabled())

    def suggest(self) -> None:
        self.widget.example_panel.suggest.click()

    def ring(self) -> Corner | None:
        layers = [layer for layer in self._viewer.layers if layer.name == "squares suggestion"]
        if not layers:
            return None
        ((y, x),) = layers[0].data
        return float(y), float(x)

    def middle(self) -> Corner:
        y, x = self._viewer.layers["squares"].world_to_data(self._viewer.scene.camera.center[-2:])
        return float(y), float(x)

    def answer(self, positive: bool) -> None:
        panel = self.widget.example_panel
        (panel.yes if positive else panel.no).click()

    def can_suggest_scale(self) -> bool:
        return bool(self.widget.image_panel.suggest_scale.isEnabled())

    def suggest_scale(self) -> None:
        self.widget.image_panel.suggest_scale.click()

    def scale_text(self) -> str:
        return str(self.widget.image_panel.scale_text.text())

    def can_use_scale(self) -> bool:
        return bool(self.widget.image_panel.use_scale.isEnabled())

    def use_scale(self) -> None:
        self.widget.image_panel.use_scale.click()

    def settle(self) -> None:
        from qtpy.QtWidgets import QApplication

        until = time.monotonic() + PATIENCE_S
        QApplication.processEvents()
        while self.widget.is_busy:
            assert time.monotonic() < until, "the session does not come to rest"
            QApplication.processEvents()
            time.sleep(0.005)

    def examples(self) -> list[tuple[float, float, bool]]:
        if "squares examples" not in self._viewer.layers:
            return []
        layer = self._viewer.layers["squares examples"]
        return [(float(y), float(x), bool(s)) for (y, x), s in zip(layer.data, layer.features["positive"], strict=True)]

    def similarity(self) -> NDArray[Any] | None:
        return self._pixels("squares similarity")

    def mask(self) -> NDArray[Any] | None:
        return self._pixels("squares mask")

    def listed(self) -> list[tuple[str, bool]]:
        from qtpy.QtCore import Qt

        rows = self.widget.example_panel.list
        items = [rows.item(row) for row in range(rows.count())]
        return [(item.text(), item.checkState() == Qt.CheckState.Checked) for item in items]

    def switch(self, number: int) -> None:
        from qtpy.QtCore import Qt

        on, off = Qt.CheckState.Checked, Qt.CheckState.Unchecked
        item = self.widget.example_panel.list.item(number)
        item.setCheckState(off if item.checkState() == on else on)

    def origin(self, row: int) -> str:
        self.widget.object_panel.table.selectRow(row)
        return str(self.widget.object_panel.origin.text())

    def object_count(self) -> int | None:
        table = self.widget.object_panel.table
        return None if table.isHidden() else table.model().rowCount()

    def errors(self) -> list[str]:
        return self._errors

    def _pixels(self, name: str) -> NDArray[Any] | None:
        layers = [layer for layer in self._viewer.layers if layer.name == name and layer.visible]
        return np.asarray(layers[0].data) if layers else None


class Jupyter:
    """The panel in a notebook, in a loop as kernels have one."""

    def __init__(self, session: Session, loop: asyncio.AbstractEventLoop) -> None:
        self.session, self._loop = session, loop
        self.panel = self._at_home(self._open)
        self._page = Page(self.panel.viewer)
        self._at_home(self._page.open)

    def _open(self) -> Any:
        from dinoscope.jupyter import Panel

        self.session.image = open_image(squares(), name="squares")
        return Panel(self.session)

    def _at_home(self, call: Callable[..., Any], *args: Any) -> Any:
        """What the browser, or a cell, makes the kernel do."""

        async def run() -> Any:
            return call(*args)

        return self._loop.run_until_complete(run())

    def click(self, y: float, x: float, positive: bool = True) -> None:
        self._at_home(self._page.click, y, x, not positive)

    def box(self, low: Corner, high: Corner) -> None:
        (top, left), (bottom, right) = low, high
        edges = {"y0": top + 0.1, "x0": left + 0.1, "y1": bottom + 0.9, "x1": right + 0.9}
        self._at_home(lambda: self._page.send("box", **edges, counter=False))

    def stroke(self, line: list[Corner], width: float) -> None:
        places = [float(v) for corner in line for v in corner]
        self._at_home(lambda: self._page.send("stroke", places=places, width=width, counter=False))

    def write(self, line: str) -> None:
        self._at_home(lambda: self.panel.example_panel.words.comm.receive_state(value=line))

    def undo(self) -> None:
        self._at_home(self.panel.example_panel.undo.click)

    def set_threshold(self, value: float) -> None:
        auto, slider = self.panel.result_panel.threshold.control("threshold").children
        self._at_home(lambda: auto.comm.receive_state(value=False))
        self._at_home(lambda: slider.comm.receive_state(value=value))

    def set_refine(self, value: Literal["image", "none"]) -> None:
        control = self.panel.result_panel.threshold.control("refine")
        self._at_home(lambda: setattr(control, "value", value))

    def get_objects(self) -> None:
        self._at_home(self.panel.object_panel.commit.click)

    def can_suggest(self) -> bool:
        return not self.panel.example_panel.suggest.disabled

    def suggest(self) -> None:
        self._at_home(self.panel.example_panel.suggest.click)

    def ring(self) -> Corner | None:
        """Read off the pixels."""
        if self._page.layer("suggestion") is None:
            return None
        rows, columns = self._page.pixels("suggestion")[..., 3].nonzero()
        return (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2

    def middle(self) -> Corner:
        look, _ = self._page.comm.custom("look")[-1]
        return (look["y0"] + look["y1"]) / 2 - 0.5, (look["x0"] + look["x1"]) / 2 - 0.5

    def answer(self, positive: bool) -> None:
        panel = self.panel.example_panel
        self._at_home((panel.yes if positive else panel.no).click)

    def can_suggest_scale(self) -> bool:
        return not self.panel.image_panel.suggest_scale.disabled

    def suggest_scale(self) -> None:
        self._at_home(self.panel.image_panel.suggest_scale.click)

    def scale_text(self) -> str:
        return unescape(self.panel.image_panel.scale_text.value)

    def can_use_scale(self) -> bool:
        return not self.panel.image_panel.use_scale.disabled

    def use_scale(self) -> None:
        self._at_home(self.panel.image_panel.use_scale.click)

    def settle(self) -> None:
        async def rest() -> None:
            await self.panel.settled()
            await asyncio.sleep(0)  # what the last result posted

        self._loop.run_until_complete(rest())

    def examples(self) -> list[tuple[float, float, bool]]:
        from dinoscope.prompts import PointPrompt

        if self._page.layer("examples") is None:
            return []
        return [(*p.position[1:], p.positive) for p in self.session.prompts if isinstance(p, PointPrompt)]

    def similarity(self) -> NDArray[Any] | None:
        """Read off the colours."""
        from dinoscope.outputs import colour_ramp

        if self._page.layer("similarity") is None:
            return None
        stride = FakeEncoder().spec.stride
        colours = self._page.pixels("similarity")[stride // 2 :: stride, stride // 2 :: stride, :3].astype(int)
        ramp = colour_ramp("viridis").astype(int)
        nearest: NDArray[Any] = np.abs(colours[:, :, np.newaxis] - ramp).sum(axis=-1).argmin(axis=-1)
        return nearest / 255

    def mask(self) -> NDArray[Any] | None:
        if self._page.layer("mask") is None:
            return None
        return (self._page.pixels("mask")[..., 3] > 0).astype(np.uint8)

    def listed(self) -> list[tuple[str, bool]]:
        return [(box.description, box.value) for box in self.panel.example_panel.list.boxes]

    def switch(self, number: int) -> None:
        box = self.panel.example_panel.list.boxes[number]
        self._at_home(lambda: box.comm.receive_state(value=not box.value))

    def origin(self, row: int) -> str:
        table = self.panel.object_panel.table
        self._at_home(lambda: table.comm.receive({"type": "row", "index": row}))
        return unescape(self.panel.object_panel.origin.value)

    def object_count(self) -> int | None:
        return self.panel.object_panel.table.total or None

    def errors(self) -> list[str]:
        return self._page.comm.said()
