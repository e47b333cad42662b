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
from PIL import Image as Picture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from playwright.sync_api import Error, FloatRect, Locator, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = os.environ.get("DINOSCOPE_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
"""That of the system; a path in DINOSCOPE_BROWSER where it is not on the PATH, as on macOS and Windows."""
MISSING = [name for name in ("jupyterlab", "notebook", "playwright") if find_spec(name) is None]
if BROWSER is None:
    MISSING.append("Chromium or Chrome")

PATIENCE_S = 120
ROOT = Path(__file__).resolve().parents[1]
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

FAULT_OF_NOTEBOOK = "Cannot read properties of undefined (reading 'schema')"
"""What Notebook 7.6 throws on each of its pages while it loads its shortcuts, without dinoscope too."""


class Server:
    """A Jupyter server in a folder of its own, with settings, runtime files and cache of its own.

    Its Python and its variables are those of the tests, or of another environment.
    """

    def __init__(self, folder: Path, python: str = sys.executable, variables: Mapping[str, str] | None = None) -> None:
        self.folder, self._own = folder / "work", folder / "own"
        self._python, self._variables = python, os.environ if variables is None else variables
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
        command = [self._python, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={self.folder}"]
        environment = {**self._variables, **places, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "default"}
        with self.log.open("w") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        wait_until(self._answers)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:  # it waits for a kernel that was just about to start
            self._process.kill()
            self._process.wait()

    def kernels(self, notebook: str = "") -> list[str]:
        """Identifiers of the kernels that run, or of that of a notebook."""
        with urllib.request.urlopen(f"{self.address}/api/sessions") as answer:
            return [one["kernel"]["id"] for one in json.load(answer) if notebook in ("", one["path"])]

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
        from jupyter_client.asynchronous.client import AsyncKernelClient

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
        self.server = server
        self.errors: list[str] = []
        self.kernel: Kernel
        self.turn_to(page)

    def turn_to(self, page: Page) -> None:
        """Work in a tab of the browser, in front of the others."""
        self.page = page
        page.on("pageerror", self._note)
        page.bring_to_front()

    def open(self, path: str, app: str = "lab/tree") -> None:
        """Open a notebook, in JupyterLab or, with ``notebooks``, in Notebook."""
        self.page.goto(f"{self.server.address}/{app}/{path}")
        self.page.locator(".jp-Notebook").wait_for()
        self.page.locator(".jp-NotebookPanel-toolbar .jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        self.connect()

    def connect(self, notebook: str = "") -> None:
        """Find the kernel of a notebook, or the only one there is; it must be up, or it counts as dead."""
        wait_until(lambda: len(self.server.kernels(notebook)) == 1)
        self.leave()
        self.kernel = Kernel(self.server.connection(self.server.kernels(notebook)[0]))

    def leave(self) -> None:
        """Ask the kernel no more."""
        if hasattr(self, "kernel"):
            self.kernel.close()
            del self.kernel

    def menu(self, entry: str) -> Locator:
        """What can be done with an entry of the file browser, by a click with the right button."""
        self.page.locator(".jp-DirListing-item", has_text=entry).click(button="right")
        items = self.page.locator(".lm-Menu-item:visible")
        items.filter(has_text="Rename").wait_for()
        return items

    def run_cell(self, number: int) -> None:
        """Run a code cell, counted from 0."""
        cell = self.page.locator(".jp-CodeCell").nth(number)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    @property
    def viewer(self) -> Locator:
        """The first viewer that is to be seen."""
        return self.page.locator(".dinoscope-viewer:visible").first

    @property
    def stage(self) -> FloatRect:
        """Where the image of the viewer is in the window."""
        box = self.page.locator(".dinoscope-stage:visible").first.bounding_box()
        assert box is not None
        return box

    def settle(self) -> None:
        """Wait until the kernel rests and all tiles are there."""
        self.viewer.wait_for()  # until then the cell may not even have been sent to the kernel
        wait_until(lambda: not self.kernel.ask("panel.session.is_running"))
        self.page.locator(".dinoscope-viewer[data-ready=true][data-pending='0']:visible").first.wait_for()
        self.page.wait_for_timeout(600)  # the camera glides for less

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so."""
        wait_until(condition)

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
        encoded = self.viewer.locator(".dinoscope-stage").screenshot()
        return np.asarray(Picture.open(io.BytesIO(encoded)).convert("RGB"))

    def keep(self, name: str) -> None:
        """Keep a screenshot of the window."""
        PICTURES.mkdir(exist_ok=True)
        self.page.screenshot(path=PICTURES / f"jupyter_{name}.png")

    def _note(self, error: Error) -> None:
        if error.message != FAULT_OF_NOTEBOOK:
            self.errors.append(str(error))


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.1)
