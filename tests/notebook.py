"""The browser's side of the notebook panel, without a browser: comms that remember, and a viewer's requests."""

from __future__ import annotations

import io
import time
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

PATIENCE_S = 60

Message = dict[str, Any]


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something is so that another thread brings about."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.002)


class Comm:
    """Remembers what a widget sends, and hands it what a browser would send."""

    def __init__(self, comm_id: str, **opened: Any) -> None:
        self.comm_id, self.opened = comm_id, opened
        self.sent: list[tuple[Message, list[bytes]]] = []
        self.is_closed = False
        self._take: Callable[[Message], None]

    def on_msg(self, take: Callable[[Message], None]) -> None:
        """Keep what takes the messages of the browser."""
        self._take = take

    def send(self, data: Message, metadata: Any = None, buffers: Any = None) -> None:
        """Remember a message."""
        assert not self.is_closed
        self.sent.append((data, [bytes(part) for part in buffers or ()]))

    def close(self, *_: Any, **__: Any) -> None:
        """The widget is gone."""
        self.is_closed = True

    def custom(self, kind: str) -> list[tuple[Message, list[bytes]]]:
        """The custom messages of a type, with their buffers."""
        custom = [(data["content"], buffers) for data, buffers in self.sent if data["method"] == "custom"]
        return [(content, buffers) for content, buffers in custom if content["type"] == kind]

    def said(self) -> list[str]:
        """What was said to people."""
        return [content["text"] for content, _ in self.custom("say")]

    def receive(self, content: Any) -> None:
        """Hand a custom message to the widget."""
        self._take({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})

    def receive_state(self, **state: Any) -> None:
        """Hand traits that changed in the browser to the widget."""
        self._take({"content": {"data": {"method": "update", "state": state}}, "buffers": []})


class Page:
    """A view of a viewer on a page."""

    def __init__(self, viewer: Any, name: str = "a view") -> None:
        self.viewer, self.name = viewer, name
        self.comm: Comm = viewer.comm
        self._numbers = count()

    @property
    def scene(self) -> Message:
        """What the widget says there is to show."""
        scene: Message = self.viewer.scene
        return scene

    def layer(self, name: str) -> Message | None:
        """A layer of the scene, by the first word of its name."""
        found = [layer for layer in self.scene["layers"] if layer["name"].split()[0] == name]
        return found[0] if found else None

    def send(self, kind: str, **rest: Any) -> None:
        """Send a message."""
        self.comm.receive({"type": kind, **rest})

    def open(self) -> None:
        """The view is on the page."""
        self.send("opened", view=self.name)

    def close(self) -> None:
        """The view leaves the page."""
        self.send("closed", view=self.name)

    def click(self, y: float, x: float, counter: bool = False) -> None:
        """Click on a voxel."""
        self.send("point", y=y, x=x, counter=counter)

    def address(self, layer: Message, level: int, row: int = 0, column: int = 0) -> Message:
        """A request for a tile, with a number of its own."""
        shown = {"layer": layer["name"], "version": layer["version"], "section": self.scene["section"]}
        place = {"level": level, "row": row, "column": column}
        return {"view": self.name, "id": next(self._numbers), **shown, **place}

    def ask(self, layer: Message, level: int, row: int = 0, column: int = 0) -> int:
        """Ask for a tile; the number of the request."""
        request = self.address(layer, level, row, column)
        self.send("tile", **request)
        number: int = request["id"]
        return number

    def answer(self, number: int) -> tuple[Message, list[bytes]]:
        """The answer to a request, which is waited for."""
        wait_until(lambda: self._answers(number))
        (answer,) = self._answers(number)
        return answer

    def pixels(self, name: str, level: int | None = None) -> NDArray[np.uint8]:
        """A tile of a layer as the browser decodes it; of the finest level that has a pixel per voxel by default."""
        layer = self.layer(name)
        assert layer is not None
        finest: int = layer["levels"] - 1 - layer["magnified"]
        message, buffers = self.answer(self.ask(layer, finest if level is None else level))
        assert message["type"] == "tile", message
        return np.asarray(Picture.open(io.BytesIO(buffers[0])))

    def _answers(self, number: int) -> list[tuple[Message, list[bytes]]]:
        answers = [*self.comm.custom("tile"), *self.comm.custom("refused")]
        return [(m, buffers) for m, buffers in answers if (m["view"], m["id"]) == (self.name, number)]
