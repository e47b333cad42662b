"""Giving examples: of which class, with which sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets

from dinoscope.jupyter._controls import Section, button, note, row, show
from dinoscope.jupyter._example_list import ExampleList
from dinoscope.session import TELL_PLACEHOLDER, TELL_TIP, describe_examples, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from dinoscope.jupyter._home import Home
    from dinoscope.session import Session


class ExamplePanel(Section):
    """Controls of the brush, what was given by now, and where more would help.

    Parameters
    ----------
    session
        Whose examples.
    home
        Its thread.
    fly_to
        Called with the voxel (z, y, x) that somebody is asked about.
    """

    def __init__(self, session: Session, home: Home, fly_to: Callable[[tuple[float, float, float]], object]) -> None:
        super().__init__("Examples")
        self._session, self._home, self._fly_to = session, home, fly_to
        self.classes = widgets.Dropdown(tooltip="What the next example is an example of (keys 1 to 9).")
        self.new_class = widgets.Text(
            placeholder="new class", continuous_update=False, tooltip="Type a name to add a class, and go on with it."
        )
        self.words = widgets.Text(placeholder=TELL_PLACEHOLDER, continuous_update=False, tooltip=TELL_TIP)
        self.sign = widgets.Button(tooltip="Whether the next click says “this is one” or “this is not one” (key T).")
        self.undo = button(home, "Undo", "Take the last change of the examples back (Shift+Z).", session.undo_prompts)
        self.clear = button(home, "Clear", "Forget all examples; undo brings them back.", self._clear)
        self._build_guide()
        self.summary = note()
        self.list = ExampleList(session, home)
        self.add(
            row(self.classes, self.new_class),
            row(self.sign, self.undo, self.clear),
            row(self.words),
            row(self.suggest, self.yes, self.no),
            self.summary,
            self.list,
        )
        self._show_brush()
        self._show_prompts()
        self._show_guide()
        self._connect()

    def _build_guide(self) -> None:
        home, guide = self._home, self._session.guide
        tip = "Go to the place where another example would help most, and ring it."
        self.suggest = button(home, "Suggest", tip, self._suggest)
        self.yes = button(home, "+ yes", "What is in the ring is one.", lambda: guide.answer(True))
        self.no = button(home, "\N{MINUS SIGN} no", "What is in the ring is not one.", lambda: guide.answer(False))

    def _connect(self) -> None:
        brush = self._session.brush
        self.follow(self._home, self.classes, brush.choose)
        self.follow(self._home, self.new_class, self._add)
        self.follow(self._home, self.words, self._tell)
        self.sign.on_click(lambda _: self._home.act(brush.toggle))
        self.listen(brush.events, self._show_brush)
        self.listen(self._session.events.prompts, self._show_prompts)
        for signal in (self._session.guide.changed, self._session.events.ready, self._session.events.dropped):
            self.listen(signal, self._show_guide)

    def _show_brush(self, *_: object) -> None:
        brush = self._session.brush
        with self.showing():
            if self.classes.options != brush.classes:
                self.classes.options = brush.classes
            if brush.class_name in brush.classes:  # not between the two changes that make a new class
                self.classes.value = brush.class_name
        self.sign.description = "+ this is one" if brush.positive else "\N{MINUS SIGN} this is not one"
        self.sign.button_style = "" if brush.positive else "danger"

    def _show_prompts(self, *_: object) -> None:
        show(self.summary, describe_examples(self._session.prompts, self._session.references))

    def _show_guide(self, *_: object) -> None:
        guide = self._session.guide
        self.suggest.disabled = not guide.is_able
        self.yes.disabled = self.no.disabled = guide.place is None

    def _suggest(self) -> None:
        place = self._session.guide.suggest()
        if place is not None:
            self._fly_to(place.position)

    def _add(self, name: str) -> None:
        self._session.brush.choose(name)
        with self.showing():
            self.new_class.value = ""

    def _tell(self, line: str) -> None:
        try:
            tell(self._session, line)
        finally:
            with self.showing():
                self.words.value = ""  # a line that is typed again must be a change

    def _clear(self) -> None:
        self._session.prompts = ()
