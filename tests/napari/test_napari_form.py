from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from qtpy.QtCore import QCoreApplication, QEvent, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)
from superqt import QLabeledDoubleSlider

from dinoscope.napari._form import SettingsForm
from dinoscope.settings import SegmentationSettings, Settings
from tests.settings_models import MODELS, Example

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

W = TypeVar("W", bound=QWidget)


@pytest.fixture
def settings() -> Example:
    return Example()


@pytest.fixture
def form(qtbot: QtBot, settings: Example) -> SettingsForm:
    made = SettingsForm(settings)
    qtbot.addWidget(made)
    return made


def part(form: SettingsForm, name: str, kind: type[W]) -> W:
    control = form.control(name)
    found: Any = control if isinstance(control, kind) else control.findChild(kind)
    assert isinstance(found, kind)
    return found


def row_names(form: SettingsForm) -> list[str]:
    layout: Any = form.layout()
    labels = [layout.itemAt(row, QFormLayout.ItemRole.LabelRole) for row in range(layout.rowCount())]
    return [label.widget().text() for label in labels]


def type_into(line: QLineEdit, text: str) -> None:
    line.setText(text)
    line.editingFinished.emit()  # as Return does, and leaving the line


def test_there_is_a_row_for_every_field_in_the_order_of_the_model(form: SettingsForm) -> None:
    assert row_names(form) == [info.title for info in Example.model_fields.values()]


def test_named_fields_come_in_the_order_asked_for(qtbot: QtBot, settings: Example) -> None:
    form = SettingsForm(settings, ["text", "flag"])
    qtbot.addWidget(form)
    assert row_names(form) == ["Text", "Flag"]
    settings.whole = 5  # has no row, and must do no harm


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("flag", QCheckBox),
        ("whole", QSpinBox),
        ("number", QDoubleSpinBox),
        ("share", QLabeledDoubleSlider),
        ("choice", QComboBox),
        ("text", QLineEdit),
    ],
)
def test_the_control_suits_the_kind(form: SettingsForm, name: str, kind: type[QWidget]) -> None:
    assert isinstance(form.control(name), kind)


def test_a_new_form_shows_the_model(form: SettingsForm) -> None:
    assert not part(form, "flag", QCheckBox).isChecked()
    assert part(form, "whole", QSpinBox).value() == 3
    assert part(form, "number", QDoubleSpinBox).value() == 2.5
    assert part(form, "share", QLabeledDoubleSlider).value() == pytest.approx(0.25)
    assert part(form, "choice", QComboBox).currentText() == "one"
    assert part(form, "text", QLineEdit).text() == "nano"
    assert part(form, "span", QLineEdit).text() == ""


def test_edits_reach_the_model(form: SettingsForm, settings: Example) -> None:
    part(form, "flag", QCheckBox).click()
    part(form, "whole", QSpinBox).stepUp()
    part(form, "multiple", QSpinBox).stepUp()
    part(form, "number", QDoubleSpinBox).setValue(0.125)
    part(form, "choice", QComboBox).setCurrentText("two")
    part(form, "maybe_choice", QComboBox).setCurrentText("two")
    type_into(part(form, "text", QLineEdit), "large")
    type_into(part(form, "span", QLineEdit), "3:7")
    assert settings == Example(
        flag=True, whole=4, multiple=96, number=0.125, choice="two", maybe_choice="two", text="large", span="3:7"
    )


def test_nothing_typed_and_the_first_choice_mean_none_where_it_is_allowed(
    form: SettingsForm, settings: Example
) -> None:
    settings.span, settings.maybe_choice = "3:7", "two"
    type_into(part(form, "span", QLineEdit), "")
    part(form, "maybe_choice", QComboBox).setCurrentIndex(0)
    assert settings.span is None
    assert settings.maybe_choice is None


def test_changes_of_the_model_are_shown_and_are_no_edits(form: SettingsForm, settings: Example) -> None:
    set_to: list[str] = []
    settings.events.connect(lambda change: set_to.append(change.signal.name))
    settings.flag, settings.whole, settings.number, settings.share = True, 8, 0.001, 0.5
    settings.choice, settings.text, settings.threshold = "two", "large", 0.75
    assert part(form, "flag", QCheckBox).isChecked()
    assert part(form, "whole", QSpinBox).value() == 8
    assert part(form, "number", QDoubleSpinBox).value() == pytest.approx(0.001)
    assert part(form, "share", QLabeledDoubleSlider).value() == pytest.approx(0.5)
    assert part(form, "choice", QComboBox).currentText() == "two"
    assert part(form, "text", QLineEdit).text() == "large"
    assert part(form, "threshold", QLabeledDoubleSlider).value() == pytest.approx(0.75)
    assert set_to == ["flag", "whole", "number", "share", "choice", "text", "threshold"]


def test_showing_a_number_finer_than_the_control_leaves_the_model_alone(form: SettingsForm, settings: Example) -> None:
    settings.share, settings.number = 1 / 3, 1e-9
    assert (settings.share, settings.number) == (1 / 3, 1e-9)


def test_two_forms_of_one_model_follow_each_other(form: SettingsForm, settings: Example, qtbot: QtBot) -> None:
    other = SettingsForm(settings)
    qtbot.addWidget(other)
    part(form, "whole", QSpinBox).setValue(7)
    assert part(other, "whole", QSpinBox).value() == 7


def test_a_dragged_slider_sets_every_value_it_passes(form: SettingsForm, settings: Example) -> None:
    passed: list[float] = []
    settings.events.share.connect(lambda value: passed.append(value))
    for position in (0.3, 0.4, 0.5123456):
        part(form, "share", QLabeledDoubleSlider).setValue(position)
    assert passed == [0.3, 0.4, 0.512], "the model holds what the label says"


def test_digits_typed_into_a_spin_box_count_when_they_are_complete(form: SettingsForm, settings: Example) -> None:
    box = part(form, "multiple", QSpinBox)
    seen: list[int] = []
    settings.events.multiple.connect(lambda value: seen.append(value))
    box.selectAll()
    press: Any = QTest  # PyQt's stubs take its static methods for methods
    press.keyClicks(box, "320")
    assert seen == []
    press.keyClick(box, Qt.Key.Key_Return)
    assert seen == [320]


def test_a_word_disables_its_number_and_a_number_enables_it(form: SettingsForm, settings: Example) -> None:
    auto, slider = part(form, "threshold", QCheckBox), part(form, "threshold", QLabeledDoubleSlider)

    def state() -> tuple[Any, bool, bool]:
        return settings.threshold, auto.isChecked(), slider.isEnabled()

    assert auto.text() == "auto"
    assert state() == ("auto", True, False)
    auto.click()
    assert state() == (0.5, False, True)
    slider.setValue(0.8)
    assert state() == (0.8, False, True)
    auto.click()
    assert state() == ("auto", True, False)
    settings.threshold = 0.1
    assert state() == (0.1, False, True)


def test_a_suggested_number_is_shown_for_the_word_and_is_where_a_person_starts(
    form: SettingsForm, settings: Example
) -> None:
    auto, slider = part(form, "threshold", QCheckBox), part(form, "threshold", QLabeledDoubleSlider)
    form.suggest(settings, "threshold", 0.375)
    assert settings == Example()
    assert auto.isChecked()
    assert slider.value() == pytest.approx(0.375)
    auto.click()
    assert settings.threshold == 0.375


def test_a_suggestion_does_not_move_a_number_a_person_chose(form: SettingsForm, settings: Example) -> None:
    settings.threshold = 0.8
    form.suggest(settings, "threshold", 0.375)
    assert settings.threshold == 0.8
    assert part(form, "threshold", QLabeledDoubleSlider).value() == pytest.approx(0.8)


def test_a_number_comes_back_when_its_word_is_unchecked(form: SettingsForm, settings: Example) -> None:
    settings.threshold = 0.8
    auto = part(form, "threshold", QCheckBox)
    auto.click()
    auto.click()
    assert settings.threshold == 0.8


def test_none_is_called_default(form: SettingsForm, settings: Example) -> None:
    default = part(form, "tile", QCheckBox)
    assert (default.text(), default.isChecked()) == ("default", True)
    settings.tile = 224
    default.click()
    assert settings.tile is None


@pytest.mark.parametrize(
    ("name", "typed", "kept"), [("span", "three", ""), ("text", "", "nano")], ids=["bad pattern", "too short"]
)
def test_a_refused_text_is_taken_back_and_told(
    form: SettingsForm, settings: Example, qtbot: QtBot, name: str, typed: str, kept: str
) -> None:
    before = settings.to_dict()
    with qtbot.waitSignal(form.rejected) as told:
        type_into(part(form, name, QLineEdit), typed)
    assert part(form, name, QLineEdit).text() == kept
    assert settings.to_dict() == before
    title = Example.model_fields[name].title
    assert told.args[0].startswith(f"{title} {typed}: string should ")


def test_a_refused_number_is_taken_back_and_told(form: SettingsForm, settings: Example, qtbot: QtBot) -> None:
    with qtbot.waitSignal(form.rejected) as told:
        part(form, "multiple", QSpinBox).setValue(100)
    assert part(form, "multiple", QSpinBox).value() == settings.multiple == 64
    assert told.args == ["Multiple 100: input should be a multiple of 32."]


@pytest.mark.parametrize(("name", "outside", "inside"), [("whole", 9, 8), ("number", 0, 1e-6), ("number", 2000, 1000)])
def test_spin_boxes_keep_to_the_bounds(
    form: SettingsForm, settings: Example, name: str, outside: float, inside: float
) -> None:
    box: Any = form.control(name)
    box.setValue(outside)
    assert getattr(settings, name) == pytest.approx(inside)


@pytest.mark.parametrize(
    ("number", "shown"), [(2.5, "2.5"), (100.0, "100"), (0.001, "0.001"), (0.25, "0.25"), (1 / 3, "0.333333")]
)
def test_numbers_are_written_without_needless_zeros(
    form: SettingsForm, settings: Example, number: float, shown: str
) -> None:
    settings.number = number
    assert part(form, "number", QDoubleSpinBox).text() == shown


def test_labels_and_controls_explain_themselves(form: SettingsForm) -> None:
    hint = "A threshold. Allowed: at least 0, at most 1, or auto."
    label = next(label for label in form.findChildren(QLabel) if label.text() == "Threshold")
    assert label.toolTip() == hint
    assert form.control("threshold").toolTip() == hint
    assert part(form, "threshold", QCheckBox).toolTip() == hint
    assert part(form, "threshold", QLabeledDoubleSlider).toolTip() == hint
    assert form.control("text").toolTip() == "A text."


@pytest.mark.parametrize("model", MODELS)
def test_every_settings_model_has_a_form_that_leaves_it_as_it_is(qtbot: QtBot, model: type[Settings]) -> None:
    settings = model()
    qtbot.addWidget(SettingsForm(settings))
    assert settings == model()


def deleted(widget: QWidget) -> None:
    widget.deleteLater()
    QCoreApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)


@pytest.mark.parametrize("with_parent", [True, False])
def test_a_deleted_form_is_never_called(qtbot: QtBot, with_parent: bool) -> None:
    settings = SegmentationSettings()
    parent = QWidget()
    form = SettingsForm(settings, parent=parent if with_parent else None)
    assert slots(settings) == 1
    deleted(parent if with_parent else form)
    assert slots(settings) == 0
    settings.threshold = 0.9  # would raise from the deleted slider
    with pytest.raises(RuntimeError, match="deleted"):
        form.isVisible()


def test_a_forgotten_form_is_freed(qtbot: QtBot) -> None:
    settings = SegmentationSettings()
    form = SettingsForm(settings)
    alive = weakref.ref(form)
    del form
    gc.collect()
    assert alive() is None
    assert slots(settings) == 0


def slots(settings: Settings) -> int:
    return len(settings.events.all)
