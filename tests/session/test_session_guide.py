from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.errors import NotReadyError
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.session import Session
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

CLICK = PointPrompt((0, 48.0, 48.0), "square")
OTHER = (28, 36)
"""The patch in the middle of the other square."""


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """One of two squares was clicked on, and the other one is at the threshold."""
    pixels = np.random.default_rng(0).random((160, 200), dtype=np.float32) * 0.2
    pixels[32:64, 32:64] += 0.7
    pixels[96:128, 128:160] += 0.7
    made = Session(folder=tmp_path, make_encoder=lambda *_: FakeEncoder())
    made.image = open_image(pixels, name="squares")
    made.follow("similarity")
    made.prompts = [CLICK]
    made.settings.segmentation.threshold = float(made.result("similarity").values[(0, 0, *OTHER)])
    return made


def told(session: Session) -> list[bool]:
    """A list that grows whenever the guide changes, by whether it points at something."""
    log: list[bool] = []
    session.guide.changed.connect(lambda: log.append(session.guide.place is not None))
    return log


def test_the_guide_points_into_the_object_in_doubt_and_tells(session: Session) -> None:
    log, examples = told(session), session.prompts
    place = session.guide.suggest()
    assert place is not None
    assert place is session.guide.place
    z, y, x = place.position
    assert (z, place.class_name) == (0, "square")
    assert 96 < y < 128
    assert 128 < x < 160
    assert log == [True]
    assert session.prompts == examples


def test_an_answer_becomes_an_example_of_the_class_asked_about(session: Session) -> None:
    place = session.guide.suggest()
    assert place is not None
    session.brush.choose("something else")
    session.brush.toggle()
    log = told(session)
    session.guide.answer(True)
    assert session.prompts == (CLICK, PointPrompt(place.position, "square", True))
    assert log == [False]
    session.guide.answer(False)  # nothing is asked any more
    assert len(session.prompts) == 2


def test_the_guide_forgets_what_another_image_or_map_makes_meaningless(session: Session) -> None:
    log = told(session)
    session.guide.suggest()
    session.settings.similarity.neighbours += 1
    assert session.guide.place is None
    session.guide.suggest()
    session.image = open_image(np.zeros((64, 64), np.float32), name="other")
    assert session.guide.place is None
    assert log == [True, False, True, False]


def test_looking_around_and_moving_the_threshold_keep_the_ring(session: Session) -> None:
    place = session.guide.suggest()
    session.view = Region((0, 90, 90), (1, 130, 170))
    session.settings.segmentation.threshold = 0.5
    assert place is not None
    assert session.guide.place is place


def test_without_a_map_the_guide_knows_nothing(tmp_path: Path) -> None:
    session = Session(folder=tmp_path, make_encoder=lambda *_: FakeEncoder())
    assert not session.guide.is_able
    with pytest.raises(NotReadyError, match="there is no preview yet"):
        session.guide.suggest()


def test_where_nothing_is_in_doubt_that_is_said(session: Session) -> None:
    notices: list[str] = []
    session.events.notice.connect(notices.append)
    session.settings.segmentation.threshold = 1.0
    session.image = open_image(np.zeros((64, 64), np.float32), name="flat")
    session.prompts = [PointPrompt((0, 32.0, 32.0))]
    assert session.guide.is_able
    assert session.guide.suggest() is None
    (notice,) = [text for text in notices if "in doubt" in text]
    assert notice
