"""A form for any settings model, bound to it both ways."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)
from superqt import QLabeledDoubleSlider
from superqt.utils import signals_blocked

from dinoscope.forms import fields_of, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psygnal import EmissionInfo

    from dinoscope.forms import Field
    from dinoscope.settings import Settings

_INTEGER_MAX = 2**31 - 1  # what a spin box can hold
_NUMBER_MAX = 1e9
_NUMBER_DECIMALS = 6
_SHARE_DECIMALS = 3


class SettingsForm(QWidget):
    """One row per field of a settings model.

    An edit sets the field; a field that changes, whoever changed it, is shown. The model is the only state: a value
    it refuses is taken back from the control.

    Attributes
    ----------
    rejected
        Emitted with a sentence when the model refuses a value.
    """

    rejected = Signal(str)

    def __init__(self, settings: Settings, names: Sequence[str] | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._fields = {field.name: field for field in fields_of(type(settings))}
        self._controls: dict[str, _Control] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)  # macOS keeps sliders tiny
        for name in self._fields if names is None else names:
            self._add_row(layout, self._fields[name])
        _follow(settings, self)

    def control(self, name: str) -> QWidget:
        """The control of a field; where a word is allowed beside a number, the row that holds both."""
        return self._controls[name].widget

    def show_field(self, name: str) -> None:
        """Show what the model holds; fields without a row are ignored."""
        if name in self._controls:
            self._controls[name].show(getattr(self._settings, name))

    def suggest(self, settings: Settings, name: str, number: float) -> None:
        """Show the number that a field's word, or its None, stands for; a person who unchecks it starts there.

        Settings and fields that are not in this form are ignored.
        """
        if settings is self._settings and name in self._controls:
            self._controls[name].show(number)
            self.show_field(name)  # the model has not changed: the box is checked again, or its own number shown

    def _add_row(self, layout: QFormLayout, field: Field) -> None:
        control = self._controls[field.name] = _control(field)
        label = QLabel(field.title)
        label.setBuddy(control.widget)
        label.setToolTip(field.hint)
        control.widget.setToolTip(field.hint)
        layout.addRow(label, control.widget)
        self.show_field(field.name)
        for signal in control.edited:
            signal.connect(partial(self._edit, field.name))

    def _edit(self, name: str, *_: object) -> None:
        try:
            setattr(self._settings, name, self._controls[name].read())
        except ValidationError as error:
            self.show_field(name)
            self.rejected.emit(f"{self._fields[name].title} {refusal(error)[1]}.")


def _follow(settings: Settings, form: SettingsForm) -> None:
    """Show every change of the settings for as long as the form exists."""
    alive = weakref.ref(form)

    def show(change: EmissionInfo) -> None:
        if (form := alive()) is not None:
            form.show_field(change.signal.name)

    settings.events.connect(show)
    # Qt may delete a widget whose shell Python still holds, and Python may forget one that Qt then deletes unheard.
    form.destroyed.connect(lambda: settings.events.disconnect(show))
    weakref.finalize(form, settings.events.disconnect, show)


@dataclass(frozen=True, slots=True)
class _Control:
    """A widget, the signals of its edits, and how its value is read and written."""

    widget: QWidget
    edited: tuple[Any, ...]
    read: Callable[[], Any]
    write: Callable[[Any], None]

    def show(self, value: Any) -> None:
        """Show a value of the model, which is not an edit."""
        with signals_blocked(self.widget):
            self.write(value)


def _control(field: Field) -> _Control:
    makers = {"flag": _flag, "choice": _choice, "text": _text, "integer": _integer, "number": _number}
    control = makers[field.kind](field)
    if field.kind in ("integer", "number") and (field.words or field.optional):
        return _or_word(field, control)
    return control


def _flag(field: Field) -> _Control:
    box = QCheckBox()
    return _Control(box, (box.toggled,), box.isChecked, box.setChecked)


def _choice(field: Field) -> _Control:
    values = [*([None] if field.optional else []), *field.words]
    box = QComboBox()
    box.addItems([value or "default" for value in values])
    return _Control(
        box,
        (box.currentIndexChanged,),
        lambda: values[box.currentIndex()],
        lambda value: box.setCurrentIndex(values.index(value)),
    )


def _text(field: Field) -> _Control:
    line = QLineEdit()
    empty = None if field.optional else ""
    return _Control(line, (line.editingFinished,), lambda: line.text() or empty, lambda text: line.setText(text or ""))


def _integer(field: Field) -> _Control:
    box = QSpinBox()
    low = int(field.low) + field.low_open if isfinite(field.low) else -_INTEGER_MAX
    high = int(field.high) - field.high_open if isfinite(field.high) else _INTEGER_MAX
    box.setRange(low, high)
    box.setSingleStep(int(field.step))
    box.setKeyboardTracking(False)  # 518 must not be set as 5, 51 and 518
    return _Control(box, (box.valueChanged,), box.value, box.setValue)


def _number(field: Field) -> _Control:
    if (field.low, field.high, field.low_open, field.high_open) == (0, 1, False, False):
        return _share(field)
    box = _NumberBox()
    box.setDecimals(_NUMBER_DECIMALS)
    tiny = 10.0**-_NUMBER_DECIMALS
    box.setRange(
        max(field.low, -_NUMBER_MAX) + tiny * field.low_open, min(field.high, _NUMBER_MAX) - tiny * field.high_open
    )
    box.setSingleStep(field.step)
    box.setKeyboardTracking(False)
    return _Control(box, (box.valueChanged,), box.value, box.setValue)


def _share(field: Field) -> _Control:
    slider: Any = QLabeledDoubleSlider(Qt.Orientation.Horizontal)  # which declares its steps as integers
    slider.setRange(field.low, field.high)
    slider.setSingleStep(field.step)
    slider.setDecimals(_SHARE_DECIMALS)
    # What is read is what the label says, so that a result can be repeated from what a person saw.
    return _Control(slider, (slider.valueChanged,), lambda: round(slider.value(), _SHARE_DECIMALS), slider.setValue)


def _or_word(field: Field, number: _Control) -> _Control:
    """A check box for the word, or for None, before a number that is disabled while it is checked."""
    word = None if field.optional else field.words[0]
    box = QCheckBox(word or "default")
    number.show(field.start)
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(box)
    layout.addWidget(number.widget, stretch=1)
    for part in (box, number.widget):
        part.setToolTip(field.hint)

    def write(value: Any) -> None:
        is_number = isinstance(value, (int, float))
        with signals_blocked(box):
            box.setChecked(not is_number)
        number.widget.setEnabled(is_number)
        if is_number:
            number.show(value)

    return _Control(row, (box.toggled, *number.edited), lambda: word if box.isChecked() else number.read(), write)


class _NumberBox(QDoubleSpinBox):
    """A spin box that writes no more decimals than a number has."""

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        text: str = super().textFromValue(value)
        return text.rstrip("0").rstrip(self.locale().decimalPoint())
