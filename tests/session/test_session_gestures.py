"""What clicks and boxes mean, and who looks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.errors import NotReadyError, PromptError
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.jobs import Runner
from dinoscope.prompts import BoxPrompt, PointPrompt, PolygonPrompt, StrokePrompt
from dinoscope.session import FOLLOWED, OBJECTS, Session, box, click, outline, stroke
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CLICK = PointPrompt((0.0, 48.0, 48.0))
SQUARES = ((32, 32), (96, 128))  # their corners; 32 wide


@pytest.fixture
def session(tmp_path: Path) -> Session:
    pixels = np.random.default_rng(0).random((160, 200), dtype=np.float32) * 0.2
    for y, x in SQUARES:
        pixels[y : y + 32, x : x + 32] += 0.7
    made = Session(folder=tmp_path, make_encoder=lambda *_: FakeEncoder())
    made.image = open_image(pixels, name="squares")
    return made


@pytest.mark.parametrize(("sign", "counter", "positive"), [(1, 0, True), (1, 1, False), (0, 0, False), (0, 1, False)])
def test_a_click_is_a_point_of_the_brushs_class(session: Session, sign: int, counter: int, positive: bool) -> None:
    session.brush.choose("vesicle")
    session.brush.positive = bool(sign)
    click(session, (0.0, 10.5, 20.25), bool(counter))
    assert session.prompts == (PointPrompt((0.0, 10.5, 20.25), "vesicle", positive),)


@pytest.mark.parametrize("counter", [False, True])
def test_a_box_holds_just_its_voxels(session: Session, counter: bool) -> None:
    click(session, CLICK.position)
    box(session, Region((0, 96, 128), (1, 128, 160)), counter)
    drawn = session.prompts[1]
    assert isinstance(drawn, BoxPrompt)
    assert drawn.positive is not counter
    (_, *low), (_, *high) = drawn.bounds
    assert np.ceil(low).tolist() == [96, 128]
    assert np.floor(high).tolist() == [127, 159]
    session.request("similarity")
    at = 112 // 4, 144 // 4
    assert (session.result("similarity").values[0, 0, *at] > 0.9) is np.bool_(not counter)


def test_a_box_at_the_border_is_an_example(session: Session) -> None:
    box(session, Region((0, 0, 0), (1, 160, 200)))
    session.request("reference")
    assert len(session.result("reference").provenance) == 1


def test_an_empty_box_is_refused(session: Session) -> None:
    with pytest.raises(PromptError, match="smaller than a voxel"):
        box(session, Region((0, 5, 5), (1, 5, 9)))
    assert session.prompts == ()


@pytest.mark.parametrize("counter", [False, True])
def test_lines_are_examples_and_stay_in_the_image(session: Session, counter: bool) -> None:
    session.brush.choose("vesicle")
    line = [(40.25, 40.0), (50.0, 300.0), (-7.0, 45.0)]
    within = ((40.25, 40.0), (50.0, 199.49), (-0.49, 45.0))
    stroke(session, 0, line, 6.5, counter)
    outline(session, 0, line, counter)
    assert session.prompts == (
        StrokePrompt(0, within, 6.5, "vesicle", not counter),
        PolygonPrompt(0, within, "vesicle", not counter),
    )
    session.undo_prompts()
    assert len(session.prompts) == 1


def test_a_stroke_over_one_square_finds_the_other(session: Session) -> None:
    stroke(session, 0, [(36, 36), (50, 58)], 4)
    session.request("similarity")
    values = session.result("similarity").values[0, 0]
    assert values[112 // 4, 144 // 4] > 0.8
    assert values[80 // 4, 80 // 4] < 0.5


@pytest.mark.parametrize("line", [[], [(3, 3), (9, 9)], [(3.2, 3.2), (3.4, 3.2), (3.4, 3.6)]])
def test_an_outline_of_nothing_is_refused(session: Session, line: list[tuple[float, float]]) -> None:
    with pytest.raises(PromptError, match=r"outline|covers no voxel"):
        outline(session, 0, line)
    assert session.prompts == ()


def test_without_an_image_there_is_nothing_to_draw_on() -> None:
    with pytest.raises(NotReadyError, match="no image to draw on"):
        stroke(Session(), 0, [(1, 1)], 3)


@pytest.mark.parametrize("counter", [False, True])
def test_a_click_on_an_object_judges_all_of_it(session: Session, counter: bool) -> None:
    session.prompts = [CLICK]
    session.request(*OBJECTS)
    click(session, (0.0, 100.0, 150.0), counter)
    judged = session.prompts[1]
    assert isinstance(judged, PolygonPrompt)
    assert judged.positive is not counter
    (_, *low), (_, *high) = judged.bounds
    np.testing.assert_allclose([low, high], [[96, 128], [127, 159]], atol=4)  # as exact as a patch


def test_a_click_beside_all_objects_is_a_point(session: Session) -> None:
    session.prompts = [CLICK]
    session.request(*OBJECTS)
    click(session, (0.0, 80.0, 80.0), counter=True)
    assert session.prompts[1] == PointPrompt((0.0, 80.0, 80.0), positive=False)


def test_a_click_where_no_results_are_shown_is_a_point(session: Session) -> None:
    session.prompts = [CLICK]
    session.request(*OBJECTS)
    click(session, (0.0, 100.0, 150.0), judging=False)
    assert session.prompts[1] == PointPrompt((0.0, 100.0, 150.0))


def test_a_click_on_a_detection_judges_it_at_its_centre(session: Session) -> None:
    session.prompts = [PointPrompt(CLICK.position, "square")]
    session.request("detections")
    click(session, (0.0, 105.0, 137.0), counter=True)
    judged = session.prompts[1]
    assert isinstance(judged, PointPrompt)
    assert (judged.class_name, judged.positive) == ("square", False)
    np.testing.assert_allclose(judged.position[1:], (111.5, 143.5), atol=4)


def test_a_click_outside_of_all_detections_is_a_point(session: Session) -> None:
    session.prompts = [CLICK]
    session.request("detections")
    click(session, (0.0, 150.0, 10.0))
    assert session.prompts[1] == PointPrompt((0.0, 150.0, 10.0))


class Gated(FakeEncoder):
    """Halts at every tile until it is let through."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        self.begun.set()
        assert self.go_on.wait(30)
        return super().encode(pixels)


def test_work_ends_when_the_last_who_looked_leaves_and_goes_on_when_one_is_back(tmp_path: Path) -> None:
    encoder = Gated()
    with ThreadPoolExecutor(1) as executor:
        session = Session(Runner(executor), tmp_path, make_encoder=lambda *_: encoder)
        session.image = open_image(np.zeros((160, 200), np.float32), name="nothing")
        session.join()
        session.join()
        session.prompts = [CLICK]
        session.follow(*FOLLOWED)
        job = session._job._job
        assert encoder.begun.wait(30)
        session.leave()
        assert not job.is_cancelled
        session.leave()
        assert job.is_cancelled
        encoder.go_on.set()
        assert job.wait(30)
    executor = ThreadPoolExecutor(1)
    session._job._runner = Runner(executor)
    session.join()
    executor.shutdown()
    assert session.is_ready("similarity")


def test_a_double_click_is_one_example(session: Session) -> None:
    click(session, CLICK.position)
    click(session, CLICK.position)
    assert session.prompts == (PointPrompt(CLICK.position),)
    click(session, CLICK.position, counter=True)
    assert len(session.prompts) == 2
