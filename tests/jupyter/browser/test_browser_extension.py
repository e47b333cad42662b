"""The extension of JupyterLab: images in the file browser, and the tile in the launcher."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import zarr

if TYPE_CHECKING:
    from pathlib import Path

    from tests.jupyterlab import Desk

OPEN = "Open with dinoscope"
TIFF = np.random.default_rng(0).integers(0, 255, (96, 128), dtype=np.uint8)
ZARR = TIFF[None, :64, :80]


def write_ome_zarr(path: Path) -> None:
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.create_array("s0", data=ZARR)
    axes = [{"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"]
    scale = {"type": "scale", "scale": [40.0, 8.0, 8.0]}
    datasets = [{"path": "s0", "coordinateTransformations": [scale]}]
    multiscales: Any = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    group.attrs["multiscales"] = multiscales


def wait_for_notebook(desk: Desk, name: str) -> None:
    """Wait until a notebook is in front."""
    desk.page.locator("#jp-main-dock-panel .lm-TabBar-tab.jp-mod-current", has_text=name).wait_for()


def shown_image(desk: Desk, notebook: str) -> tuple[str, tuple[int, ...]]:
    """Name and shape of the image of the panel of a notebook in front."""
    wait_for_notebook(desk, notebook)
    desk.viewer.wait_for()
    desk.connect(notebook)
    desk.settle()
    image: tuple[str, tuple[int, ...]] = desk.kernel.ask("(panel.session.image.name, panel.session.image.shape)")
    return image


@pytest.mark.slow
def test_images_are_opened_from_the_file_browser(desk: Desk) -> None:
    folder = desk.server.folder
    tifffile.imwrite(folder / "cell 1.ome.tif", TIFF)
    write_ome_zarr(folder / "stack.ome.zarr")
    (folder / "notes.txt").touch()
    (folder / "sections").mkdir()
    desk.page.goto(f"{desk.server.address}/lab")
    offered = {"cell 1.ome.tif": 1, "stack.ome.zarr": 1, "notes.txt": 0, "sections": 0}
    for entry, count in offered.items():
        assert desk.menu(entry).filter(has_text=OPEN).count() == count, entry
        desk.keep(f"menu_{entry.rpartition('.')[2]}")
        desk.page.keyboard.press("Escape")

    desk.menu("cell 1.ome.tif").filter(has_text=OPEN).click()
    assert shown_image(desk, "cell 1.dinoscope.ipynb") == ("cell 1", TIFF.shape)
    desk.keep("opened_tiff")

    desk.menu("stack.ome.zarr").filter(has_text=OPEN).click()
    assert shown_image(desk, "stack.dinoscope.ipynb") == ("stack", ZARR.shape)
    assert desk.page.locator(".jp-DirListing-item", has_text="notes.txt").is_visible(), "it went into the folder"
    desk.keep("opened_zarr")

    desk.menu("cell 1.ome.tif").filter(has_text=OPEN).click()
    wait_for_notebook(desk, "cell 1.dinoscope-2.ipynb")
    made = {path.name for path in folder.glob("*.ipynb")}
    assert made == {"cell 1.dinoscope.ipynb", "stack.dinoscope.ipynb", "cell 1.dinoscope-2.ipynb"}


@pytest.mark.slow
def test_the_launcher_has_the_quick_start(desk: Desk, request: pytest.FixtureRequest) -> None:
    desk.page.goto(f"{desk.server.address}/lab")
    tile = desk.page.locator(".jp-LauncherCard", has_text="dinoscope quick start")
    tile.wait_for()
    desk.keep("launcher")
    assert tile.locator("[data-icon='dinoscope:icon']").count() == 1
    assert desk.page.locator(".jp-Launcher-sectionHeader [data-icon='dinoscope:icon']").count() == 0, "not its heading"

    tile.click()
    wait_for_notebook(desk, "dinoscope quick start.ipynb")
    desk.page.locator(".jp-Notebook").get_by_role("heading", name="dinoscope quick start").wait_for()
    desk.keep("launched")
    root: Path = request.config.rootpath
    original, copy = (
        json.loads(path.read_text())
        for path in (root / "notebooks" / "01_quick_start.ipynb", desk.server.folder / "dinoscope quick start.ipynb")
    )
    assert [cell["source"] for cell in copy["cells"]] == [cell["source"] for cell in original["cells"]]
    assert any(cell.get("outputs") for cell in original["cells"])
    assert not any(cell.get("outputs") for cell in copy["cells"]), "it is there to be run"
