"""A Jupyter server of our own, and the Chromium of the system, driven as people drive it."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from jupyter_client import AsyncKernelClient
from PIL import Image as Picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from playwright.sync_api import Browser, Locator, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
MISSING = [name for name in ("jupyterlab", "notebook", "playwright") if find_spec(name) is None]
if BROWSER is None:
    MISSING.append("Chromium or Chrome")

PATIENCE_S = 120
ROOT = Path(__file__).resolve().parents[3]
PICTURES = ROOT / "docs" / "images"
"""Screenshots are kept here to be looked at; git ignores them."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
)


def pytest_collect_file() -> None:
    """Skip the folder where there is no browser. In CI there must be one: there the tests fail without it."""
    if MISSING and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(MISSING)} not installed: pip install -e '.[jupyter,dev]', and a Chromium")


class Server:
    """A Jupyter server in a folder of its own, with settings, runtime files and cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._own = folder / "work", folder / "own"
        self.folder.mkdir(parents=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{free.getsockname()[1]}"
        settings = self._own / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
        self.log = self._own / "server.log"

    def __enter__(self) -> Server:
        own = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "config/lab/user-settings",
            "JUPYTERLAB_WORKSPACES_DIR": "config/lab/workspaces",
            "XDG_CACHE_HOME": "cache",
        }
        places = {name: str(self._own / place) for name, place in own.items()}
        options = (
            "--no-browser",
            "--allow-root",
            f"--port={self.address.rpartition(':')[2]}",
            "--IdentityProvider.token=",
        )
        command = [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={self.folder}"]
        environment = {**os.environ, **places, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "default"}
        with self.log.open("w") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        wait_until(self._answers)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(60)

    def kernels(self) -> list[str]:
        """Identifiers of the kernels that run."""
        with urllib.request.urlopen(f"{self.address}/api/kernels") as answer:
            return [kernel["id"] for kernel in json.load(answer)]

    def connection(self, kernel: str) -> Path:
        """The file that tells how to reach a kernel."""
        return self._own / "runtime" / f"kernel-{kernel}.json"

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log.read_text()
        try:
            urllib.request.urlopen(f"{self.address}/api").close()
        except OSError:
            return False
        return True


class Kernel:
    """Asks the kernel of a notebook, beside the notebook."""

    def __init__(self, connection: Path) -> None:
        self._loop = asyncio.new_event_loop()  # in a thread: playwright has a loop in this one
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._client = AsyncKernelClient(connection_file=str(connection))
        self._client.load_connection_file()
        self._wait(self._start())

    def ask(self, expression: str) -> Any:
        """The value of an expression that is made of literals."""
        reply = self._execute("", user_expressions={"it": expression})
        answer = reply["content"]["user_expressions"]["it"]
        assert answer["status"] == "ok", "\n".join(answer["traceback"])
        return ast.literal_eval(answer["data"]["text/plain"])

    def run(self, code: str) -> None:
        """Run statements."""
        content = self._execute(code)["content"]
        assert content["status"] == "ok", "\n".join(content.get("traceback", []))

    def close(self) -> None:
        """Leave the kernel alone."""
        self._loop.call_soon_threadsafe(self._client.stop_channels)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _execute(self, code: str, **options: Any) -> dict[str, Any]:
        options = {"store_history": False, "reply": True, "timeout": PATIENCE_S, **options}
        reply: dict[str, Any] = self._wait(self._client.execute(code, **options))
        return reply

    async def _start(self) -> None:
        self._client.start_channels()
        await self._client.wait_for_ready(timeout=PATIENCE_S)

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)


class Desk:
    """A notebook in the browser, and its kernel."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.kernel: Kernel

    def open(self, path: str, app: str = "lab/tree") -> None:
        """Open a notebook, in JupyterLab or, with ``notebooks``, in Notebook."""
        self.page.goto(f"{self.server.address}/{app}/{path}")
        self.page.locator(".jp-Notebook").wait_for()
        self.page.locator(".jp-NotebookPanel-toolbar .jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        self.connect()

    def connect(self) -> None:
        """Find the kernel of the notebook, the only one there is."""
        wait_until(lambda: len(self.server.kernels()) == 1)
        self.kernel = Kernel(self.server.connection(self.server.kernels()[0]))

    def run_cell(self, number: int) -> None:
        """Run a code cell, counted from 0."""
        cell = self.page.locator(".jp-CodeCell").nth(number)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    @property
    def viewer(self) -> Locator:
        """The first viewer."""
        return self.page.locator(".dinoscope-viewer").first

    def settle(self) -> None:
        """Wait until the kernel rests and all tiles are there."""
        wait_until(lambda: not self.kernel.ask("panel.session.is_running"))
        self.page.locator(".dinoscope-viewer[data-ready=true][data-pending='0']").first.wait_for()
        self.page.wait_for_timeout(600)  # the camera glides for less

    def voxel(self, y: float, x: float) -> tuple[float, float]:
        """Where a voxel is in the window: x, y, as the viewer says."""
        place = self.viewer.evaluate("(root, [y, x]) => root.voxelToClient(y, x)", [y, x])
        return place["x"], place["y"]

    def prompts(self) -> list[tuple[float, float, float]]:
        """The points that were given, z, y, x."""
        found: list[tuple[float, float, float]] = self.kernel.ask(
            "[tuple(map(float, p.position)) for p in panel.session.prompts if hasattr(p, 'position')]"
        )
        return found

    def picture(self) -> NDArray[np.uint8]:
        """What the stage of the viewer shows, h w 3."""
        encoded = self.page.locator(".dinoscope-stage").first.screenshot()
        return np.asarray(Picture.open(io.BytesIO(encoded)).convert("RGB"))

    def keep(self, name: str) -> None:
        """Keep a screenshot of the window."""
        PICTURES.mkdir(exist_ok=True)
        self.page.screenshot(path=PICTURES / f"jupyter_{name}.png")


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser. Of a module, since playwright leaves a loop running in this thread for as long as it lives."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def desk(browser: Browser, tmp_path: Path) -> Iterator[Desk]:
    """A page without a notebook yet; files belong into ``desk.server.folder``."""
    with Server(tmp_path / "jupyter") as server:
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        page.set_default_timeout(PATIENCE_S * 1000)
        desk = Desk(page, server)
        yield desk
        if hasattr(desk, "kernel"):
            desk.kernel.close()
        page.close()
        assert desk.errors == []
