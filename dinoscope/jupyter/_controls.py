"""Small parts of the panel, so that they all look alike."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

if TYPE_CHECKING:
    from collections.abc import Callable

    from psygnal import SignalGroup, SignalInstance

    from dinoscope.jupyter._home import Home


class Part(widgets.Box):
    """A part of the panel, which listens to a session for as long as it is open."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self._heard: list[tuple[SignalInstance | SignalGroup, Callable[..., object]]] = []
        self.add_class(style)

    def listen(self, signal: SignalInstance | SignalGroup, slot: Callable[..., object]) -> None:
        """Call `slot` whenever there is a signal."""
        signal.connect(slot)
        self._heard.append((signal, slot))

    def close(self) -> None:
        """Listen no more, and leave the pages."""
        while self._heard:
            signal, slot = self._heard.pop()
            signal.disconnect(slot, missing_ok=True)
        for child in self.children:
            child.close()
        super().close()


class Section(Part):
    """A titled part of the panel, filled from top to bottom."""

    def __init__(self, title: str) -> None:
        super().__init__("dinoscope-section")
        heading = widgets.Label(title)
        heading.add_class("dinoscope-heading")
        self.children = (heading,)

    def add(self, *rows: widgets.Widget) -> None:
        """Add rows."""
        self.children = (*self.children, *rows)


def row(*parts: widgets.Widget) -> widgets.HBox:
    """Parts beside one another, which share the width."""
    for part in parts:
        part.layout.flex = "1 1 auto"
        part.layout.width = "auto"
    made = widgets.HBox(parts)
    made.add_class("dinoscope-row")
    return made


def labelled(*pairs: tuple[str, widgets.Widget]) -> widgets.GridBox:
    """Rows of a title and a control, aligned as in a form of settings."""
    parts: list[widgets.Widget] = []
    for title, control in pairs:
        control.layout.width = "auto"
        parts += [widgets.Label(title, tooltip=control.tooltip), control]
    made = widgets.GridBox(parts)
    made.add_class("dinoscope-form")
    return made


def button(home: Home, text: str, tip: str, action: Callable[[], object], **traits: Any) -> widgets.Button:
    """A button with a tooltip."""
    made = widgets.Button(description=text, tooltip=tip, **traits)
    made.on_click(lambda _: home.act(action))
    return made


def edited(home: Home, control: widgets.Widget, action: Callable[[Any], object]) -> None:
    """Call `action` with the value of a control whenever somebody changes it in the browser or in a cell."""
    control.observe(lambda _: home.act(lambda: action(control.value)), "value")


def note(text: str = "") -> widgets.HTML:
    """Lines of text that wrap."""
    made = widgets.HTML()
    made.add_class("dinoscope-note")
    show(made, text)
    return made


def show(made: widgets.HTML, text: str) -> None:
    """Show a plain text in a note."""
    made.value = escape(text).replace("\n", "<br>")
