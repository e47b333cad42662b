"""Naming what is looked for, in every view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.prompts import TextPrompt
from tests.text.fakes import FakeTextEncoder, stand_in
from tests.views.headless import squares

if TYPE_CHECKING:
    from collections.abc import Callable

View = Any

BRIGHT, DARK = (0.8, 0.06), (0.1, 0.06)


@pytest.fixture
def reading(view: View, monkeypatch: pytest.MonkeyPatch) -> View:
    """A view with a text encoder that knows bright and dark."""
    stand_in(monkeypatch, FakeTextEncoder({"square": BRIGHT, "ground": DARK, "texture": (0.0, 1.0)}))
    view.session.settings.reference.text_encoder = "fake"
    view.session.settings.tiling.skip_blank = (
        0  # else what lies between the squares is not encoded, and a notice says so
    )
    return view


def similar(view: View) -> tuple[float, float]:
    """The least of the squares, and what is usual beside them."""
    values = np.asarray(view.similarity())
    inside = squares()[2::4, 2::4] > 0.5
    return float(values[inside].min()), float(np.median(values[~inside]))


def failures(view: View) -> list[str]:
    """What went wrong; some views tell the notice on words in the same place."""
    return [said for said in view.errors() if "compared by their plain cosine" not in said]


def test_a_word_is_an_example(reading: View) -> None:
    reading.write("square")
    reading.settle()
    assert reading.session.prompts == (TextPrompt("square"),)
    assert reading.listed() == [("0: + square, text “square”", True)]
    least, usual = similar(reading)
    assert least > usual
    assert reading.examples() == []  # it lies nowhere
    reading.undo()
    reading.settle()
    assert reading.session.prompts == ()
    assert reading.similarity() is None
    assert failures(reading) == []


def test_words_and_clicks_stand_side_by_side(reading: View) -> None:
    reading.write("object = square, object = texture")
    reading.click(48, 48)
    reading.settle()
    assert len(reading.listed()) == 3
    assert reading.examples() == [(48, 48, True)]
    assert reading.session.result("reference").is_text.tolist() == [True, True, False]
    reading.switch(1)
    reading.settle()
    assert reading.session.result("reference").is_text.tolist() == [True, False]
    least, usual = similar(reading)
    assert least > usual
    reading.get_objects()
    reading.settle()
    assert reading.object_count() == 2
    assert "example 2 of squares (point at" in reading.origin(0)
    assert failures(reading) == []


def test_it_is_told_once_how_words_are_compared(reading: View) -> None:
    told: list[str] = []
    reading.session.events.notice.connect(told.append)
    for word in ("square", "ground"):
        reading.write(word)
        reading.settle()
    (notice,) = told
    assert "by their plain cosine and not by the method knn" in notice


def test_what_a_class_is_not_can_be_named(reading: View) -> None:
    reading.click(48, 48)
    reading.session.brush.positive = False
    reading.write("ground")
    reading.settle()
    assert reading.session.prompts[1] == TextPrompt("ground", "object", positive=False)
    least, usual = similar(reading)
    assert usual + 0.3 < least  # Jupyter tells a map by its colours only


def test_without_a_text_encoder_it_is_said_and_nothing_changes(view: View) -> None:
    view.write("mitochondrion")
    view.settle()
    (said,) = view.errors()
    assert "the text 'mitochondrion' cannot be read: name a text encoder in the settings" in said
    assert view.session.prompts == ()


def test_an_empty_line_says_nothing(reading: View) -> None:
    reading.write("   ")
    reading.settle()
    assert reading.session.prompts == ()
    assert failures(reading) == []


def test_an_encoder_that_is_not_there_is_told(view: View) -> None:
    view.session.settings.reference.text_encoder = "absent"
    view.write("mitochondrion")
    view.settle()
    assert any("there is no text encoder 'absent'" in said for said in view.errors())
    assert not view.session.is_ready("reference")


def test_words_are_saved_with_the_session(make_view: Callable[..., View], tmp_path: Any, monkeypatch: Any) -> None:
    from dinoscope.session import read_session, save_session

    stand_in(monkeypatch, FakeTextEncoder())
    view = make_view()
    view.session.settings.reference.text_encoder = "fake"
    view.write("square=checked square")
    view.settle()
    saved = read_session(save_session(view.session, tmp_path / "session.json"))
    assert saved.prompts == (TextPrompt("checked square", "square"),)
    assert saved.settings["reference"]["text_encoder"] == "fake"
