"""Run by the Python of a fresh environment: opens napari with dinoscope's widget and clicks on a phantom.

All goes through napari's own doors, the manifest among them, and nothing is imported from the checkout.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from collections.abc import Callable

WIDGET = "dinoscope: segment by example"
CLICKS = 3
PATIENCE_S = 300


def main() -> None:
    """Click, wait for the objects, take a picture, and tell what was found as JSON."""
    picture = sys.argv[1]
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1600, 1000)
    viewer.open_sample("dinoscope", "phantom_2d")
    image, classes = viewer.layers  # the truth lies above and is not shown
    truth = np.asarray(classes.data) == 1
    viewer.layers.selection.active = image
    _, widget = viewer.window.add_plugin_dock_widget("dinoscope", WIDGET)
    settle(widget)
    click(widget, truth)
    settle(widget)
    widget.get_objects()
    settle(widget)
    viewer.screenshot(picture, canvas_only=False, flash=False)
    mask = np.asarray(widget.session.result("segmentation").mask[:]) > 0
    spec = find_spec("dinoscope")
    found = {
        "module": spec.origin if spec else None,
        "dice": float(2 * (mask & truth).sum() / (mask.sum() + truth.sum())),
        "objects": len(widget.session.result("measurements")),
    }
    sys.stdout.write(json.dumps(found) + "\n")
    viewer.close()


def click(widget: Any, truth: Any) -> None:
    """Add points on mitochondria, in the layer that the widget's button makes."""
    from dinoscope.evaluate import draw_clicks

    widget.example_panel.points.click()
    for position in draw_clicks(truth, CLICKS, seed=0):
        widget.examples.points.add(position)


def settle(widget: Any) -> None:
    """Let Qt work until the widget rests."""
    wait(lambda: widget.is_busy)  # it begins on the next turns of the event loop
    wait(lambda: not widget.is_busy, PATIENCE_S)


def wait(condition: Callable[[], bool], seconds: float = 1.0) -> None:
    """Let Qt work until something is so, or for so long."""
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        QApplication.processEvents()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
