"""Examples that are switched off, and what they are good for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.errors import NotReadyError, PromptError
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.session import Recorder, Session, origin_at, read_session, save_session
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.reference import Reference

BRIGHT, GREY = PointPrompt((0, 48.0, 48.0), "bright"), PointPrompt((0, 112.0, 144.0), "grey")
SECOND, COUNTER = PointPrompt((0, 40.0, 40.0), "bright"), PointPrompt((0, 100.0, 20.0), "bright", positive=False)


def image(seed: int = 0, size: tuple[int, int] = (160, 200), dark: float = 0.0) -> Image:
    """Noise with a bright and a grey square."""
    pixels = np.random.default_rng(seed).random(size, dtype=np.float32) * 0.2 * (1 - dark)
    pixels[32:64, 32:64] += 0.7
    pixels[96:128, 128:160] += 0.3
    return open_image(pixels, name=f"image {seed}")


def new_session(folder: Path) -> Session:
    session = Session(folder=folder, make_encoder=lambda name, device: FakeEncoder())
    session.image = image()
    return session


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return new_session(tmp_path)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Reference:
    """Two examples on another image."""
    other = new_session(tmp_path)
    other.image = image(1)
    other.prompts = [BRIGHT, GREY]
    other.request("reference")
    found: Reference = other.result("reference")
    return found


def similarity(session: Session) -> NDArray[np.float32]:
    session.request("similarity")
    return np.array(session.result("similarity").values)


def test_examples_from_elsewhere_come_first(session: Session, elsewhere: Reference) -> None:
    session.references = [elsewhere]
    session.prompts = [SECOND, COUNTER]
    assert [(e.number, e.class_name, e.positive) for e in session.examples] == [
        (0, "bright", True), (1, "grey", True), (2, "bright", True), (3, "bright", False),
    ]  # fmt: skip
    assert [e.place for e in session.examples][2:] == ["point at z 0, y 40, x 40", "point at z 0, y 100, x 20"]
    session.request("reference")
    assert [dict(e.record) for e in session.examples] == list(session.result("reference").provenance)


def test_what_is_switched_off_is_as_if_it_had_not_been_given(
    session: Session, elsewhere: Reference, tmp_path: Path
) -> None:
    session.references = [elsewhere]
    session.prompts = [SECOND, COUNTER]
    session.muted = {0, 1, 3}
    other = new_session(tmp_path)
    other.prompts = [SECOND]
    np.testing.assert_array_equal(similarity(session), similarity(other))
    session.muted = ()
    assert session.result("features")
    assert similarity(session).shape[0] == 2


def test_a_detection_tells_which_example_it_is_like(session: Session, elsewhere: Reference) -> None:
    session.references = [elsewhere]
    session.prompts = [BRIGHT, GREY]
    session.muted = {0, 1}
    session.request("detections")
    found = session.result("detections")
    assert len(found) >= 2
    for name, example in zip(found.class_names, found.more["example"], strict=True):
        assert example == {"bright": 2, "grey": 3}[name]  # numbers of the list, in which those switched off count


def test_switching_drops_what_was_made_from_the_examples_and_tells(session: Session) -> None:
    session.prompts = [BRIGHT, SECOND]
    session.follow("similarity")
    recorder = Recorder(session)
    session.muted = {1}
    assert recorder.log == [
        "dropped similarity", "dropped reference", "prompts 2", "running True", "ready reference", "ready similarity",
        "running False",
    ]  # fmt: skip
    recorder.log.clear()
    session.muted = {1}
    assert recorder.log == ["prompts 2"]


def test_an_example_stays_off_whatever_becomes_of_the_others(session: Session, elsewhere: Reference) -> None:
    session.prompts = [BRIGHT, GREY]
    session.muted = {1}
    session.prompts = [SECOND, BRIGHT, GREY]
    assert session.muted == {2}
    session.references = [elsewhere]
    assert session.muted == {4}
    session.muted = {0, 4}
    session.references = []
    assert session.muted == {2}
    session.references = [elsewhere]
    session.prompts = [SECOND]
    assert session.muted == {0}
    session.undo_prompts()
    assert session.muted == {0, 4}


def test_another_image_forgets_what_was_off_on_the_one_before(session: Session, elsewhere: Reference) -> None:
    session.references = [elsewhere]
    session.prompts = [BRIGHT]
    session.muted = {1, 2}
    session.image = image(2)
    session.prompts = [BRIGHT]
    assert session.muted == {1}


def test_with_all_positive_ones_off_nothing_is_looked_for(session: Session) -> None:
    session.prompts = [BRIGHT, COUNTER]
    session.follow("similarity")
    recorder = Recorder(session)
    session.muted = {0}
    assert not session.is_ready("similarity")
    assert not [entry for entry in recorder.log if entry.startswith("failed")]
    session.muted = ()
    assert session.is_ready("similarity")


def test_a_class_of_counter_examples_alone_is_told(session: Session) -> None:
    session.prompts = [BRIGHT, COUNTER, GREY]
    recorder = Recorder(session)
    session.muted = {0}
    session.request("similarity")
    assert any("no positive example is left of bright" in entry for entry in recorder.log)


def test_an_unknown_number_is_refused(session: Session) -> None:
    session.prompts = [BRIGHT]
    with pytest.raises(PromptError, match="there are 1"):
        session.muted = {1}


def test_what_is_off_is_saved(session: Session, elsewhere: Reference, tmp_path: Path) -> None:
    session.references = [elsewhere]
    session.prompts = [BRIGHT, GREY]
    session.muted = {1, 2}
    path = save_session(session, tmp_path / "session.json")
    other = new_session(tmp_path)
    read_session(path).restore(other)
    assert other.muted == {1, 2}
    assert len(other.examples) == 4


def test_a_place_is_traced_to_its_example(session: Session, elsewhere: Reference) -> None:
    session.references = [elsewhere]
    session.prompts = [SECOND, COUNTER]
    with pytest.raises(NotReadyError):
        origin_at(session, BRIGHT.position)
    session.muted = {0}
    session.request("similarity")
    bright, grey = (origin_at(session, prompt.position) for prompt in (BRIGHT, GREY))
    assert (bright.example.number, grey.example.number) == (2, 1)  # the other bright one is off
    assert min(bright.similarity, grey.similarity) > 0.9
    assert str(grey).startswith("most like example 1 of image 1")
    assert "(point at z 0, y 112, x 144): " in str(grey)
    with pytest.raises(PromptError, match="lies outside"):
        origin_at(session, (0, 500, 3))


def test_the_table_tells_which_example_found_each_object(session: Session, elsewhere: Reference) -> None:
    session.references = [elsewhere]
    session.prompts = [SECOND, GREY]
    session.muted = {0, 3}
    session.request("measurements")
    table = session.result("measurements")
    assert dict(zip(table["class"], table["example"], strict=True)) == {"bright": 2, "grey": 1}


def test_examples_of_another_kind_of_image_are_noticed_once(tmp_path: Path) -> None:
    session = new_session(tmp_path)
    session.settings.tiling.skip_blank = 0  # whose notice is another one
    notices: list[str] = []
    session.events.notice.connect(notices.append)
    session.image = image(1, (300, 300))
    session.prompts = [BRIGHT]
    session.request("reference")
    reference = session.result("reference")
    session.image = image(2, (300, 300))
    session.references = [reference]
    session.view = None
    session.request("similarity")
    assert notices == []
    session.image = image(3, (300, 300), dark=0.9)
    session.request("similarity")
    (notice,) = notices
    assert "'image 3' looks unlike" in notice
