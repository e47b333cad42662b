"""The panel in a real kernel: what the browser sends while cells run and while there is work, and the end of it."""

from __future__ import annotations

import ast
import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import AsyncKernelManager

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    Message = dict[str, Any]

PATIENCE_S = 120

JPEG = b"\xff\xd8"

TILE = {
    "type": "tile",
    "view": "v",
    "id": 7,
    "layer": "image",
    "version": 1,
    "section": 0,
    "level": 0,
    "row": 0,
    "column": 0,
}

MAKE = """
import threading, time
import numpy as np
from pathlib import Path
from dinoscope.image import open_image
from dinoscope.jupyter import Panel, new_session
from dinoscope.prompts import PointPrompt
from dinoscope.testing import FakeEncoder

class Slow(FakeEncoder):
    pause = 0.02
    def encode(self, pixels):
        time.sleep(self.pause * len(pixels))
        return super().encode(pixels)

threads = []
session = new_session(Path("cache"))
session.make_encoder = lambda name, device: Slow()
session.events.prompts.connect(lambda _: threads.append(threading.current_thread()))
pixels = np.zeros(({side}, {side}), np.uint8)
pixels[32:64, 32:64] = 200
session.image = open_image(pixels, name="squares")
panel = Panel(session)
viewer = panel.viewer.comm.comm_id
"""


class Kernel:
    """A kernel, and the browser's end of its channels."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._manager = AsyncKernelManager(kernel_name="python3")
        self._do(self._manager.start_kernel(cwd=str(folder), env={**os.environ, "PYTHONWARNINGS": "default"}))
        self._client = self._manager.client()
        self._client.start_channels()
        self._do(self._client.wait_for_ready(timeout=PATIENCE_S))
        self._subshell = ""

    def run(self, code: str) -> None:
        """Run a cell and wait for its end."""
        content = self._do(self._client.execute(code, reply=True, timeout=PATIENCE_S))["content"]
        assert content["status"] == "ok", "\n".join(content.get("traceback", []))

    def begin(self, code: str) -> None:
        """Begin to run a cell."""
        self._client.execute(code)

    def ask(self, expression: str) -> Any:
        """The value of an expression that is made of literals."""
        asked = self._client.execute("", user_expressions={"it": expression}, reply=True, timeout=PATIENCE_S)
        answer = self._do(asked)["content"]["user_expressions"]["it"]
        assert answer["status"] == "ok", "\n".join(answer["traceback"])
        return ast.literal_eval(answer["data"]["text/plain"])

    def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        self._do(self._asked(expression))

    def make_panel(self, side: int) -> None:
        """Make a panel on an image of that many voxels a side, with an encoder that takes its time."""
        self.run(MAKE.format(side=side))
        self._viewer = self.ask("viewer")

    def send(self, content: Message) -> None:
        """Send a message to the viewer, by the subshell if there is one."""
        data = {"method": "custom", "content": content}
        message = self._client.session.msg("comm_msg", {"comm_id": self._viewer, "data": data})
        if self._subshell:
            message["header"]["subshell_id"] = self._subshell
        self._client.shell_channel.send(message)

    def open_subshell(self) -> None:
        """Open a channel that cells do not block, as JupyterLab does for the comms."""
        request = self._client.session.msg("create_subshell_request")
        self._client.control_channel.send(request)
        reply = self._do(self._client.get_control_msg(timeout=PATIENCE_S))
        self._subshell = reply["content"]["subshell_id"]

    def close_subshell(self) -> None:
        """Close it, as JupyterLab does when nothing on the page needs it any more."""
        request = self._client.session.msg("delete_subshell_request", {"subshell_id": self._subshell})
        self._client.control_channel.send(request)
        assert self._do(self._client.get_control_msg(timeout=PATIENCE_S))["content"]["status"] == "ok"
        self._subshell = ""

    def heard(self, wanted: Callable[[Message], bool]) -> Message:
        """The next published message that is wanted; the others are passed over."""
        message: Message = self._do(self._heard(wanted))
        return message

    def said(self, kind: str) -> Message:
        """The next custom message of the viewer of a kind."""
        return self.heard(lambda m: m["msg_type"] == "comm_msg" and _custom(m).get("type") == kind)

    def end(self) -> None:
        """Ask the kernel to end, and wait until its process has; nobody kills it."""
        self._client.shutdown()
        self._do(self._gone())

    def close(self) -> None:
        """Leave nothing running."""
        self._client.stop_channels()
        self._do(self._manager.shutdown_kernel(now=True))
        self._manager.context.term()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _heard(self, wanted: Callable[[Message], bool]) -> Message:
        while True:
            message: Message = await self._client.get_iopub_msg(timeout=PATIENCE_S)
            if wanted(message):
                return message

    async def _asked(self, expression: str) -> None:
        while True:
            asked = self._client.execute("", user_expressions={"it": expression}, reply=True, timeout=PATIENCE_S)
            if (await asked)["content"]["user_expressions"]["it"]["data"]["text/plain"] == "True":
                return
            await asyncio.sleep(0.05)

    async def _gone(self) -> None:
        while await self._manager.is_alive():
            await asyncio.sleep(0.05)

    def _do(self, work: Awaitable[Any]) -> Any:
        return self._loop.run_until_complete(asyncio.wait_for(work, PATIENCE_S))


def _custom(message: Message) -> Message:
    content: Message = message["content"]["data"].get("content") or {}
    return content


def point(y: float, x: float) -> Message:
    return {"type": "point", "y": y, "x": x, "counter": False}


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path)
    yield kernel
    kernel.close()


@pytest.mark.slow
def test_cells_run_while_there_is_work_and_work_goes_on_while_cells_run(kernel: Kernel) -> None:
    kernel.make_panel(side=400)
    kernel.run("session.prompts = [PointPrompt((0, 48, 48))]")
    assert kernel.ask("session.is_running")
    kernel.run("done = session.request('similarity').wait(60)")  # blocks the loop, so nothing can be told meanwhile
    assert kernel.ask("done")
    kernel.until("session.is_ready('similarity')")
    assert kernel.ask("all(thread is threading.main_thread() for thread in threads)")
    kernel.run("await panel.settled()")


@pytest.mark.slow
@pytest.mark.parametrize("subshell", [False, True])
def test_tiles_and_clicks_come_while_a_cell_waits(kernel: Kernel, tmp_path: Path, subshell: bool) -> None:
    kernel.make_panel(side=300)
    if subshell:
        kernel.open_subshell()
    kernel.begin("import asyncio\nwhile not Path('go on').exists():\n    await asyncio.sleep(0.01)")
    kernel.heard(lambda m: m["msg_type"] == "execute_input" and "go on" in m["content"]["code"])
    kernel.send(TILE)
    assert bytes(kernel.said("tile")["buffers"][0][:2]) == JPEG
    kernel.send(point(48, 47))
    kernel.heard(lambda m: m["msg_type"] == "comm_msg" and "examples" in str(m["content"]["data"]))
    (tmp_path / "go on").touch()
    assert kernel.ask("[p.position for p in session.prompts]") == [(0.0, 48.0, 47.0)]
    assert kernel.ask("all(thread is threading.main_thread() for thread in threads)")


@pytest.mark.slow
@pytest.mark.parametrize("subshell", [False, True])
def test_nothing_is_lost_while_a_cell_computes(kernel: Kernel, tmp_path: Path, subshell: bool) -> None:
    kernel.make_panel(side=300)
    if subshell:
        kernel.open_subshell()
    kernel.begin("while not Path('go on').exists():\n    time.sleep(0.01)\ntold = len(session.prompts)")
    kernel.heard(lambda m: m["msg_type"] == "execute_input" and "go on" in m["content"]["code"])
    kernel.send(point(48, 47))
    kernel.send(TILE)
    if subshell:  # tiles come at once; clicks wait for the thread of the session
        assert bytes(kernel.said("tile")["buffers"][0][:2]) == JPEG
    (tmp_path / "go on").touch()
    kernel.until("len(session.prompts) == 1")
    assert kernel.ask("told") == 0
    assert kernel.ask("all(thread is threading.main_thread() for thread in threads)")
    if not subshell:
        assert bytes(kernel.said("tile")["buffers"][0][:2]) == JPEG


@pytest.mark.slow
def test_messages_arrive_when_the_subshell_of_the_last_ones_is_gone(kernel: Kernel) -> None:
    kernel.make_panel(side=300)
    kernel.open_subshell()
    kernel.send(point(48, 47))
    kernel.until("len(session.prompts) == 1")
    kernel.close_subshell()
    kernel.send(point(80, 81))
    kernel.until("len(session.prompts) == 2")


@pytest.mark.slow
def test_the_work_is_cancelled_when_the_last_view_leaves_and_goes_on_with_the_next(kernel: Kernel) -> None:
    kernel.make_panel(side=600)
    kernel.send({"type": "opened", "view": "a"})
    kernel.send({"type": "opened", "view": "b"})
    kernel.send(point(48, 48))
    kernel.until("session.is_running")
    kernel.send({"type": "closed", "view": "a"})
    assert not kernel.ask("session._job.is_cancelled")
    kernel.send({"type": "closed", "view": "b"})
    kernel.until("not session.is_running")
    assert not kernel.ask("session.is_ready('similarity')")
    kernel.send({"type": "opened", "view": "c"})
    kernel.until("session.is_ready('similarity')")


@pytest.mark.slow
def test_a_kernel_ends_in_the_middle_of_work(kernel: Kernel) -> None:
    kernel.make_panel(side=6000)
    kernel.run("Slow.pause = 0.5; panel.session.prompts = [PointPrompt((0, 48, 48))]")  # more than PATIENCE_S of work
    kernel.until("session.is_ready('cost')")
    assert kernel.ask("session.is_running")
    kernel.end()
