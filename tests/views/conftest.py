"""Every view of a session, behind the same few actions and looks."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import pytest

from dinoscope.image import open_image
from dinoscope.jobs import Runner
from dinoscope.session import Recorder, Session, describe_example, describe_origin
from dinoscope.testing import FakeEncoder
from tests.notebook import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

PATIENCE_S = 60

Corner = tuple[float, float]


def squares() -> NDArray[np.float32]:
    """Two bright squares on a dark ground."""
    rng = np.random.default_rng(0)
    pixels = rng.random((160, 200), dtype=np.float32) * 0.2
    pixels[32:64, 32:64] += 0.7
    pixels[96:128, 128:160] += 0.7
    return pixels


class View(Protocol):
    """What people can do and see, whatever the toolkit."""

    session: Session

    def click(self, y: float, x: float, positive: bool = True) -> None:
        """Give an example."""

    def box(self, low: Corner, high: Corner) -> None:
        """Drag a box from one voxel (y, x) to another around an object."""

    def stroke(self, line: list[Corner], width: float) -> None:
        """Scribble along some voxels (y, x)."""

    def undo(self) -> None:
        """Take the last change of the examples back."""

    def set_threshold(self, value: float) -> None:
        """Move the threshold."""

    def set_refine(self, value: Literal["image", "none"]) -> None:
        """Choose whether the image refines the map."""

    def get_objects(self) -> None:
        """Ask for objects."""

    def can_suggest(self) -> bool:
        """Whether a suggestion can be asked for."""

    def suggest(self) -> None:
        """Ask where another example would help most."""

    def ring(self) -> Corner | None:
        """The middle (y, x) of the ring around the suggestion, if it is shown."""

    def middle(self) -> Corner:
        """What (y, x) is looked at."""

    def answer(self, positive: bool) -> None:
        """Say whether what is in the ring is one."""

    def settle(self) -> None:
        """Wait until nothing happens any more."""

    def examples(self) -> list[tuple[float, float, bool]]:
        """The examples that are shown: y, x, sign."""

    def similarity(self) -> NDArray[Any] | None:
        """The map that is shown, one value per patch."""

    def mask(self) -> NDArray[Any] | None:
        """The mask that is shown, one label per pixel."""

    def listed(self) -> list[tuple[str, bool]]:
        """The examples in words, and whether each is switched on."""

    def switch(self, number: int) -> None:
        """Switch an example off, or on again."""

    def origin(self, row: int) -> str:
        """What is told of an object of the table: which example it is like."""

    def object_count(self) -> int | None:
        """Number of objects in the table that is shown."""

    def errors(self) -> list[str]:
        """What went wrong, as it was told."""


class Headless:
    """A script with a recorder."""

    def __init__(self, session: Session) -> None:
        self.session, self.recorder = session, Recorder(session)
        session.image = open_image(squares(), name="squares")
        session.follow("cost", "similarity")

    def click(self, y: float, x: float, positive: bool = True) -> None:
        from dinoscope.prompts import PointPrompt

        self.session.prompts = (*self.session.prompts, PointPrompt((0.0, y, x), positive=positive))

    def box(self, low: Corner, high: Corner) -> None:
        from dinoscope.prompts import BoxPrompt

        self.session.prompts = (*self.session.prompts, BoxPrompt(0, low, high))

    def stroke(self, line: list[Corner], width: float) -> None:
        from dinoscope.session import stroke

        stroke(self.session, 0, line, width)

    def undo(self) -> None:
        self.session.undo_prompts()

    def set_threshold(self, value: float) -> None:
        self.session.settings.segmentation.threshold = value

    def set_refine(self, value: Literal["image", "none"]) -> None:
        self.session.settings.segmentation.refine = value

    def get_objects(self) -> None:
        self.session.request("measurements", "detections")

    def can_suggest(self) -> bool:
        return self.session.guide.is_able

    def suggest(self) -> None:
        self.session.guide.suggest()

    def ring(self) -> Corner | None:
        place = self.session.guide.place
        return None if place is None else place.position[1:]

    def middle(self) -> Corner:
        assert self.session.guide.place is not None  # nobody looks
        return self.session.guide.place.position[1:]

    def answer(self, positive: bool) -> None:
        self.session.guide.answer(positive)

    def settle(self) -> None:
        """Everything happened at once."""

    def examples(self) -> list[tuple[float, float, bool]]:
        from dinoscope.prompts import PointPrompt

        return [(*p.position[1:], p.positive) for p in self.session.prompts if isinstance(p, PointPrompt)]

    def similarity(self) -> NDArray[Any] | None:
        if not self.session.is_ready("similarity"):
            return None
        values: NDArray[Any] = np.asarray(self.session.result("similarity").values)[0, 0]
        return values

    def mask(self) -> NDArray[Any] | None:
        from dinoscope.segmentation import lazy_mask
        from dinoscope.session import fine_map

        if not self.session.is_ready("similarity"):
            return None
        return lazy_mask(fine_map(self.session), self.session.thresholds(), False)[0][:]

    def listed(self) -> list[tuple[str, bool]]:
        muted = self.session.muted
        return [(describe_example(example), example.number not in muted) for example in self.session.examples]

    def switch(self, number: int) -> None:
        self.session.muted = self.session.muted ^ {number}

    def origin(self, row: int) -> str:
        return describe_origin(self.session, self.session.result("measurements").centroid(row))

    def object_count(self) -> int | None:
        return len(self.session.result("measurements")) if self.session.is_ready("measurements") else None

    def errors(self) -> list[str]:
        return [entry.removeprefix("failed ") for entry in self.recorder.log if entry.startswith("failed ")]


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


@pytest.fixture(params=["headless", "napari", "jupyter"])
def make_view(request: pytest.FixtureRequest) -> Callable[..., View]:
    """Makes a view of a new session; `encoder` stands in for all encoders."""
    maker: Callable[..., View] = request.getfixturevalue(f"make_{request.param}")
    return maker


@pytest.fixture
def make_headless(tmp_path: Path) -> Callable[..., View]:
    def make(encoder: Any = None) -> View:
        return Headless(Session(folder=tmp_path, make_encoder=lambda name, device: encoder or FakeEncoder()))

    return make


@pytest.fixture
def make_napari(
    make_napari_viewer: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., View]]:
    from dinoscope.napari import _footer
    from dinoscope.napari._dispatch import Dispatcher

    errors: list[str] = []
    sessions: list[Session] = []
    monkeypatch.setattr(_footer, "show_error", errors.append)
    with ThreadPoolExecutor(1) as executor:

        def make(encoder: Any = None) -> View:
            runner = Runner(executor, Dispatcher())
            session = Session(runner, tmp_path, lambda name, device: encoder or FakeEncoder())
            sessions.append(session)
            return Napari(make_napari_viewer(), session, errors)

        yield make
        for session in sessions:
            session.close()


@pytest.fixture
def make_jupyter(comms: None, tmp_path: Path) -> Iterator[Callable[..., View]]:
    loop = asyncio.new_event_loop()
    views: list[Jupyter] = []

    def post(call: Callable[[], None]) -> None:
        loop.call_soon_threadsafe(call)

    with ThreadPoolExecutor(1) as executor:

        def make(encoder: Any = None) -> View:
            runner = Runner(executor, post)
            session = Session(runner, tmp_path, lambda name, device: encoder or FakeEncoder())
            views.append(Jupyter(session, loop))
            return views[-1]

        yield make
        for view in views:
            view.panel.close()
            view.session.close()
    loop.close()


@pytest.fixture
def view(make_view: Callable[..., View]) -> View:
    """A view of a session with the squares open."""
    return make_view()
