"""How soon the widget is there in napari, how long its window is blocked, and how fast it answers. In a real window.

``xvfb-run -a -s "-screen 0 1600x1000x24" python -m benchmarks.napari_window``, or without ``xvfb-run`` on a screen.
A timer in the main thread ticks every 5 ms; the longest time between two ticks is how long the window was blocked.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QCheckBox
from superqt import QLabeledDoubleSlider

from benchmarks._data import save
from benchmarks._turns import spread
from dinoscope.encoders import create_encoder, random_dinov2
from dinoscope.geometry import Region
from dinoscope.jobs import Runner, background_executor
from dinoscope.napari._dispatch import Dispatcher
from dinoscope.napari._widget import DinoscopeWidget
from dinoscope.samples import phantom
from dinoscope.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from dinoscope.encoders import Encoder

SIDE = 3072
TICK_MS = 5
SETTLE_S = 2.0
STARTS = 5
"""After one that gets everything into the memory of the system."""

_LONG_MS = 100
THRESHOLDS = np.linspace(0.2, 0.9, 36)


class Ticks:
    """Times at which the main thread was free."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._timer = QTimer()
        self._timer.timeout.connect(lambda: self.times.append(time.perf_counter()))
        self._timer.start(TICK_MS)

    def gaps_ms(self) -> np.ndarray:
        """Times between ticks since the last call, in ms."""
        gaps = np.diff(self.times) * 1000
        self.times = self.times[-1:]
        return gaps


def main() -> None:
    """Measure the start, the bundled encoder, and one that is much slower."""
    save("napari_start", {"seconds": spread([_seconds_to_start() for _ in range(STARTS + 1)][1:])})
    makers: dict[str, Callable[[], Encoder]] = {
        "nano": lambda: create_encoder("nano", "cpu"),
        "random-dinov2-small": lambda: random_dinov2("small"),
    }
    figures = {}
    for name, make in makers.items():
        with tempfile.TemporaryDirectory() as folder:
            figures[name] = measure(make, Path(folder))
        print(name, figures[name], flush=True)
    save("napari_window", figures)


def _seconds_to_start() -> float:
    """In a process of its own."""
    call = [sys.executable, "-m", "benchmarks._napari_start"]
    return float(subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout)


def measure(make: Callable[[], Encoder], folder: Path) -> dict[str, Any]:
    """One click in a new window, the rest of the image behind it, and a walk of the threshold."""
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1500, 950)
    made = phantom((SIDE, SIDE), seed=5).image
    viewer.add_image(made.read(Region.of_shape((SIDE, SIDE))), name="phantom", scale=(8, 8), units=("nm", "nm"))
    session = Session(Runner(background_executor("work"), Dispatcher()), folder, lambda *_: make())
    widget = DinoscopeWidget(viewer, session)
    viewer.window.add_dock_widget(widget)
    ticks = Ticks()
    viewer.scene.camera.zoom = 4 * viewer.scene.camera.zoom
    opened = _until(lambda: session.is_ready("cost"), ticks)
    points: Any = widget.examples.add_points()
    _until(lambda: True, ticks)
    began = time.perf_counter()
    answered: list[float] = []
    session.events.ready.connect(lambda stage: answered.append(time.perf_counter()) if stage == "preview" else None)
    points.add(_middle(session))
    working = _until(lambda: session.is_ready("similarity"), ticks)
    seconds = time.perf_counter() - began
    moves = _threshold_ms(widget)
    viewer.close()
    return {
        "opening_ms": _described(opened),
        "working_ms": _described(working),
        "over_100_ms": int((working > _LONG_MS).sum()),
        "first_answer_s": answered[0] - began,
        "whole_s": seconds,
        "threshold_ms": _described(moves),
    }


def _until(condition: Callable[[], object], ticks: Ticks) -> np.ndarray:
    """Let the event loop run, as napari's own does, until something is so; the gaps meanwhile."""
    ticks.gaps_ms()
    while not condition():
        QApplication.processEvents()
        time.sleep(0.001)
    end = time.perf_counter() + SETTLE_S
    while time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.001)
    return ticks.gaps_ms()


def _middle(session: Session) -> tuple[float, float]:
    view = session.view or Region((0, 0, 0), (1, SIDE, SIDE))
    return (view.start[1] + view.stop[1]) / 2, (view.start[2] + view.stop[2]) / 2


def _threshold_ms(widget: DinoscopeWidget) -> np.ndarray:
    row = widget.result_panel.threshold.control("threshold")
    row.findChild(QCheckBox).setChecked(False)
    slider, times = row.findChild(QLabeledDoubleSlider), []
    for value in THRESHOLDS:
        began = time.perf_counter()
        slider.setValue(float(value))
        QApplication.processEvents()
        while widget.results.is_busy:  # the mask is worked out beside the window, and then drawn
            QApplication.processEvents()
        times.append((time.perf_counter() - began) * 1000)
    return np.array(times)


def _described(times: np.ndarray) -> dict[str, float]:
    return {"median": float(np.median(times)), "p99": float(np.percentile(times, 99)), "max": float(times.max())}


if __name__ == "__main__":
    main()
