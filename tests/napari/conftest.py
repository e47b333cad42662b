"""The dock widget in a real viewer, driven as people drive it."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.jobs import Runner
from dinoscope.session import Session
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MISSING = [name for name in ("napari", "pytestqt", "qtpy", "superqt") if find_spec(name) is None]

PATIENCE_S = 120


def pytest_collect_file() -> None:
    """Skip the folder where napari is not installed. In CI it must be: there the tests fail to import it."""
    if MISSING and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(MISSING)} not installed: pip install -e '.[napari,dev]'")


class Desk:
    """A viewer with the widget docked."""

    def __init__(self, viewer: Any, session: Session) -> None:
        from dinoscope.napari._widget import DinoscopeWidget

        self.viewer, self.session = viewer, session
        self.notices: list[str] = []
        self.widget = DinoscopeWidget(viewer, session)
        viewer.window.add_dock_widget(self.widget)

    def wait(self, condition: Callable[[], object]) -> None:
        """Let the event loop run until something is so."""
        from qtpy.QtWidgets import QApplication

        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < until, "it does not happen"
            QApplication.processEvents()
            time.sleep(0.002)

    def settle(self) -> None:
        """Wait until the session rests and all is shown."""
        from qtpy.QtWidgets import QApplication

        QApplication.processEvents()
        self.wait(lambda: not self.widget.is_busy)

    def click(self, *position: float, positive: bool = True) -> Any:
        """Give an example in voxels of the layer."""
        if self.session.brush.positive != positive:
            self.widget.example_panel.sign.click()
        self.widget.example_panel.points.click()
        layer: Any = self.widget.examples.points
        layer.add(list(position))
        return layer

    def layer(self, role: str) -> Any:
        """The layer of a result."""
        return self.widget.results.layer(role)

    def shows(self, role: str) -> bool:
        """Whether a result can be seen."""
        layer = self.widget.results.layer(role)
        return layer is not None and layer in self.viewer.layers and layer.visible

    def pixels(self, role: str) -> NDArray[Any]:
        """All pixels of a result, at the finest level."""
        layer: Any = self.layer(role)
        return np.asarray(layer.data[0] if layer.multiscale else layer.data)


@pytest.fixture
def make_desk(make_napari_viewer: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Makes a viewer with the widget; `encoder` stands in for all encoders, None for the real ones."""
    from dinoscope.napari._dispatch import Dispatcher

    sessions: list[Session] = []
    with ThreadPoolExecutor(1) as executor:

        def make(*images: Any, encoder: Any = None, show: bool = False, real: bool = False, **layer: Any) -> Desk:
            fake = encoder or FakeEncoder()
            stand_in: dict[str, Any] = {} if real else {"make_encoder": lambda *_: fake}
            session = Session(
                Runner(executor, Dispatcher()),
                tmp_path / "cache",
                **stand_in,
            )
            sessions.append(session)
            viewer = make_napari_viewer(show=show)
            for image in images:
                viewer.add_image(image, name="squares", **layer)
            return Desk(viewer, session)

        yield make
        for session in sessions:
            session.close()


@pytest.fixture
def squares() -> NDArray[np.float32]:
    """Two bright squares on a dark ground."""
    rng = np.random.default_rng(0)
    pixels = rng.random((160, 200), dtype=np.float32) * 0.2
    pixels[32:64, 32:64] += 0.7
    pixels[96:128, 128:160] += 0.7
    return pixels
