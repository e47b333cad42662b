"""Clicks arrive where people see things, and only what is in sight is read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np
import pytest
from PIL import Image as Picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.jupyterlab import Desk

MARKS = """
import numpy as np
import dinoscope.jupyter
from dinoscope.testing import FakeEncoder

pixels = np.full((1600, 2000), 40, np.uint8)
for y, x in {places}:
    pixels[y - 2:y + 3, x - 2:x + 3] = 250
session = dinoscope.jupyter.new_session()
session.make_encoder = lambda name, device: FakeEncoder()
panel = dinoscope.jupyter.Panel(session)
session.follow()  # only the places count here
panel.open_image(pixels)
panel
"""

HUGE = """
import numpy as np
import time
import dinoscope.jupyter
from dinoscope.image import LazyArray, open_image
from dinoscope.settings import ImageSettings
from dinoscope.testing import FakeEncoder

class Counted(LazyArray):
    boxes = []
    def _read(self, bounds):
        self.boxes.append(tuple((part.start, part.stop) for part in bounds))
        shape = [part.stop - part.start for part in bounds]
        y, x = (np.arange(part.start, part.stop) for part in bounds)
        return ((y[:, None] // 64 + x[None] // 64) % 2 * 150 + 50).astype(np.uint8)

session = dinoscope.jupyter.new_session()
session.make_encoder = lambda name, device: FakeEncoder()
panel = dinoscope.jupyter.Panel(session)
session.follow()  # what the encoder reads does not count here
panel.open_image(open_image(Counted((60_000, 60_000), np.uint8), ImageSettings(axes="yx"), name="huge"))
panel
"""

PLACES = [(800, 1000), (700, 1100), (790, 880)]


def write_notebook(folder: Path, code: str) -> str:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(code)],
        metadata={"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    )
    nbformat.write(notebook, folder / "places.ipynb")
    return "places.ipynb"


def marks_on(desk: Desk) -> list[tuple[float, float]]:
    """Middles (x, y) of the bright squares on the stage, below the buttons, in pixels of the window."""
    from scipy import ndimage

    window = np.asarray(Picture.open(io.BytesIO(desk.page.screenshot())).convert("L"))
    stage = desk.stage
    top, left = int(stage["y"]) + 60, int(stage["x"]) + 1
    part = window[top : int(stage["y"] + stage["height"]), left : int(stage["x"] + stage["width"])] > 200
    labels, _ = ndimage.label(part)
    sizes = np.bincount(labels.ravel())[1:]
    middles: Any = ndimage.center_of_mass(part, labels, 1 + np.flatnonzero(sizes >= 9))
    return [(left + float(x) + 0.5, top + float(y) + 0.5) for y, x in middles]


def wait_for_view(desk: Desk, top: float, left: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """Wait until the camera rests there and all tiles have come; the corners (y, x) of what is in sight."""

    def corners() -> tuple[tuple[int, int], tuple[int, int]]:
        found: tuple[tuple[int, int], tuple[int, int]] = desk.kernel.ask(
            "(panel.canvas.view.start[1:], panel.canvas.view.stop[1:])"
        )
        return found

    desk.wait_until(lambda: np.abs(np.subtract(corners()[0], (top, left))).max() <= 3)
    desk.settle()
    return corners()


def tiles_of(start: tuple[int, int], stop: tuple[int, int]) -> set[tuple[int, int]]:
    """Row and column of the tiles that a part of the plane touches."""
    rows, columns = (range(first // 256, -(-last // 256)) for first, last in zip(start, stop, strict=True))
    return {(row, column) for row in rows for column in columns}


@pytest.mark.slow
def test_a_click_arrives_at_the_voxel_that_is_seen_there(desk: Desk) -> None:
    desk.open(write_notebook(desk.server.folder, MARKS.format(places=PLACES)))
    desk.run_cell(0)
    desk.settle()
    stage = desk.stage
    for zoom in (1, 4):
        height, width = stage["height"] / zoom, stage["width"] / zoom
        top, left = PLACES[0][0] - height // 2, PLACES[0][1] - width // 2
        desk.kernel.run(f"panel.viewer.look(({top}, {left}, {top + height}, {left + width}))")
        wait_for_view(desk, top, left)
        seen = marks_on(desk)
        assert len(seen) == (len(PLACES) if zoom == 1 else 1)
        for x, y in seen:
            desk.page.mouse.click(x, y)
            desk.settle()
            _, *found = desk.prompts()[-1]
            assert min(np.abs(np.subtract(found, place)).max() for place in PLACES) <= 1
            desk.kernel.run("panel.session.prompts = ()")
            desk.settle()
        desk.keep(f"zoom_{zoom}")


@pytest.mark.slow
@pytest.mark.parametrize(("key", "name"), [("l", "Scribble over examples (L)"), ("p", "Draw around examples (P)")])
def test_what_is_drawn_arrives_where_it_was_drawn(desk: Desk, key: str, name: str) -> None:
    desk.open(write_notebook(desk.server.folder, MARKS.format(places=PLACES)))
    desk.run_cell(0)
    desk.settle()
    (y, x), side = PLACES[0], 40
    stage = desk.stage
    top, left = y - stage["height"] // 2, x - stage["width"] // 2
    desk.kernel.run(f"panel.viewer.look(({top}, {left}, {top + stage['height']}, {left + stage['width']}))")
    wait_for_view(desk, top, left)
    desk.viewer.focus()
    desk.page.keyboard.press(key)
    assert desk.page.get_by_role("button", name=name).get_attribute("aria-pressed") == "true"
    corners = [(y - side, x - side), (y - side, x + side), (y + side, x + side)]
    desk.page.mouse.move(*desk.voxel(*corners[0]))
    desk.page.mouse.down()
    for corner in corners[1:]:
        desk.page.mouse.move(*desk.voxel(*corner), steps=10)
    desk.keep(f"drawing_{key}")
    desk.page.mouse.up()
    desk.settle()
    asked = "[(type(p).__name__, p.vertices, getattr(p, 'width', 0)) for p in panel.session.prompts]"
    ((kind, vertices, width),) = desk.kernel.ask(asked)
    assert kind == {"l": "StrokePrompt", "p": "PolygonPrompt"}[key]
    assert width == pytest.approx({"l": 10, "p": 0}[key], rel=0.02)  # a voxel per pixel
    for corner in corners:
        assert min(np.abs(np.subtract(corner, at)).max() for at in vertices) <= 3.5
    desk.page.keyboard.press(key)
    assert desk.page.get_by_role("button", name=name).get_attribute("aria-pressed") == "false"


@pytest.mark.slow
def test_of_a_huge_image_only_what_is_in_sight_is_read(desk: Desk) -> None:
    desk.open(write_notebook(desk.server.folder, HUGE))
    desk.run_cell(0)
    desk.settle()
    desk.keep("huge")
    stage = desk.stage
    middle = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    height, width = int(stage["height"]), int(stage["width"])
    desk.kernel.run(f"panel.viewer.look((30000, 30000, 30000 + {height}, 30000 + {width}))")  # a voxel per pixel
    before = wait_for_view(desk, 30000, 30000)
    desk.kernel.run("Counted.boxes.clear()")
    desk.viewer.focus()
    desk.page.keyboard.down("Space")
    desk.page.mouse.move(*middle)
    desk.page.mouse.down()
    desk.page.mouse.move(middle[0] - 400, middle[1] - 300, steps=10)
    desk.page.mouse.up()
    desk.page.keyboard.up("Space")
    after = wait_for_view(desk, 30300, 30400)
    read = desk.kernel.ask("[(top // 256, left // 256) for (top, _), (left, _) in Counted.boxes]")
    assert desk.kernel.ask("{(b - a, r - l) for (a, b), (l, r) in Counted.boxes}") == {(256, 256)}
    assert len(read) == len(set(read)), "a tile was read twice"
    assert tiles_of(*after) - tiles_of(*before) <= set(read)
    assert set(read) <= tiles_of(before[0], after[1]) - tiles_of(*before), "a tile was read that was never in sight"
