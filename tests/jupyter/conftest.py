"""The notebook panel: in a loop as a kernel runs one, with comms that remember what was sent, and in real browsers."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSING = [name for name in ("anywidget", "ipywidgets") if find_spec(name) is None]


def pytest_collect_file() -> None:
    """Skip the folder where ipywidgets is not installed. In CI it must be: there the tests fail to import it."""
    if MISSING and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(MISSING)} not installed: pip install -e '.[jupyter,dev]'")


class Comm:
    """Remembers what a widget sends to the browser."""

    def __init__(self, **opened: Any) -> None:
        self.comm_id = f"comm-{id(self)}"
        self.opened = opened
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        self._take: Any = None
        self.is_closed = False

    def on_msg(self, take: Any) -> None:
        """Keep what takes the messages of the browser."""
        self._take = take

    def on_close(self, take: Any) -> None:
        """Nobody closes it from the browser."""

    def send(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        """Remember a message."""
        self.sent.append((data, [bytes(part) for part in buffers or ()]))

    def close(self, *_: Any, **__: Any) -> None:
        """The widget is gone."""
        self.is_closed = True

    def custom(self, kind: str | None = None) -> list[tuple[dict[str, Any], list[bytes]]]:
        """The custom messages with their buffers, all or those of a type."""
        found = [(data["content"], buffers) for data, buffers in self.sent if data["method"] == "custom"]
        return [(content, buffers) for content, buffers in found if kind in (None, content["type"])]

    def states(self, name: str) -> list[Any]:
        """The values of a trait, in the order they were sent."""
        updates = [data["state"] for data, _ in self.sent if data["method"] == "update"]
        return [state[name] for state in updates if name in state]

    def receive(self, content: Any) -> None:
        """Hand a custom message of the browser to the widget."""
        self._take({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})

    def receive_state(self, **state: Any) -> None:
        """Hand traits that the browser changed to the widget."""
        self._take({"content": {"data": {"method": "update", "state": state}}, "buffers": []})


@pytest.fixture
def comms(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every widget that is made gets a comm that remembers."""
    from ipywidgets.widgets import widget

    monkeypatch.setattr(widget.comm, "create_comm", lambda **opened: Comm(**opened))
    yield
    widget._instances.clear()
