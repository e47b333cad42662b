"""Prints the seconds from the plugin's command to its painted widget, in napari that was just opened."""

from __future__ import annotations

import os
import time

import napari
from qtpy.QtWidgets import QApplication

MENU = "dinoscope", "dinoscope: segment by example"


def main() -> None:
    """Open napari, let it settle, and do what its menu does."""
    viewer = napari.Viewer()
    QApplication.processEvents()
    began = time.perf_counter()
    dock, _ = viewer.window.add_plugin_dock_widget(*MENU)
    while not dock.isVisible():
        QApplication.processEvents()
    QApplication.processEvents()  # paints it
    print(time.perf_counter() - began, flush=True)
    os._exit(0)  # nothing is left to save, and Qt takes its time


if __name__ == "__main__":
    main()
