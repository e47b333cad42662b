"""A saved notebook shows what was found, to those who have no kernel for it."""

from __future__ import annotations

import base64
import io
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image as Picture

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator

    from tests.jupyterlab import Desk

WIDGET = "application/vnd.jupyter.widget-view+json"


def colourful(png: bytes) -> int:
    """Number of pixels that are not grey."""
    picture = np.asarray(Picture.open(io.BytesIO(png)).convert("RGB")).astype(int)
    return int((np.ptp(picture, axis=-1) > 40).sum())


def still(desk: Desk) -> Locator:
    """The picture beside the panel."""
    return desk.page.locator(".jp-CodeCell").first.locator(".jp-OutputArea-child img")


def still_bytes(desk: Desk) -> bytes:
    return base64.b64decode((still(desk).get_attribute("src") or "").rpartition(",")[2])


def saved_outputs(notebook: Path) -> list[Any]:
    cells = json.loads(notebook.read_text())["cells"]
    outputs: list[Any] = next(cell["outputs"] for cell in cells if cell["cell_type"] == "code")
    return outputs


@pytest.mark.slow
@pytest.mark.parametrize("app", ["lab/tree", "notebooks"])
def test_a_saved_notebook_shows_a_picture_instead_of_the_panel(
    desk: Desk, request: pytest.FixtureRequest, app: str
) -> None:
    root: Path = request.config.rootpath
    notebook = desk.server.folder / "01_quick_start.ipynb"
    shutil.copy(root / "notebooks" / notebook.name, notebook)
    desk.open(notebook.name, app)
    desk.run_cell(0)
    desk.settle()
    still(desk).wait_for(state="attached")
    plain = colourful(still_bytes(desk))
    desk.page.mouse.click(*desk.voxel(500, 500))
    desk.wait_until(lambda: colourful(still_bytes(desk)) > plain + 20_000)
    assert desk.viewer.is_visible()
    assert not still(desk).is_visible()

    with desk.page.expect_response(lambda answer: answer.request.method == "PUT" and notebook.name in answer.url):
        desk.page.keyboard.press("Control+s")
    live, picture = (output["data"] for output in saved_outputs(notebook))
    assert live.keys() == {WIDGET, "text/plain"}
    assert colourful(base64.b64decode(picture["image/png"])) > plain + 20_000

    desk.page.get_by_role("menuitem", name="Kernel").click()
    desk.page.locator(".lm-Menu-item:visible", has_text="Shut Down Kernel").first.click()
    desk.wait_until(lambda: desk.server.kernels() == [])
    desk.page.reload()
    still(desk).wait_for()
    assert desk.page.locator(".dinoscope-panel").count() == 0
    assert colourful(still(desk).screenshot()) > 20_000
    desk.keep(f"saved_{app.partition('/')[0]}")
