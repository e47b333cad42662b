"""A form for any settings model, bound to it both ways."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from pydantic import ValidationError

from dinoscope.errors import SettingsError
from dinoscope.forms import fields_of, refusal
from dinoscope.jupyter._controls import Showing, close_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psygnal import EmissionInfo

    from dinoscope.forms import Field
    from dinoscope.jupyter._home import Home
    from dinoscope.settings import Settings

_SHARE_STEP, _SHARE_FORMAT = 0.001, ".3f"


class SettingsForm(widgets.GridBox):
    """One row per field of a settings model.

    An edit sets the field; a field that changes, whoever changed it, is shown. The model is the only state: a value
    it refuses is taken back from the control, and told.

    Parameters
    ----------
    settings
        The model.
    home
        The thread it belongs to.
    names
        The fields to show; all of them by default.
    """

    def __init__(self, settings: Settings, home: Home, names: Sequence[str] = ()) -> None:
        self._settings, self._home = settings, home
        self._fields = {field.name: field for field in fields_of(type(settings))}
        self._controls: dict[str, _Control] = {name: _control(self._fields[name]) for name in names or self._fields}
        self._showing = Showing()
        super().__init__(tuple(self._rows()))
        self.add_class("dinoscope-form")
        for name, control in self._controls.items():
            self.show_field(name)
            for part in control.edited:
                part.observe(partial(self._edited, name), "value")
        settings.events.connect(self._changed)

    def control(self, name: str) -> widgets.Widget:
        """The control of a field; where a word is allowed beside a number, the row that holds both."""
        return self._controls[name].widget

    def show_field(self, name: str) -> None:
        """Show what the model holds; fields without a row are ignored."""
        if name in self._controls:
            with self._showing():
                self._controls[name].write(getattr(self._settings, name))

    def suggest(self, settings: Settings, name: str, number: float) -> None:
        """Show the number that a field's word, or its None, stands for; a person who unchecks it starts there.

        Settings and fields that are not in this form are ignored.
        """
        if settings is self._settings and name in self._controls:
            with self._showing():
                self._controls[name].suggest(number)

    def close(self) -> None:
        """Follow the settings no more."""
        self._settings.events.disconnect(self._changed, missing_ok=True)
        close_parts(self)
        super().close()

    def _rows(self) -> Iterator[widgets.Widget]:
        for name, control in self._controls.items():
            field = self._fields[name]
            yield widgets.Label(field.title, tooltip=field.hint)
            yield control.widget

    def _changed(self, change: EmissionInfo) -> None:
        self.show_field(change.signal.name)

    def _edited(self, name: str, _: object) -> None:
        if not self._showing.is_on:
            self._home.act(partial(self._take, name))

    def _take(self, name: str) -> None:
        try:
            setattr(self._settings, name, self._controls[name].read())
        except ValidationError as error:
            self.show_field(name)
            raise SettingsError(f"{self._fields[name].title} {refusal(error)[1]}.") from error


@dataclass(frozen=True, slots=True)
class _Control:
    """A widget, the parts of it whose value people edit, and how the whole value is read and written."""

    widget: widgets.Widget
    edited: tuple[widgets.Widget, ...]
    read: Callable[[], Any]
    write: Callable[[Any], None]
    suggest: Callable[[float], None] = lambda _: None
    """Writes a number that is shown while a word stands for it."""


def _control(field: Field) -> _Control:
    makers = {"flag": _flag, "choice": _choice, "text": _text, "integer": _integer, "number": _number}
    control = makers[field.kind](field)
    for part in control.edited:
        part.tooltip = field.hint
        part.layout.width = "auto"
    if field.kind in ("integer", "number") and (field.words or field.optional):
        return _or_word(field, control)
    return control


def _simple(widget: widgets.Widget) -> _Control:
    return _Control(widget, (widget,), lambda: widget.value, lambda value: setattr(widget, "value", value))


def _flag(field: Field) -> _Control:
    return _simple(widgets.Checkbox(bool(field.default), indent=False))


def _choice(field: Field) -> _Control:
    values = [*([""] if field.optional else []), *field.words]  # None would mean that no line of the list is chosen
    chooser = widgets.Dropdown(options=[(value or "default", value) for value in values])
    return _Control(
        chooser, (chooser,), lambda: chooser.value or None, lambda value: setattr(chooser, "value", value or "")
    )


def _text(field: Field) -> _Control:
    line = widgets.Text(continuous_update=False)
    empty = None if field.optional else ""
    return _Control(
        line, (line,), lambda: line.value or empty, lambda value: setattr(line, "value", "" if value is None else value)
    )


def _integer(field: Field) -> _Control:
    # The model refuses what is out of bounds and says so; a box with bounds would change it without a word.
    return _simple(widgets.IntText(step=int(field.step), continuous_update=False))


def _number(field: Field) -> _Control:
    if (field.low, field.high, field.low_open, field.high_open) == (0, 1, False, False):
        return _share()
    return _simple(widgets.FloatText(step=field.step if isfinite(field.high) else None, continuous_update=False))


def _share() -> _Control:
    slider = widgets.FloatSlider(min=0, max=1, step=_SHARE_STEP, readout_format=_SHARE_FORMAT)
    # What is read is what the readout says, so that a result can be repeated from what a person saw.
    return _Control(
        slider, (slider,), lambda: round(slider.value, 3), lambda value: setattr(slider, "value", float(value))
    )


def _or_word(field: Field, number: _Control) -> _Control:
    """A check box for the word, or for None, before a number that is disabled while it is checked."""
    word = None if field.optional else field.words[0]
    box = widgets.Checkbox(description=word or "default", indent=False, tooltip=field.hint, layout={"width": "auto"})
    number.write(field.start)
    number.widget.layout.flex = "1 1 0"
    row = widgets.HBox([box, number.widget])

    def write(value: Any) -> None:
        is_number = isinstance(value, (int, float))
        box.value = not is_number
        number.widget.disabled = not is_number
        if is_number:
            number.write(value)

    def suggest(value: float) -> None:
        if box.value:
            number.write(value)

    return _Control(row, (box, *number.edited), lambda: word if box.value else number.read(), write, suggest)
