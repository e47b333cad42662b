"""Maps that stay until the next one is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dinoscope.canvas import Canvas
from dinoscope.jobs import Runner
from dinoscope.prompts import PointPrompt
from dinoscope.session import Session
from dinoscope.testing import FakeEncoder
from tests.canvas.seen import BOTH, CLICK, COUNTER, OTHER, drawn_anew, names, told
from tests.later import Later

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.image import Image


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def followed(tmp_path: Path, squares: Image, later: Later) -> Canvas:
    """A canvas with a map that is kept current."""
    session = Session(Runner(later), tmp_path, lambda *_: FakeEncoder())
    session.image = squares
    canvas = Canvas(session)
    session.follow("similarity")
    session.prompts = [CLICK]
    later.run()
    assert names(canvas) == ["image", "similarity object", "mask", "examples"]
    return canvas


def test_a_map_stays_until_the_next_one_is_there(followed: Canvas, later: Later) -> None:
    session, log = followed.session, told(followed)
    assert drawn_anew(followed, lambda: setattr(session, "prompts", [CLICK, OTHER])) == {"examples"}
    assert not session.is_ready("similarity"), "otherwise the test says nothing"
    assert drawn_anew(followed, later.run) == {"similarity object", "mask"}
    assert all("mask" in shown for shown in log)


def test_the_map_of_a_class_that_is_gone_stays_no_longer_than_the_others(followed: Canvas, later: Later) -> None:
    session = followed.session
    session.prompts = BOTH
    later.run()
    session.prompts = BOTH[1:]
    assert names(followed) == ["image", "similarity square", "similarity ground", "mask", "examples"]
    later.run()
    assert names(followed) == ["image", "similarity ground", "mask", "examples"]


def test_a_map_goes_where_none_can_come_after_it(followed: Canvas) -> None:
    followed.session.prompts = [COUNTER]
    assert names(followed) == ["image", "examples"]


def test_a_map_goes_when_the_next_one_does_not_come(followed: Canvas, later: Later) -> None:
    session = followed.session
    session.prompts = [CLICK, OTHER]
    assert "mask" in names(followed)
    session.cancel()
    later.run()
    assert names(followed) == ["image", "examples"]


def test_a_map_goes_when_the_next_one_fails(followed: Canvas, later: Later) -> None:
    followed.session.prompts = [PointPrompt((0, 999.0, 0.0))]
    assert "mask" in names(followed)
    later.run()
    assert names(followed) == ["image", "examples"]


def test_a_map_that_was_asked_for_once_is_waited_for_while_the_work_runs(followed: Canvas, later: Later) -> None:
    session = followed.session
    session.follow()
    session.request("similarity")
    session.prompts = [CLICK, OTHER]
    assert "mask" in names(followed)
    later.run()
    assert session.is_ready("similarity")
    session.prompts = [CLICK]
    assert "mask" not in names(followed)
