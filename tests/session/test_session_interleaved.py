"""What people do while others of their wishes are worked on: nothing of it may depend on which moment it comes in."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.jobs import Runner
from dinoscope.prompts import PointPrompt
from dinoscope.session import OBJECTS, Recorder, Session, origin_at
from dinoscope.testing import FakeEncoder
from tests.later import Later
from tests.views.headless import squares

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

A, B = PointPrompt((0, 48.0, 48.0)), PointPrompt((0, 112.0, 144.0))
COUNTER = PointPrompt((0, 80.0, 80.0), positive=False)


class World:
    """A session whose worker and whose people take turns in one thread: people act whenever the worker tells something.

    Parameters
    ----------
    folder
        Where features are kept.
    acts
        What people do, one after the other, each when something more is told. What is told is heard later.
    """

    def __init__(self, folder: Path, acts: Sequence[str] = ()) -> None:
        self._acts = list(acts)
        self._worker = Later()
        self._told: list[Callable[[], None]] = []
        self.session = Session(Runner(self._worker, self._tell), folder, lambda *_: FakeEncoder())
        self.log = Recorder(self.session).log
        self.session.image = open_image(squares(), name="squares")
        self.session.follow("cost", "similarity")

    def work(self, *acts: str) -> None:
        """Do the next job as far as it gets while people do something more, and hear of it."""
        self._acts += acts
        self._worker.step()
        self.hear()

    def hear(self, most: int | None = None) -> None:
        """Hear what was told, or the first of it."""
        for call in self._told[:most]:
            self._told.remove(call)
            call()

    def rest(self) -> None:
        """Let everything come to its end."""
        while self._worker.todo or self._told or self._acts:
            if self._worker.todo:
                self.work()
            elif self._acts:
                self._act()
            self.hear()

    def _tell(self, call: Callable[[], None]) -> None:
        self._told.append(call)
        if self._acts:
            self._act()

    def _act(self) -> None:
        session, act = self.session, self._acts.pop(0)
        match act:
            case "hear":
                self.hear(1)
            case "hear all":
                self.hear()
            case "undo":
                session.undo_prompts()
            case "colours":
                session.request("colours")
            case "objects" if any(prompt.positive for prompt in session.prompts):
                session.request(*OBJECTS)
            case "suggest" if session.guide.is_able:
                session.guide.suggest()
            case "scale" if session.scale_guide.is_able:
                session.scale_guide.ask()
            case "threshold":
                session.settings.segmentation.threshold = 0.6
            case "half size":
                session.settings.tiling.scale = 0.5
            case "corner" | "everything":
                session.view = Region((0, 0, 0), (1, 60, 60) if act == "corner" else (1, 160, 200))
            case "blank" | "not blank":
                session.settings.tiling.skip_blank = 0.01 if act == "blank" else 0.0
            case "pixel size":
                session.tell_pixel_size(5.0)
            case "image":
                session.image = open_image(squares(), name="squares")
            case "A" | "B" | "counter":
                session.prompts = (*session.prompts, {"A": A, "B": B, "counter": COUNTER}[act])


HEARING = ("hear", "hear", "hear", "hear all", "nothing", "nothing", "nothing")
DOING = ("A", "B", "A", "counter", "undo", "objects", "colours", "corner", "everything", "blank", "not blank")
RARE = ("pixel size", "image", "suggest", "scale", "threshold", "half size")


@given(acts=st.lists(st.sampled_from((*HEARING, *DOING, *RARE)), max_size=30))
@example(acts=["A", "hear all", "B"])
def test_in_the_end_it_is_as_if_all_had_been_waited_for(acts: list[str]) -> None:
    with TemporaryDirectory() as folder, TemporaryDirectory() as elsewhere:
        world = World(Path(folder), acts)
        world.rest()
        session = world.session
        positive = [prompt for prompt in session.prompts if isinstance(prompt, PointPrompt) and prompt.positive]
        if not positive:
            return
        calm = Session(folder=Path(elsewhere), make_encoder=lambda *_: FakeEncoder())
        calm.image, calm.view, calm.prompts = session.image, session.view, session.prompts
        calm.settings.update(session.settings.to_dict())
        calm.request("similarity")
        assert session.is_ready("cost")
        np.testing.assert_array_equal(session.result("similarity").values[:], calm.result("similarity").values[:])
        session.request(*OBJECTS)
        world.rest()
        assert session.is_ready("measurements")
        assert session.is_ready("detections")
        for prompt in positive:
            assert str(origin_at(session, prompt.position)) == str(origin_at(calm, prompt.position))
        assert all("example" in entry for entry in world.log if entry.startswith("failed"))  # there were none


def test_a_late_answer_puts_no_other_store_in_the_place_of_the_one_that_is_filled(tmp_path: Path) -> None:
    """The first job tells its store when the second has begun without it, and the second when the third has with it."""
    world = World(tmp_path)
    world.work("A")
    world.work("B")
    world.rest()
    assert origin_at(world.session, A.position).example.number == 0
    assert origin_at(world.session, B.position).example.number == 1


def test_a_wish_does_not_end_what_is_under_way(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.rest()
    world.session.prompts = [A]
    world.session.request("colours")
    world.rest()
    assert world.session.is_ready("colours")
    assert world.session.is_ready("similarity")
    world.session.prompts = [A, B]
    world.session.request(*OBJECTS)
    world.session.request("features")
    world.rest()
    assert world.session.is_ready("measurements")


def test_a_wish_does_not_begin_again_what_was_cancelled(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.rest()
    world.session.prompts = [A]
    world.session.cancel()
    world.session.request("colours")
    world.rest()
    assert world.session.is_ready("colours")
    assert not world.session.is_ready("reference")
