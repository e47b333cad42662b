"""What the notebook panel costs: time to open, voxels read, bytes to the browser, memory of the kernel.

``python -m benchmarks.jupyter_panel``. A JupyterLab of its own and the Chromium of the system; images that count what
is read of them.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from playwright.sync_api import sync_playwright

from benchmarks._data import save
from tests.jupyterlab import BROWSER, FLAGS, Desk, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SIDES = (1024, 8192, 60_000)
OPENINGS = 5
PANS = 20
STRIDE = (90, 60)
"""Pixels (x, y) that the image is dragged by at a time."""

PREPARE = """
import os, time
import numpy as np
import psutil
import dinoscope.jupyter, dinoscope.session._compute
from comm.base_comm import BaseComm
from dinoscope.image import LazyArray, open_image
from dinoscope.jupyter import Panel, new_session
from dinoscope.samples import phantom
from dinoscope.settings import ImageSettings
import ipykernel.comm.comm as comms

class Counted(LazyArray):
    # a piece of tissue over and over, as cheap to read as a file that the system has in memory
    voxels = 0
    def __init__(self, side, piece):
        super().__init__((side, side), piece.dtype)
        self.piece = piece
    def _read(self, bounds):
        index = [np.arange(part.start, part.stop) % len(self.piece) for part in bounds]
        part = self.piece[np.ix_(*index)]
        Counted.voxels += part.size
        return part

sent = dict(messages=0, bytes=0)
publish = comms.BaseComm.publish_msg
def counted(self, kind, data=None, metadata=None, buffers=None, **keys):
    sent["messages"] += 1
    sent["bytes"] += len(str(data)) + sum(len(part) for part in buffers or ())
    return publish(self, kind, data=data, metadata=metadata, buffers=buffers, **keys)
comms.BaseComm.publish_msg = counted

def memory():
    return psutil.Process().memory_info().rss

def reset():
    Counted.voxels = sent["messages"] = sent["bytes"] = 0

tissue = phantom((1024, 1024), seed=5).image
tissue = tissue.read(tissue.extent)

def make(side):
    return open_image(Counted(side, tissue), ImageSettings(axes="yx", image_pixel_size=8), name="tissue")
"""

OPEN = """
if "panel" in globals():
    panel.close()
image = make({side})
reset()
before = memory()
began = time.perf_counter()
panel = Panel(new_session())
panel.session.follow()  # the encoder is measured elsewhere
panel.session.image = image
display(panel)
made_s = time.perf_counter() - began
"""


def main() -> None:
    """Measure images of all sizes in one notebook."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder) / "jupyter") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        figures = measure(browser, server)
        browser.close()
    save("jupyter_panel", figures)


def measure(browser: Browser, server: Server) -> dict[str, Any]:
    """Open and look around in every image."""
    cells = [PREPARE, *(OPEN.format(side=side) for side in SIDES)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells], metadata={"kernelspec": kernel}
    )
    nbformat.write(notebook, server.folder / "bench.ipynb")
    desk = Desk(browser.new_page(viewport={"width": 1500, "height": 1000}), server)
    desk.open("bench.ipynb")
    desk.run_cell(0)
    desk.wait_until(lambda: desk.kernel.ask("'make' in globals()"))
    figures = {}
    for number, side in enumerate(SIDES, start=1):
        figures[str(side)] = one_size(desk, number)
        print(side, figures[str(side)], flush=True)
        desk.page.keyboard.press("Escape")
    desk.leave()
    return figures


def one_size(desk: Desk, cell: int) -> dict[str, Any]:
    """Open an image some times, then look around in it."""
    openings = [opened(desk, cell) for _ in range(OPENINGS)]
    found: dict[str, Any] = {
        "open_s": _spread([opening["seconds"] for opening in openings]),
        "made_ms": _spread([opening["made_s"] * 1000 for opening in openings]),
        **{name: openings[-1][name] for name in ("opened_kb", "opened_messages", "opened_voxels", "opened_mb")},
    }
    return {**found, **panned(desk)}


def opened(desk: Desk, cell: int) -> dict[str, float]:
    """Run the cell, and wait until all tiles in sight are there."""
    desk.page.evaluate("document.querySelectorAll('.dinoscope-viewer').forEach((old) => old.remove())")
    began = time.perf_counter()
    desk.run_cell(cell)
    desk.page.locator(".dinoscope-viewer[data-ready=true][data-pending='0']").wait_for()
    seconds = time.perf_counter() - began
    desk.settle()
    return {"seconds": seconds, "made_s": desk.kernel.ask("made_s"), **_counts(desk, "opened")}


def panned(desk: Desk) -> dict[str, float]:
    """Drag the image at a voxel per pixel, there where it was opened."""
    desk.viewer.scroll_into_view_if_needed()
    stage = desk.stage
    desk.kernel.run(
        "top, left = (max(0, side // 2 - 1024) for side in panel.canvas.plane); "
        f"panel.viewer.look((top, left, top + {stage['height']}, left + {stage['width']}))"
    )
    desk.settle()
    desk.kernel.run("reset()")
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    desk.viewer.focus()
    desk.page.keyboard.down("Space")
    for _ in range(PANS):
        desk.page.mouse.move(x, y)
        desk.page.mouse.down()
        desk.page.mouse.move(x - STRIDE[0], y - STRIDE[1], steps=4)
        desk.page.mouse.up()
        desk.page.wait_for_timeout(100)
    desk.page.keyboard.up("Space")
    desk.settle()
    return {**_counts(desk, "panned"), "voxels_in_sight": stage["width"] * stage["height"]}


def _counts(desk: Desk, name: str) -> dict[str, float]:
    return {
        f"{name}_kb": desk.kernel.ask("sent['bytes']") / 1000,
        f"{name}_messages": desk.kernel.ask("sent['messages']"),
        f"{name}_voxels": desk.kernel.ask("Counted.voxels"),
        f"{name}_mb": desk.kernel.ask("memory() - before") / 1e6,
    }


def _spread(values: list[float]) -> list[float]:
    return [min(values), statistics.median(values), max(values)]


if __name__ == "__main__":
    main()
