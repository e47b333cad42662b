"""Pictures of the napari window for the README and for papers: a phantom, and real nerve cord where the data is there.

``xvfb-run -a -s "-screen 0 1800x1200x24" python docs/screenshots.py``, or without ``xvfb-run`` on a screen. The
pictures go to ``docs/images``. That of the nerve cord is CC BY-NC-SA (Gerhard et al., figshare 856713) and not kept in
the repository.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
from qtpy.QtWidgets import QApplication

from dinoscope import open_image
from dinoscope.evaluate import draw_clicks
from dinoscope.jobs import Runner, background_executor
from dinoscope.napari._dispatch import Dispatcher
from dinoscope.napari._widget import DinoscopeWidget
from dinoscope.samples import phantom
from dinoscope.session import Session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IMAGES = Path(__file__).parent / "images"
DATA = Path(os.environ.get("DINOSCOPE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SIZE = (1720, 1100)


def main() -> None:
    """Take all pictures that can be taken here."""
    IMAGES.mkdir(exist_ok=True)
    made = phantom((1024, 1024), seed=3)
    truth = made.classes.read(made.classes.extent) == 1
    take("napari_phantom", made.image.read(made.image.extent), 8.0, truth, clicks=3)
    section = DATA / "vnc" / "raw" / "00.tif"
    if section.is_file():
        image = open_image(section)
        real = open_image(DATA / "vnc" / "mitochondria" / "00.png")
        take("napari_vnc", image.read(image.extent), 4.6, real.read(real.extent) > 0, clicks=5)


def take(name: str, pixels: NDArray[Any], pixel_size_nm: float, truth: NDArray[np.bool_], clicks: int) -> None:
    """Click on some objects, get all of them, and take a picture of the window and one of the image alone."""
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(*SIZE)
    sizes = {"scale": (pixel_size_nm, pixel_size_nm), "units": ("nm", "nm")}
    viewer.add_image(pixels, name=name.removeprefix("napari_"), **sizes)
    viewer.scale_bar.visible = True
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Runner(background_executor("work"), Dispatcher()), Path(folder))
        session.settings.segmentation.min_diameter = 60.0
        widget = DinoscopeWidget(viewer, session)
        viewer.window.add_dock_widget(widget, name="dinoscope")
        session.brush.choose("mitochondrion")
        points: Any = widget.examples.add_points()
        for position in draw_clicks(truth, clicks, seed=0):
            points.add(position)
        _settle(widget)
        widget.get_objects()
        _settle(widget)
        points.mode = "pan_zoom"
        points.selected_data = set()
        viewer.reset_view()
        _settle(widget)
        for kind, canvas_only in (("window", False), ("canvas", True)):
            viewer.screenshot(str(IMAGES / f"{name}_{kind}.png"), canvas_only=canvas_only, flash=False)
        session.close()
    viewer.close()


def _settle(widget: DinoscopeWidget) -> None:
    end = time.monotonic() + 1.0
    while widget.is_busy or time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.005)


if __name__ == "__main__":
    main()
