"""Asking a session for a better scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dinoscope.errors import NotReadyError
from dinoscope.jobs import Runner
from dinoscope.prompts import PointPrompt
from dinoscope.session import Recorder, Session
from dinoscope.testing import FakeEncoder
from tests.later import Later

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dinoscope.image import Image

CLICKS = (PointPrompt((0, 48.0, 48.0)), PointPrompt((0, 112.0, 144.0)))
COUNTER = PointPrompt((0, 80.0, 80.0), positive=False)


@pytest.fixture
def session(tmp_path: Path, squares: Image) -> Session:
    session = Session(folder=tmp_path, make_encoder=lambda *_: FakeEncoder())
    session.image = squares
    return session


def test_without_an_image_it_cannot_be_asked(tmp_path: Path) -> None:
    session = Session(folder=tmp_path)
    assert not session.scale_guide.is_able
    with pytest.raises(NotReadyError):
        session.scale_guide.ask()


def test_examples_that_are_switched_off_are_not_heard(session: Session) -> None:
    session.prompts = CLICKS
    session.scale_guide.ask()
    found = session.scale_guide.found
    assert found is not None
    assert found.present.prominence == found.present.prominence  # a number
    session.muted = {1}
    assert session.scale_guide.found is None
    assert session.scale_guide.is_able
    session.scale_guide.ask()
    assert "One example" in session.scale_guide.text
    session.prompts = (*CLICKS, COUNTER)
    session.muted = {0, 1}
    assert not session.scale_guide.is_able


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        (lambda s: setattr(s.settings.segmentation, "threshold", 0.4), True),
        (lambda s: setattr(s.settings.encoder, "batch_size", 4), True),
        (lambda s: setattr(s.settings.reference, "crop", 64), False),
        (lambda s: setattr(s.settings.tiling, "scale", 0.5), False),
        (lambda s: setattr(s, "prompts", (*CLICKS, COUNTER)), False),
    ],
)
def test_what_was_found_goes_with_what_it_was_made_from(
    session: Session, change: Callable[[Session], object], stays: bool
) -> None:
    session.prompts = CLICKS
    session.scale_guide.ask()
    assert session.scale_guide.found is not None
    change(session)
    assert (session.scale_guide.found is not None) == stays


def test_accepting_nothing_changes_nothing(session: Session) -> None:
    session.prompts = CLICKS[:1]
    before = session.settings.to_dict()
    session.scale_guide.accept()
    session.scale_guide.ask()
    session.scale_guide.accept()
    assert session.settings.to_dict() == before


def test_the_pixel_size_is_set_where_the_image_knows_its_own(session: Session) -> None:
    session.settings.tiling.skip_blank = 0  # what is between the squares tells scales apart here
    session.tell_pixel_size(4.0)
    session.prompts = CLICKS
    session.scale_guide.ask()
    found = session.scale_guide.found
    assert found is not None
    assert found.is_change
    session.scale_guide.accept()
    assert session.settings.tiling.pixel_size == found.best.pixel_size_nm
    assert session.settings.tiling.scale is None


def test_it_tells_whenever_there_is_something_else_to_say(session: Session) -> None:
    told: list[str] = []
    session.scale_guide.changed.connect(lambda: told.append(session.scale_guide.text))
    session.prompts = CLICKS
    assert told == [""]
    session.scale_guide.ask()
    assert told[1:] == [session.scale_guide.text]
    assert told[-1]
    session.settings.tiling.scale = 0.5
    assert told[-1] == ""


def test_what_was_under_way_goes_on_after_the_answer(tmp_path: Path, squares: Image) -> None:
    later = Later()
    session = Session(Runner(later), tmp_path, lambda *_: FakeEncoder())
    session.image = squares
    session.follow("similarity")
    recorder = Recorder(session)
    session.prompts = CLICKS
    session.scale_guide.ask()  # before the map is there
    later.run()
    ready = [entry for entry in recorder.log if entry.startswith("ready")]
    assert ready == ["ready features", "ready reference", "ready scale", "ready similarity"]
