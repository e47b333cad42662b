"""The panel in Notebook 7, which shows one notebook in each tab of the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

import dinoscope as ds

if TYPE_CHECKING:
    from tests.jupyterlab import Desk


@pytest.mark.slow
def test_an_image_is_opened_in_a_tab_of_its_own(desk: Desk) -> None:
    image = ds.phantom((256, 384)).image
    folder = desk.server.folder / "em"
    folder.mkdir()
    tifffile.imwrite(folder / "cell.tif", image.read(image.extent))
    desk.page.goto(f"{desk.server.address}/tree/em")
    item = desk.menu("cell.tif").filter(has_text="Open with dinoscope")
    desk.keep("notebook_menu")
    with desk.page.expect_popup() as tab:
        item.click()
    desk.turn_to(tab.value)
    desk.viewer.wait_for()
    desk.connect()
    desk.settle()
    assert desk.page.url.endswith("/notebooks/em/cell.dinoscope.ipynb")
    assert np.ptp(desk.picture()) > 100, "no tiles"
    desk.keep("notebook_opened")

    desk.page.mouse.click(*desk.voxel(101, 203))
    desk.settle()
    assert desk.prompts() == [pytest.approx((0, 101, 203), abs=1)]
    desk.keep("notebook_similarity")
