from __future__ import annotations

from math import inf
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field as Setting
from pydantic import ValidationError

from dinoscope import settings
from dinoscope.errors import SettingsError
from dinoscope.forms import Field, fields_of, refusal
from dinoscope.settings import Length, SegmentationSettings, Settings, Share


class Example(Settings):
    """One field of every kind."""

    flag: bool = Setting(True, title="Flag", description="A flag.")
    whole: int = Setting(3, ge=1, lt=9, title="Whole", description="A whole number.")
    multiple: int = Setting(64, ge=32, multiple_of=32, title="Multiple", description="A multiple.")
    share: Share = Setting(0.5, title="Share", description="A share.")
    length: float | None = Setting(None, gt=0, title="Length", description="A length.")
    count: int | None = Setting(None, gt=0, title="Count", description="A count.")
    threshold: Share | Literal["auto"] = Setting("auto", title="Threshold", description="A threshold.")
    diameter: Length | Literal["auto"] | None = Setting(None, title="Diameter", description="A diameter.")
    above: Annotated[float, Setting(gt=5, le=105)] | Literal["auto"] = Setting("auto", description="Above.")
    choice: Literal["one", "two"] = Setting("one", title="Choice", description="A choice.")
    text: str = Setting("nano", title="Text", description="A text.")
    maybe_text: str | None = Setting(None, pattern="^[a-z]+$", title="Maybe", description="A text or none.")


FIELDS = {field.name: field for field in fields_of(Example)}
ALL_MODELS = [model for model in vars(settings).values() if isinstance(model, type) and issubclass(model, Settings)]


def test_fields_keep_order_titles_sentences_and_defaults() -> None:
    assert list(FIELDS) == list(Example.model_fields)
    assert FIELDS["whole"].title == "Whole"
    assert FIELDS["whole"].description == "A whole number."
    assert FIELDS["whole"].default == 3
    assert FIELDS["above"].title == "above", "a field without a title is called by its name"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("flag", "flag"),
        ("whole", "integer"),
        ("count", "integer"),
        ("share", "number"),
        ("length", "number"),
        ("threshold", "number"),
        ("choice", "choice"),
        ("text", "text"),
        ("maybe_text", "text"),
    ],
)
def test_the_kind_follows_from_the_type(name: str, kind: str) -> None:
    assert FIELDS[name].kind == kind


def test_words_and_none_are_told_apart_from_the_kind() -> None:
    assert FIELDS["threshold"].words == ("auto",)
    assert not FIELDS["threshold"].optional
    assert FIELDS["diameter"].words == ("auto",)
    assert FIELDS["diameter"].optional
    assert FIELDS["choice"].words == ("one", "two")
    assert FIELDS["maybe_text"].optional


@pytest.mark.parametrize(
    ("name", "low", "low_open", "high", "high_open"),
    [
        ("whole", 1, False, 9, True),
        ("length", 0, True, inf, False),
        ("share", 0, False, 1, False),
        ("threshold", 0, False, 1, False),
        ("diameter", 0, True, inf, False),
        ("above", 5, True, 105, False),
        ("text", -inf, False, inf, False),
    ],
)
def test_bounds_are_found_inside_of_unions_too(
    name: str, low: float, low_open: bool, high: float, high_open: bool
) -> None:
    field = FIELDS[name]
    assert (field.low, field.low_open, field.high, field.high_open) == (low, low_open, high, high_open)


@pytest.mark.parametrize(
    ("name", "step"),
    [("whole", 1), ("multiple", 32), ("share", 0.01), ("threshold", 0.01), ("length", 1), ("above", 1)],
)
def test_steps_suit_the_span(name: str, step: float) -> None:
    assert FIELDS[name].step == step


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("whole", "A whole number. Allowed: at least 1, below 9."),
        ("length", "A length. Allowed: above 0."),
        ("threshold", "A threshold. Allowed: at least 0, at most 1, or auto."),
        ("choice", "A choice."),
        ("text", "A text."),
    ],
)
def test_hints_name_the_bounds(name: str, hint: str) -> None:
    assert FIELDS[name].hint == hint


@pytest.mark.parametrize("name", ["whole", "share", "length", "count", "threshold", "diameter", "above"])
def test_the_number_to_start_from_is_one_the_model_takes(name: str) -> None:
    Example(**{name: FIELDS[name].start})


def test_a_number_that_is_the_default_is_where_a_person_starts() -> None:
    assert FIELDS["whole"].start == 3
    assert FIELDS["threshold"].start == 0.5


@pytest.mark.parametrize("value", [1.5, -0.1])
def test_a_refusal_names_field_value_and_reason(value: float) -> None:
    with pytest.raises(ValidationError) as caught:
        SegmentationSettings(threshold=value)
    name, why = refusal(caught.value)
    assert name == "threshold"
    assert why.startswith(f"{value}: input should be ")


def test_a_type_without_a_control_is_told() -> None:
    class Odd(Settings):
        sizes: list[int] = Setting([1], title="Sizes", description="Sizes.")

    with pytest.raises(SettingsError, match=r"the field sizes .* no control"):
        fields_of(Odd)


@pytest.mark.parametrize("model", ALL_MODELS)
def test_every_setting_of_dinoscope_can_be_drawn_and_explained(model: type[Settings]) -> None:
    for field in fields_of(model):
        assert field.title != field.name, f"{model.__name__}.{field.name} has no title"
        assert field.description.endswith("."), f"{model.__name__}.{field.name} has no sentence"


def test_fields_are_frozen() -> None:
    field: Any = Field("name", "Name", "A name.", "", "text")
    with pytest.raises(AttributeError):
        field.name = "other"
