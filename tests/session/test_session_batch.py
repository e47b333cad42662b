"""What a session found out, applied to other images, one batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dinoscope.jobs import Runner
from dinoscope.prompts import PointPrompt
from dinoscope.session import Batch, Session, recipe_of
from dinoscope.testing import FakeEncoder
from tests.later import Later

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dinoscope.batch import Recipe
    from dinoscope.image import Image


@pytest.fixture
def recipe(tmp_path: Path, squares: Image) -> Recipe:
    session = Session(folder=tmp_path / "features", make_encoder=lambda *_: FakeEncoder())
    session.image = squares
    session.prompts = [PointPrompt((0, 48.0, 48.0))]
    session.request("reference")
    return recipe_of(session, ("mask",))


def test_of_a_batch_that_another_follows_nothing_more_is_told(recipe: Recipe, squares: Image, tmp_path: Path) -> None:
    told: list[Callable[[], None]] = []
    heard: list[object] = []
    later = Later()
    batch = Batch(Runner(later, told.append), lambda *_: FakeEncoder())
    for event in (batch.events.row, batch.events.running, batch.events.failed):
        event.connect(heard.append)
    batch.start(recipe, squares, tmp_path / "first")
    later.run()
    batch.start(recipe, squares, tmp_path / "second")  # the row of the first is on its way
    for call in told:
        call()
    assert heard == [True, True]
    assert not batch.rows
    told.clear()
    later.run()
    for call in told:
        call()
    (row,) = batch.rows
    assert heard == [True, True, row, False]
    assert (tmp_path / "second").exists()


def test_a_closed_batch_tells_nothing(recipe: Recipe, squares: Image, tmp_path: Path) -> None:
    later, heard = Later(), list[object]()
    batch = Batch(Runner(later), lambda *_: FakeEncoder())
    for event in (batch.events.row, batch.events.running, batch.events.failed):
        event.connect(heard.append)
    batch.start(recipe, squares, tmp_path / "results")
    batch.close()
    later.run()
    assert heard == [True]
