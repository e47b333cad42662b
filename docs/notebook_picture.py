"""The picture of the notebook panel for the README: ``python docs/notebook_picture.py``. Needs a Chromium."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.jupyterlab import BROWSER, FLAGS, Desk, Server  # noqa: E402 - the tests are no package

CLICKS = 3
TRUTH = "sample.objects(sample.image.extent)"


def main() -> None:
    """Run the quick start, click on some mitochondria, get all of them, and take a picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder) / "jupyter") as server,
        sync_playwright() as playwright,
    ):
        shutil.copy(ROOT / "notebooks" / "01_quick_start.ipynb", server.folder)
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        desk = Desk(browser.new_page(viewport={"width": 1400, "height": 1060}), server)
        desk.open("01_quick_start.ipynb")
        desk.page.keyboard.press("Control+b")  # without the file browser
        desk.run_cell(0)
        desk.settle()
        desk.kernel.run("panel.session.brush.choose('mitochondrion')")
        centres = desk.kernel.ask(f"[tuple(map(float, c)) for c in {TRUTH}.centres[{TRUTH}.classes == 1]]")
        for y, x in [place for place in centres if 200 < min(place) and max(place) < 824][:CLICKS]:
            desk.page.mouse.click(*desk.voxel(y, x))
            desk.settle()
        desk.page.get_by_role("button", name="Get objects").click()
        desk.settle()
        desk.page.locator(".dinoscope-table").first.scroll_into_view_if_needed()
        desk.viewer.evaluate("root => root.scrollIntoView({block: 'center'})")
        desk.page.wait_for_timeout(1500)
        desk.keep("panel")
        desk.leave()
        browser.close()


if __name__ == "__main__":
    main()
