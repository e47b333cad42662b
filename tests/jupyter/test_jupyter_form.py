"""The form of a settings model, edited as a browser edits it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dinoscope.forms import fields_of
from dinoscope.jupyter._form import SettingsForm
from dinoscope.jupyter._home import Home
from dinoscope.settings import SegmentationSettings, Settings
from tests.jupyter.browsing import edit, pick, sent
from tests.settings_models import MODELS, Example

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def settings() -> Example:
    return Example()


@pytest.fixture
def home() -> Home:
    return Home()


@pytest.fixture
def told(home: Home) -> list[str]:
    """What went wrong, in words."""
    words: list[str] = []
    home.failed.connect(words.append)
    return words


@pytest.fixture
def form(comms: None, settings: Example, home: Home, told: list[str]) -> Iterator[SettingsForm]:
    yield SettingsForm(settings, home)
    assert told == [], "a test that expects words takes them away"


def titles(form: SettingsForm) -> list[str]:
    return [label.value for label in form.children[::2]]


def slots(settings: Settings) -> int:
    return len(settings.events.all)


def test_there_is_a_row_for_every_field_in_the_order_of_the_model(form: SettingsForm) -> None:
    assert titles(form) == [info.title for info in Example.model_fields.values()]
    assert list(form.children[1::2]) == [form.control(name) for name in Example.model_fields]


def test_named_fields_come_in_the_order_asked_for(form: SettingsForm, settings: Example, home: Home) -> None:
    named = SettingsForm(settings, home, ["text", "flag"])
    assert titles(named) == ["Text", "Flag"]
    settings.whole = 5  # has no row, and must do no harm
    settings.text = "large"
    assert named.control("text").value == "large"


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("flag", "CheckboxView"),
        ("whole", "IntTextView"),
        ("number", "FloatTextView"),
        ("share", "FloatSliderView"),
        ("choice", "DropdownView"),
        ("text", "TextView"),
        ("threshold", "HBoxView"),
    ],
)
def test_the_control_suits_the_kind(form: SettingsForm, name: str, view: str) -> None:
    assert form.control(name)._view_name == view


def test_a_new_form_shows_the_model(form: SettingsForm) -> None:
    shown = {
        name: form.control(name).value
        for name in Example.model_fields
        if name not in ("maybe_choice", "threshold", "tile")
    }
    assert shown == {
        "flag": False,
        "whole": 3,
        "multiple": 64,
        "number": 2.5,
        "share": 0.25,
        "choice": "one",
        "text": "nano",
        "span": "",
    }
    assert (form.control("maybe_choice").label, form.control("maybe_choice").index) == ("default", 0)
    assert [form.control(name).children[0].value for name in ("threshold", "tile")] == [True, True]


def test_edits_reach_the_model(form: SettingsForm, settings: Example) -> None:
    edit(form.control("flag"), True)
    edit(form.control("whole"), 4)
    edit(form.control("multiple"), 96)
    edit(form.control("number"), 0.125)
    edit(form.control("share"), 0.75)
    pick(form.control("choice"), "two")
    pick(form.control("maybe_choice"), "two")
    edit(form.control("text"), "large")
    edit(form.control("span"), "3:7")
    assert settings == Example(
        flag=True,
        whole=4,
        multiple=96,
        number=0.125,
        share=0.75,
        choice="two",
        maybe_choice="two",
        text="large",
        span="3:7",
    )


def test_a_cell_may_edit_as_the_browser_does(form: SettingsForm, settings: Example) -> None:
    form.control("whole").value = 6
    form.control("choice").value = "two"
    assert (settings.whole, settings.choice) == (6, "two")


def test_nothing_typed_and_the_first_choice_mean_none_where_it_is_allowed(
    form: SettingsForm, settings: Example
) -> None:
    settings.span, settings.maybe_choice = "3:7", "two"
    edit(form.control("span"), "")
    pick(form.control("maybe_choice"), "default")
    assert settings == Example(span=None, maybe_choice=None)
    settings.maybe_choice = "two"
    settings.maybe_choice = None
    assert form.control("maybe_choice").label == "default"


def test_changes_of_the_model_are_shown_and_are_no_edits(form: SettingsForm, settings: Example) -> None:
    set_to: list[str] = []
    settings.events.connect(lambda change: set_to.append(change.signal.name))
    settings.flag, settings.whole, settings.number, settings.share = True, 8, 0.001, 0.5
    settings.choice, settings.text, settings.threshold = "two", "large", 0.75
    assert sent(form.control("flag"), "value") is True
    assert sent(form.control("whole"), "value") == 8
    assert sent(form.control("number"), "value") == 0.001
    assert sent(form.control("share"), "value") == 0.5
    assert sent(form.control("choice"), "index") == 1
    assert sent(form.control("text"), "value") == "large"
    assert sent(form.control("threshold").children[1], "value") == 0.75
    assert set_to == ["flag", "whole", "number", "share", "choice", "text", "threshold"]


def test_showing_a_number_finer_than_the_control_leaves_the_model_alone(form: SettingsForm, settings: Example) -> None:
    settings.share, settings.number = 1 / 3, 1e-9
    assert (settings.share, settings.number) == (1 / 3, 1e-9)


def test_a_dragged_slider_sets_what_its_readout_says(form: SettingsForm, settings: Example) -> None:
    passed: list[float] = []
    settings.events.share.connect(lambda value: passed.append(value))
    for position in (0.3, 0.4, 0.5123456):
        edit(form.control("share"), position)
    assert passed == [0.3, 0.4, 0.512]
    assert form.control("share").readout_format == ".3f"


def test_two_forms_of_one_model_follow_each_other(form: SettingsForm, settings: Example, home: Home) -> None:
    other = SettingsForm(settings, home)
    edit(form.control("whole"), 7)
    assert sent(other.control("whole"), "value") == 7
    edit(other.control("whole"), 2)
    assert sent(form.control("whole"), "value") == 2


@pytest.mark.parametrize(
    ("name", "typed", "kept", "words"),
    [
        ("whole", 9, 3, "Whole 9: input should be less than 9."),
        ("multiple", 100, 64, "Multiple 100: input should be a multiple of 32."),
        ("number", 0.0, 2.5, "Number 0.0: input should be greater than 0."),
        ("text", "", "nano", "Text : string should have at least 1 character."),
        ("span", "three", "", r"Span three: string should match pattern '^\d*:\d*$'."),
    ],
)
def test_what_the_model_refuses_is_taken_back_and_told(
    form: SettingsForm, settings: Example, told: list[str], name: str, typed: object, kept: object, words: str
) -> None:
    edit(form.control(name), typed)
    assert settings == Example()
    assert sent(form.control(name), "value") == kept
    assert told == [words]
    told.clear()


def test_a_word_disables_its_number_and_a_number_enables_it(form: SettingsForm, settings: Example) -> None:
    auto, slider = form.control("threshold").children

    def state() -> tuple[Any, bool, bool]:
        return settings.threshold, auto.value, slider.disabled

    assert auto.description == "auto"
    assert state() == ("auto", True, True)
    edit(auto, False)
    assert state() == (0.5, False, False)
    edit(slider, 0.8)
    assert state() == (0.8, False, False)
    edit(auto, True)
    assert state() == ("auto", True, True)
    settings.threshold = 0.1
    assert state() == (0.1, False, False)


def test_a_number_comes_back_when_its_word_is_unchecked(form: SettingsForm, settings: Example) -> None:
    settings.threshold = 0.8
    auto, _ = form.control("threshold").children
    edit(auto, True)
    assert settings == Example()
    edit(auto, False)
    assert settings.threshold == 0.8


def test_none_is_called_default(form: SettingsForm, settings: Example) -> None:
    default, number = form.control("tile").children
    assert (default.description, default.value, number.disabled) == ("default", True, True)
    settings.tile = 224
    assert (default.value, number.value, number.disabled) == (False, 224, False)
    edit(default, True)
    assert settings.tile is None


def test_a_suggested_number_is_shown_for_the_word_and_is_where_a_person_starts(
    form: SettingsForm, settings: Example
) -> None:
    auto, slider = form.control("threshold").children
    form.suggest(settings, "threshold", 0.375)
    assert settings == Example()
    assert auto.value
    assert sent(slider, "value") == 0.375
    edit(auto, False)
    assert settings.threshold == 0.375


def test_a_suggestion_does_not_move_a_number_a_person_chose(form: SettingsForm, settings: Example) -> None:
    settings.threshold = 0.8
    form.suggest(settings, "threshold", 0.375)
    assert (settings.threshold, form.control("threshold").children[1].value) == (0.8, 0.8)


def test_suggestions_for_others_are_ignored(form: SettingsForm, settings: Example, home: Home) -> None:
    named = SettingsForm(settings, home, ["threshold"])
    named.suggest(settings, "share", 0.5)
    named.suggest(Example(), "threshold", 0.375)
    assert named.control("threshold").children[1].value == 0.5  # where it starts by itself
    assert settings == Example()


def test_labels_and_controls_explain_themselves(form: SettingsForm) -> None:
    hint = "A threshold. Allowed: at least 0, at most 1, or auto."
    label = form.children[titles(form).index("Threshold") * 2]
    assert [part.tooltip for part in (label, *form.control("threshold").children)] == [hint] * 3
    assert form.control("text").tooltip == "A text."


@pytest.mark.parametrize(("shown", "value"), [("flag", True), ("whole", 5)])
def test_an_edit_from_another_thread_while_the_kernel_shows_something_is_not_lost(
    comms: None, settings: Example, shown: str, value: object
) -> None:
    async def run() -> None:
        form, here = SettingsForm(settings, Home()), threading.get_ident()

        def meanwhile(_: object) -> None:
            if threading.get_ident() == here:
                message = threading.Thread(target=edit, args=(form.control("whole"), 7))
                message.start()
                message.join()

        form.control(shown).observe(meanwhile, "value")
        setattr(settings, shown, value)
        await asyncio.sleep(0)  # the edit comes home

    asyncio.run(run())
    assert settings.whole == 7


@pytest.mark.parametrize("model", MODELS)
def test_every_settings_model_has_a_form_that_leaves_it_as_it_is(
    comms: None, home: Home, told: list[str], model: type[Settings]
) -> None:
    settings = model()
    form = SettingsForm(settings, home)
    assert titles(form) == [field.title for field in fields_of(model)]
    assert settings == model()
    assert told == []


def test_a_closed_form_follows_and_sends_nothing_more(form: SettingsForm, settings: Example) -> None:
    row = form.control("threshold")
    parts = [form, *form.children, *row.children, row.layout]
    comms = [part.comm for part in parts]
    form.close()
    before = [len(comm.sent) for comm in comms]
    settings.flag, settings.threshold = True, 0.9
    assert [len(comm.sent) for comm in comms] == before
    assert all(comm.is_closed for comm in comms)
    assert slots(settings) == 0


def test_closing_a_form_leaves_the_others_working(form: SettingsForm, home: Home) -> None:
    settings = SegmentationSettings()
    first, second = SettingsForm(settings, home), SettingsForm(settings, home)
    first.close()
    settings.min_diameter = 40
    assert second.control("min_diameter").value == 40
