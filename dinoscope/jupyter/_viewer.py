"""The deep-zoom viewer: a canvas in the browser."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import anywidget
import traitlets
from pydantic import ValidationError

from dinoscope.canvas import TILE, Canvas
from dinoscope.jupyter._front_end import front_end
from dinoscope.jupyter._home import Coalesced
from dinoscope.jupyter._messages import (
    Abort,
    Acted,
    Boxed,
    ClassChosen,
    Clicked,
    Closed,
    Leafed,
    Looked,
    Opened,
    Outlined,
    Stroked,
    TileRequest,
    read_message,
    reason,
)
from dinoscope.jupyter._tiles import TileDesk
from dinoscope.session import FOLLOWED, OBJECTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from dinoscope.canvas import Edges
    from dinoscope.jupyter._home import Home
    from dinoscope.jupyter._messages import Message

HEIGHT = 560
"""Pixels of the viewer, until somebody sets others."""


class Viewer(anywidget.AnyWidget):
    """A canvas in the browser. No pixels are sent but those of the tiles that are in sight.

    Parameters
    ----------
    canvas
        What is shown, and what people act on.
    home
        The thread of the session.

    Attributes
    ----------
    canvas
        As given.
    height
        Pixels of the viewer on the page.
    """

    _esm = front_end("viewer.js")
    _css = front_end("viewer.css")
    scene = traitlets.Dict().tag(sync=True)
    height = traitlets.Int(HEIGHT, min=160).tag(sync=True)

    def __init__(self, canvas: Canvas, home: Home) -> None:
        self.canvas, self._home = canvas, home
        self._views: set[str] = set()
        self._desk = TileDesk(canvas, self.send)
        self._changed = Coalesced(home, self._show)
        super().__init__(scene=scene_of(canvas))
        session = canvas.session
        self._actions: dict[str, Callable[[], object]] = {
            "toggle": session.brush.toggle,
            "search": lambda: session.request(*FOLLOWED),
            "objects": lambda: session.request(*OBJECTS),
            "undo": session.undo_prompts,
        }
        canvas.changed.connect(self._changed)
        self.on_msg(self._take)

    def look(self, edges: Edges) -> None:
        """Bring a part of the section into sight, in all views."""
        self._show()  # of another section, maybe
        self.send({"type": "look", "section": self.canvas.section, **dict(zip(_EDGES, edges, strict=True))})

    def say(self, text: str, kind: Literal["error", "info"] = "info") -> None:
        """Show a sentence over the image for a while."""
        self.send({"type": "say", "text": text, "kind": kind})

    def close(self) -> None:
        """Take the viewer off the pages, and draw nothing more."""
        self.canvas.changed.disconnect(self._changed, missing_ok=True)
        self._desk.close()
        for view in tuple(self._views):
            self._close_view(view)
        super().close()

    def _show(self) -> None:
        self.scene = scene_of(self.canvas)

    def _take(self, _: Any, content: Any, __: list[Any]) -> None:
        """Take a message, in whatever thread the kernel hands it over."""
        try:
            message = read_message(content)
        except ValidationError as error:
            self.say(f"The kernel does not understand the viewer: {reason(error)}.", "error")
            return
        match message:
            case TileRequest():
                self._desk.ask(message)
            case Abort():
                self._desk.abort(message.view, message.ids)
            case _:
                self._home.act(partial(self._perform, message))

    def _perform(self, message: Message) -> None:
        match message:
            case Opened(view=view) if view not in self._views:
                self._views.add(view)
                self.canvas.session.join()
            case Closed(view=view) if view in self._views:
                self._close_view(view)
            case Looked():
                self.canvas.look(message.edges)
            case Clicked():
                self.canvas.click(message.y, message.x, message.counter)
            case Boxed():
                self.canvas.box(message.edges, message.counter)
            case Stroked():
                self.canvas.stroke(message.corners, message.width, message.counter)
            case Outlined():
                self.canvas.outline(message.corners, message.counter)
            case Leafed():
                self.canvas.section = message.section
            case Acted():
                self._actions[message.action]()
            case ClassChosen():
                self.canvas.session.brush.choose_number(message.number)

    def _close_view(self, view: str) -> None:
        self._views.discard(view)
        self._desk.forget(view)
        self.canvas.session.leave()


_EDGES = ("y0", "x0", "y1", "x1")


def scene_of(canvas: Canvas) -> dict[str, Any]:
    """All that the browser is told of a canvas."""
    height, width = canvas.plane
    image, brush = canvas.session.image, canvas.session.brush
    return {
        "name": image.name if image else "",
        "width": width,
        "height": height,
        "sections": canvas.sections,
        "section": canvas.section,
        "tile": TILE,
        "pixel_nm": image and image.pixel_size_nm,
        "brush": {
            "class_name": brush.class_name,
            "colour": "#{:02x}{:02x}{:02x}".format(*canvas.colour(brush.class_name)),
            "positive": brush.positive,
        },
        "start": canvas.first_look and list(canvas.first_look),
        "layers": [
            {
                "name": layer.name,
                "title": layer.title,
                "version": layer.version,
                "opacity": canvas.opacity(layer),
                "magnified": layer.pyramid.magnified,
                "levels": layer.pyramid.levels,
            }
            for layer in canvas.layers
        ],
    }
