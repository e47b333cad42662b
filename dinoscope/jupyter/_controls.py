"""Small parts of the panel, so that they all look alike."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psygnal import SignalGroup, SignalInstance

    from dinoscope.jupyter._home import Home


class Showing:
    """Tells a value that is shown from one that somebody chose: widgets emit the same for both.

    What comes from the browser while something is shown comes in another thread, and is a choice.
    """

    def __init__(self) -> None:
        self._thread: int | None = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """What this thread sets meanwhile is shown."""
        before, self._thread = self._thread, threading.get_ident()
        try:
            yield
        finally:
            self._thread = before

    @property
    def is_on(self) -> bool:
        """Whether what is set now, in this thread, is shown and no choice."""
        return self._thread == threading.get_ident()


class Part(widgets.Box):
    """A part of the panel, which listens to a session for as long as it is open.

    Attributes
    ----------
    showing
        A context in which controls are set without that being somebody's choice.
    """

    def __init__(self, style: str) -> None:
        super().__init__()
        self.showing = Showing()
        self._heard: list[tuple[SignalInstance | SignalGroup, Callable[..., object]]] = []
        self.add_class(style)

    def listen(self, signal: SignalInstance | SignalGroup, slot: Callable[..., object]) -> None:
        """Call `slot` whenever there is a signal."""
        signal.connect(slot)
        self._heard.append((signal, slot))

    def follow(self, home: Home, control: widgets.Widget, action: Callable[[Any], object]) -> None:
        """Call `action` with the value of a control whenever somebody chooses another, in the browser or in a cell."""

        def chosen(_: object) -> None:
            if not self.showing.is_on:
                home.act(lambda: action(control.value))

        control.observe(chosen, "value")

    def close(self) -> None:
        """Listen no more, and leave the pages."""
        while self._heard:
            signal, slot = self._heard.pop()
            signal.disconnect(slot, missing_ok=True)
        close_parts(self)
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


def close_parts(made: widgets.Widget) -> None:
    """Close all that is in a widget: ipywidgets keeps for ever what is not closed, and whatever that calls."""
    looks = [getattr(made, name) for name in ("layout", "style") if made.has_trait(name)]
    for part in (*getattr(made, "children", ()), *looks):
        close_parts(part)
        part.close()


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


def note(text: str = "") -> widgets.HTML:
    """Lines of text that wrap."""
    made = widgets.HTML()
    made.add_class("dinoscope-note")
    show(made, text)
    return made


def show(made: widgets.HTML, text: str) -> None:
    """Show a plain text in a note."""
    made.value = escape(text).replace("\n", "<br>")
