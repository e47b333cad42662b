"""The quick start in JupyterLab, done with mouse and keyboard."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.jupyterlab import Desk


def colourful(picture: NDArray[np.uint8]) -> int:
    """Number of pixels that are not grey."""
    spread = picture.max(axis=-1).astype(int) - picture.min(axis=-1)
    return int((spread > 40).sum())


@pytest.mark.slow
def test_the_quick_start_finds_what_is_clicked(desk: Desk, request: pytest.FixtureRequest) -> None:
    root: Path = request.config.rootpath
    shutil.copy(root / "notebooks" / "01_quick_start.ipynb", desk.server.folder)
    desk.open("01_quick_start.ipynb")
    desk.run_cell(0)
    desk.settle()
    desk.keep("opened")
    plain = colourful(desk.picture())

    truth = "sample.objects(sample.image.extent)"
    centres = desk.kernel.ask(f"[tuple(map(float, c)) for c in {truth}.centres[{truth}.classes == 1]]")
    inside = [centre for centre in centres if 200 < min(centre) and max(centre) < 824]
    for number, (y, x) in enumerate(inside[:3], start=1):
        desk.page.mouse.click(*desk.voxel(y, x))
        desk.settle()
        assert len(desk.prompts()) == number
        assert desk.prompts()[-1] == pytest.approx((0, y, x), abs=1)
    desk.page.locator(".dinoscope-viewer[data-pending='0']").wait_for()
    assert colourful(desk.picture()) > plain + 5000, "no similarity over the image"
    desk.keep("similarity")

    masked = "int(sum((panel.session.result('similarity').values[0, 0][:] >= panel.session.thresholds()[0]).ravel()))"
    before = desk.kernel.ask(masked)
    row = desk.page.locator(".dinoscope-form", has_text="Threshold").last
    row.locator("input[type=checkbox]").uncheck()
    handle = row.locator(".noUi-handle")
    handle.focus()
    shown = desk.picture()
    for _ in range(12):
        handle.press("PageUp")
    desk.settle()
    threshold = desk.kernel.ask("panel.session.settings.segmentation.threshold")
    assert 0 < threshold <= 1
    assert desk.kernel.ask(masked) < before
    assert not np.array_equal(desk.picture(), shown), "the mask is the old one"
    desk.keep("threshold")

    row.locator("input[type=checkbox]").check()
    desk.page.get_by_role("button", name="Get objects").click()
    desk.settle()
    desk.page.locator(".dinoscope-table tbody tr").first.wait_for()
    found = desk.kernel.ask("len(panel.session.result('measurements'))")
    assert desk.page.locator(".dinoscope-table tbody tr").count() == found > 20
    assert desk.page.get_by_text(f"{found} found").count() == 1
    assert desk.kernel.ask("len(panel.session.result('detections'))") > 20
    desk.keep("objects")
