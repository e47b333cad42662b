"""The examples one by one, each of which can be switched off."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import ipywidgets as widgets

from dinoscope.jupyter._controls import Part, close_parts, note, show
from dinoscope.session import describe_example

if TYPE_CHECKING:
    from dinoscope.jupyter._home import Home
    from dinoscope.session import Session

LIMIT = 100
"""Examples that have a check box; those beyond can be switched in a cell."""

_HEIGHT = "130px"


class ExampleList(Part):
    """A check box per example.

    Parameters
    ----------
    session
        Whose examples.
    home
        Its thread.
    """

    def __init__(self, session: Session, home: Home) -> None:
        super().__init__("dinoscope-examples")
        self._session, self._home = session, home
        self.layout.flex_flow, self.layout.display = "column", "flex"
        self.layout.max_height, self.layout.overflow = _HEIGHT, "auto"
        self.boxes: tuple[widgets.Checkbox, ...] = ()
        self.more = note()
        self.listen(session.events.prompts, self._show)
        self._show()

    def _show(self, *_: object) -> None:
        examples, muted = self._session.examples, self._session.muted
        shown = examples[:LIMIT]
        kept, gone = self.boxes[: len(shown)], self.boxes[len(shown) :]
        self.boxes = (*kept, *(self._box(number) for number in range(len(kept), len(shown))))
        with self.showing():
            for box, example in zip(self.boxes, shown, strict=True):
                box.description, box.value = describe_example(example), example.number not in muted
        show(self.more, f"and {len(examples) - LIMIT:,} more, see session.muted" if len(examples) > LIMIT else "")
        self.children = (*self.boxes, self.more)
        for box in gone:
            close_parts(box)
            box.close()

    def _box(self, number: int) -> widgets.Checkbox:
        box = widgets.Checkbox(True, indent=False, tooltip="What is unchecked is not searched by.")
        box.layout.width, box.layout.flex = "auto", "0 0 auto"
        self.follow(self._home, box, partial(self._switch, number))
        return box

    def _switch(self, number: int, on: bool) -> None:
        self._session.muted = self._session.muted - {number} if on else self._session.muted | {number}
