"""What people do to the panel in a browser, and what they read there."""

from __future__ import annotations

from html import unescape
from typing import Any

Widget = Any


def press(button: Widget) -> None:
    """Click a button."""
    button.comm.receive({"event": "click"})


def edit(control: Widget, value: object) -> None:
    """Edit a control."""
    control.comm.receive_state(value=value)


def labels(control: Widget) -> list[str]:
    """The choices as people read them."""
    return list(control.get_state("_options_labels")["_options_labels"])


def pick(control: Widget, label: str) -> None:
    """Choose. The browser tells the number of the choice."""
    control.comm.receive_state(index=labels(control).index(label))


def sent(control: Widget, name: str) -> Any:
    """The newest value of a trait that the browser was sent."""
    states = [data["state"] for data, _ in control.comm.sent if data["method"] == "update"]
    return next(state[name] for state in reversed(states) if name in state)


def is_visible(part: Widget) -> bool:
    """Whether a part of the panel is shown."""
    return bool(part.layout.display != "none")


def text(note: Widget) -> str:
    """The text of a note."""
    return unescape(note.value)


def is_told(panel: Widget, words: str) -> bool:
    """Whether something was said in the footer and by the viewer, once."""
    return words in text(panel.footer.message) and [words in said for said in panel.viewer.comm.said()] == [True]
