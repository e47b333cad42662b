"""A wheel alone, in an empty environment: ``python -m tests.packaging.wheel_check dist/*.whl``.

A new virtual environment, a home folder without anything in it, no checkout, no data and no network for weights: the
demo has to run, napari to show the widget under Xvfb (or on the screen there is), and JupyterLab the panel in Chromium.
The browser is driven from the environment of the developer; what it shows comes from the wheel. pip may use its cache.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.jupyterlab import BROWSER, FLAGS, PATIENCE_S, Desk, Server
from tests.packaging.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = ("PATH", "LANG", "TMPDIR", "SYSTEMROOT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Variables that say nothing about the person; all others are left out."""

GOOD = 0.6
"""Dice on the phantom, which the encoder knows from its training: less means that something is broken."""

TRUTH = "sample.objects(sample.image.extent)"


class Fresh:
    """A virtual environment and a home folder that nobody has used."""

    def __init__(self, folder: Path) -> None:
        self.home, self.work = folder / "home", folder / "work"
        for place in (self.home, self.work):
            place.mkdir(parents=True)
        venv.create(folder / "venv", with_pip=True, symlinks=os.name != "nt")
        self._programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        own = {"HOME": str(self.home), "USERPROFILE": str(self.home), "HF_HUB_OFFLINE": "1", "PYTHONNOUSERSITE": "1"}
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ} | own
        self.environment["PATH"] = os.pathsep.join([str(self._programs), os.environ["PATH"]])

    def program(self, name: str) -> str:
        """Where a program of the environment is."""
        return shutil.which(name, path=str(self._programs)) or str(self._programs / name)

    def install(self, *words: str) -> None:
        """Run pip, with its settings and its cache."""
        settings = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        cache = subprocess.run(
            [sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True
        )
        settings = {"PIP_CACHE_DIR": cache.stdout.strip(), **settings}
        self.run([self.program("python"), "-m", "pip", "install", "--quiet", *words], **settings)

    def run(self, command: Sequence[str], **variables: str) -> str:
        """Run a program in the empty work folder; its standard output."""
        environment = self.environment | variables
        ended = subprocess.run(command, cwd=self.work, env=environment, capture_output=True, text=True, check=False)
        if ended.returncode:
            sys.exit(
                f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout[-4000:]}\n{ended.stderr[-4000:]}"
            )
        return ended.stdout


def main() -> None:
    """Install the wheel and try everything it has to show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="Keep the screenshots here.")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dinoscope-wheel-") as temporary:
        fresh = Fresh(Path(temporary))
        pictures: Path = (args.pictures or Path(temporary) / "pictures").resolve()
        pictures.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        fresh.install("-c", str(ROOT / "constraints.txt"), f"dinoscope[all] @ {args.wheel.resolve().as_uri()}")
        fresh.run([fresh.program("python"), "-m", "pip", "check"])
        say("installed", f"{args.wheel.name}[all] in {time.monotonic() - began:.0f} s")
        say("demo", try_demo(fresh))
        say("napari", try_napari(fresh, pictures / "wheel_napari.png"))
        say("jupyter", try_jupyter(fresh, Path(temporary) / "jupyter", pictures / "wheel_jupyter.png"))


def say(what: str, how: str) -> None:
    """Tell how a part ended."""
    sys.stdout.write(f"{what}: {how}\n")
    sys.stdout.flush()


def try_demo(fresh: Fresh) -> str:
    """`dinoscope demo`, and what it wrote."""
    found = json.loads(fresh.run([fresh.program("dinoscope"), "demo", "--json"]))
    missing = [
        found[key] for key in ("mask", "table", "detections", "overlay") if not (fresh.work / found[key]).exists()
    ]
    if missing or found["dice"] < GOOD:
        sys.exit(f"the demo wrote no {', '.join(missing) or 'good mask'}: {found}")
    return f"Dice {found['dice']}"


def try_napari(fresh: Fresh, picture: Path) -> str:
    """The widget in a window."""
    show = [] if {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ) or sys.platform != "linux" else ["xvfb-run", "-a"]
    screen = {name: os.environ[name] for name in ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY") if name in os.environ}
    if show:
        show += ["-s", "-screen 0 1800x1200x24"]
    script = str(Path(__file__).with_name("napari_window.py"))
    answer = fresh.run([*show, fresh.program("python"), "-P", script, str(picture)], **screen)
    found: dict[str, Any] = json.loads(answer.splitlines()[-1])
    if str(fresh.home.parent) not in found["module"]:
        sys.exit(f"napari took dinoscope from {found['module']}, not from the wheel")
    if found["dice"] < GOOD or not found["objects"]:
        sys.exit(f"three clicks in napari found too little: {found}")
    return f"Dice {found['dice']:.3f}, {found['objects']} objects"


def try_jupyter(fresh: Fresh, folder: Path, picture: Path) -> str:
    """The quick start from JupyterLab's launcher, clicked on."""
    from playwright.sync_api import sync_playwright

    with Server(folder, fresh.program("python"), fresh.environment) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        desk = Desk(browser.new_page(viewport={"width": 1400, "height": 1060}), server)
        desk.page.set_default_timeout(PATIENCE_S * 1000)
        try:
            found = click_in_quick_start(desk)
            desk.page.screenshot(path=picture)
        finally:
            desk.leave()
            browser.close()
    if desk.errors or str(fresh.home.parent) not in found["module"] or not found["objects"]:
        sys.exit(f"the panel has errors {desk.errors} and found {found}")
    return f"{found['objects']} objects"


def click_in_quick_start(desk: Desk) -> dict[str, Any]:
    """Open the quick start from the launcher, click on mitochondria, get the objects; what the kernel says of them."""
    desk.page.goto(f"{desk.server.address}/lab")
    desk.page.locator(".jp-LauncherCard", has_text="dinoscope quick start").click()
    desk.page.locator(".jp-Notebook").wait_for()
    desk.page.locator(".jp-NotebookPanel-toolbar .jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    desk.connect()
    desk.page.keyboard.press("Control+b")  # without the file browser
    desk.run_cell(0)
    desk.settle()
    desk.kernel.run("panel.session.brush.choose('mitochondrion')")
    centres = desk.kernel.ask(f"[tuple(map(float, c)) for c in {TRUTH}.centres[{TRUTH}.classes == 1]]")
    for y, x in [centre for centre in centres if 200 < min(centre) and max(centre) < 824][:3]:
        desk.page.mouse.click(*desk.voxel(y, x))
        desk.settle()
    desk.page.get_by_role("button", name="Get objects").click()
    desk.settle()
    desk.page.locator(".dinoscope-table tbody tr").first.wait_for()
    desk.viewer.evaluate("root => root.scrollIntoView({block: 'center'})")
    desk.page.wait_for_timeout(1000)
    objects, module = desk.kernel.ask("(len(panel.session.result('measurements')), ds.__file__)")
    return {"objects": objects, "module": module}


if __name__ == "__main__":
    main()
