"""How every view behaves, checked on the one that has no toolkit."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.errors import AxesError, NotReadyError, PromptError
from dinoscope.geometry import Region
from dinoscope.image import Image, open_image
from dinoscope.jobs import Runner
from dinoscope.prompts import PointPrompt, PolygonPrompt
from dinoscope.reference import Reference
from dinoscope.session import STAGES, Recorder, Session, judge
from dinoscope.settings import ImageSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MADE = {*STAGES} - {"preview", "cost", "colours", "scale"}
CLICK = PointPrompt((0, 48.0, 48.0))
COUNTER = PointPrompt((0, 100.0, 150.0), positive=False)
OTHER = PointPrompt((0, 112.0, 144.0))
OUTLINE = PolygonPrompt(0, ((40.0, 40.0), (40.0, 56.0), (56.0, 56.0)))


def image(seed: int = 0) -> Image:
    rng = np.random.default_rng(seed)
    pixels = rng.random((160, 200), dtype=np.float32) * 0.2
    pixels[32:64, 32:64] += 0.7
    pixels[96:128, 128:160] += 0.7
    return open_image(pixels, name=f"image {seed}")


class CountingEncoders:
    """Makes fake encoders and counts what went through all of them."""

    def __init__(self) -> None:
        self.made: list[FakeEncoder] = []

    def __call__(self, name: str, device: str) -> FakeEncoder:
        self.made.append(FakeEncoder(fingerprint=name))
        return self.made[-1]

    @property
    def tiles(self) -> int:
        return sum(encoder.encoded_tiles for encoder in self.made)


@pytest.fixture
def encoders() -> CountingEncoders:
    return CountingEncoders()


@pytest.fixture
def session(tmp_path: Path, encoders: CountingEncoders) -> Session:
    session = Session(folder=tmp_path, make_encoder=encoders)
    session.image = image()
    return session


def ready(session: Session) -> set[str]:
    return {stage for stage in STAGES if session.is_ready(stage)}


def test_a_click_leads_to_objects(session: Session) -> None:
    recorder = Recorder(session)
    session.prompts = [CLICK]
    session.request("segmentation")
    assert recorder.log == [
        "prompts 1", "running True", "ready features", "ready reference", "ready similarity", "ready segmentation",
        "running False",
    ]  # fmt: skip
    found = session.result("segmentation")
    assert len(found.object_classes) == 2
    assert found.mask[48, 48] == found.mask[112, 144] == 1
    assert found.mask[80, 80] == 0
    assert {step.stage for step in recorder.steps} == {"features", "similarity", "objects", "split"}


def test_the_threshold_moves_the_last_stage_only(session: Session, encoders: CountingEncoders) -> None:
    session.prompts = [CLICK]
    session.request("segmentation")
    tiles, recorder = encoders.tiles, Recorder(session)
    session.settings.segmentation.threshold = 0.9
    assert recorder.log == ["dropped segmentation"]
    session.request("segmentation")
    assert recorder.log[1:] == ["running True", "ready segmentation", "running False"]
    assert encoders.tiles == tiles
    assert session.result("segmentation").thresholds == (pytest.approx(0.9),)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda s: setattr(s, "prompts", [CLICK, COUNTER]), {"features"}),
        (lambda s: setattr(s.settings.reference, "crop", 64), {"features"}),
        (lambda s: setattr(s.settings.similarity, "neighbours", 3), {"features", "reference"}),
        (lambda s: setattr(s.settings.detection, "min_score", 0.4), MADE - {"detections"}),
        (lambda s: setattr(s.settings.tiling, "scale", 0.5), set()),
        (lambda s: setattr(s.settings.intensity, "white", 98.0), set()),
        (lambda s: setattr(s.settings.encoder, "encoder", "other"), set()),
        (lambda s: setattr(s.settings.encoder, "passes", 2), set()),
        (lambda s: setattr(s.settings.encoder, "batch_size", 4), MADE),
        (lambda s: setattr(s, "image", image(1)), set()),
    ],
)
def test_an_input_drops_just_what_was_made_from_it(
    session: Session, change: Callable[[Session], None], left: set[str]
) -> None:
    session.prompts = [CLICK]
    session.request("measurements", "detections")
    assert ready(session) == MADE
    change(session)
    assert ready(session) == left


def test_the_same_value_again_drops_nothing(session: Session) -> None:
    session.prompts = [CLICK]
    session.request("similarity")
    recorder = Recorder(session)
    session.settings.tiling.scale = None
    session.prompts = [PointPrompt((0, 48.0, 48.0))]
    assert not [entry for entry in recorder.log if entry.startswith("dropped")]


def test_what_is_in_view_comes_first_and_needs_few_tiles(session: Session, encoders: CountingEncoders) -> None:
    session.prompts = [CLICK]
    session.settings.reference.crop = 32
    session.view = Region((0, 20, 20), (1, 70, 70))
    tiles_at_preview: list[int] = []
    in_view: list[NDArray[np.float32]] = []

    def look(stage: str) -> None:
        if stage == "preview":
            tiles_at_preview.append(encoders.tiles)
            similarity, patches = session.map_so_far
            in_view.append(similarity.read(patches).copy())

    session.events.ready.connect(look)
    session.request("similarity")
    preview, whole = session.result("preview"), session.result("similarity")
    np.testing.assert_allclose(in_view[0], whole.read(preview.patches), atol=1e-6)
    assert tiles_at_preview[0] < encoders.tiles
    session.view = Region((0, 0, 0), (1, 10, 10))
    assert ready(session) >= {"similarity"}
    assert not session.is_ready("preview")


def test_prompts_can_be_undone(session: Session) -> None:
    session.prompts = [CLICK]
    session.prompts = [CLICK, COUNTER]
    session.undo_prompts()
    assert session.prompts == (CLICK,)
    session.undo_prompts()
    session.undo_prompts()
    assert len(session.prompts) == 0


def test_errors_are_told_and_nothing_is_half_done(session: Session) -> None:
    recorder = Recorder(session)
    session.request("similarity")
    assert recorder.log[-1].startswith("failed there are no examples")
    session.prompts = [PointPrompt((0, 999.0, 0.0))]
    session.request("similarity")
    assert "outside of the image" in recorder.log[-1]
    assert ready(session) == {"features"}
    with pytest.raises(NotReadyError, match="no similarity yet"):
        session.result("similarity")


def test_without_an_image_nothing_can_be_asked_for(tmp_path: Path) -> None:
    empty = Session(folder=tmp_path)
    with pytest.raises(NotReadyError, match="there is no image"):
        empty.request("features")
    with pytest.raises(AxesError):
        empty.image = open_image(np.zeros((4, 9, 9), np.uint8), ImageSettings(axes="cyx"), name="channels")


def test_a_reference_from_elsewhere_serves(session: Session, tmp_path: Path) -> None:
    session.prompts = [CLICK]
    session.request("reference")
    path = session.result("reference").save(tmp_path / "r.safetensors")
    session.image = image(1)
    assert session.prompts == ()
    session.references = [Reference.load(path)]
    session.request("segmentation")
    assert len(session.result("segmentation").object_classes) == 2


def test_the_classes_of_a_reference_have_colours_of_their_own(session: Session, tmp_path: Path) -> None:
    session.prompts = [PointPrompt((0, 48.0, 48.0), "square"), PointPrompt((0, 80.0, 80.0), "ground")]
    session.request("reference")
    path = session.result("reference").save(tmp_path / "r.safetensors")
    other = Session(folder=tmp_path, make_encoder=lambda name, device: FakeEncoder())
    other.image = image(1)
    other.references = [Reference.load(path)]
    assert {"square", "ground"} <= set(other.brush.classes)
    assert other.brush.index("square") != other.brush.index("ground")


class Waiting(FakeEncoder):
    """An encoder that lets the test decide when it goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        self.begun.set()
        assert self.go_on.wait(30)
        return super().encode(pixels)


@pytest.fixture
def background(tmp_path: Path) -> Iterator[tuple[Session, Waiting, queue.Queue[Any]]]:
    """A session that works in a thread and tells through a queue, as a toolkit's main thread would."""
    calls: queue.Queue[Any] = queue.Queue()
    encoder = Waiting()
    with ThreadPoolExecutor(1) as executor:
        session = Session(Runner(executor, calls.put), tmp_path, lambda name, device: encoder)
        session.image = image()
        session.prompts = [CLICK]
        yield session, encoder, calls
        encoder.go_on.set()


def deliver(calls: queue.Queue[Any]) -> None:
    while not calls.empty():
        calls.get()()


def test_waiting_needs_no_dispatcher(background: tuple[Session, Waiting, queue.Queue[Any]]) -> None:
    session, encoder, calls = background
    encoder.go_on.set()
    assert session.request("similarity").wait(30)
    assert not session.is_ready("similarity")  # nothing was told yet
    deliver(calls)
    assert session.is_ready("similarity")


def test_cancel_stops_after_one_batch(background: tuple[Session, Waiting, queue.Queue[Any]]) -> None:
    session, encoder, calls = background
    recorder = Recorder(session)
    job = session.request("similarity")
    assert encoder.begun.wait(30)
    session.cancel()
    encoder.go_on.set()
    assert job.wait(30)
    deliver(calls)
    assert encoder.encoded_tiles <= 1
    assert recorder.log[-1] == "running False"
    assert not [entry for entry in recorder.log if entry.startswith("failed")]
    session.request("similarity").wait(30)
    deliver(calls)
    assert session.is_ready("similarity")


def test_late_answers_are_dropped(background: tuple[Session, Waiting, queue.Queue[Any]]) -> None:
    session, encoder, calls = background
    job = session.request("similarity")
    assert encoder.begun.wait(30)
    session.prompts = [CLICK, COUNTER]  # the work under way is for the examples before
    encoder.go_on.set()
    assert job.wait(30)
    deliver(calls)
    assert ready(session) == {"features"}
    session.request("similarity").wait(30)
    deliver(calls)
    assert len(session.result("reference").provenance) == 2


def test_a_new_request_ends_the_one_before(background: tuple[Session, Waiting, queue.Queue[Any]]) -> None:
    session, encoder, calls = background
    first = session.request("similarity")
    assert encoder.begun.wait(30)
    second = session.request("detections")
    encoder.go_on.set()
    assert first.wait(30)
    assert second.wait(30)
    recorder = Recorder(session)
    deliver(calls)
    assert session.is_ready("detections")
    assert recorder.log.count("running False") == 1


def test_the_same_examples_in_other_numbers_are_others(session: Session) -> None:
    other = PointPrompt((0, 1.0, 1.0))
    session.prompts = [CLICK, CLICK, other]
    session.replace_prompts(PointPrompt, [CLICK, other, other])
    assert session.prompts == (CLICK, other, other)


def test_replacing_examples_of_a_kind_keeps_the_others(session: Session) -> None:
    session.prompts = [CLICK, OUTLINE]
    session.replace_prompts(PointPrompt, [OTHER, COUNTER])
    assert list(session.prompts) == [OUTLINE, OTHER, COUNTER]
    session.undo_prompts()
    assert list(session.prompts) == [CLICK, OUTLINE]


def test_replacing_examples_by_the_same_ones_is_not_told(session: Session) -> None:
    session.prompts = [CLICK, OUTLINE]
    recorder = Recorder(session)
    session.replace_prompts(PointPrompt, [PointPrompt((0, 48.0, 48.0))])
    session.replace_prompts((PointPrompt, PolygonPrompt), [OUTLINE, CLICK])
    assert recorder.log == []
    session.replace_prompts(PolygonPrompt, [])
    assert recorder.log == ["prompts 1"]


@pytest.mark.parametrize("right", [True, False])
def test_a_judged_object_becomes_an_example(session: Session, right: bool) -> None:
    session.prompts = [CLICK]
    session.request("segmentation")
    judge(session, (0, 112.0, 144.0), right)
    assert session.prompts[0] == CLICK
    (outline,) = session.prompts[1:]
    assert isinstance(outline, PolygonPrompt)
    assert (outline.class_name, outline.positive) == ("object", right)
    (_, *low), (_, *high) = outline.bounds
    np.testing.assert_allclose([low, high], [[96, 128], [127, 159]], atol=4)  # as exact as a patch
    session.request("segmentation")
    assert len(session.result("reference").provenance) == 2


def test_only_an_object_can_be_judged(session: Session) -> None:
    with pytest.raises(NotReadyError):
        judge(session, (0, 112.0, 144.0), True)
    session.prompts = [CLICK]
    session.request("segmentation")
    with pytest.raises(PromptError, match="no object at this place"):
        judge(session, (0, 80.0, 80.0), True)
    assert session.prompts == (CLICK,)


def test_telling_the_pixel_size_keeps_the_examples(session: Session) -> None:
    session.prompts = [CLICK]
    session.request("segmentation")
    session.tell_pixel_size(7.0)
    assert session.prompts == (CLICK,)
    assert ready(session) == set()
    session.request("segmentation")
    assert session.result("features").manifest.pixel_size_nm == 7.0
    assert len(session.result("segmentation").object_classes) == 2


def test_only_an_image_has_a_pixel_size(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="there is no image"):
        Session(folder=tmp_path).tell_pixel_size(7.0)


def test_what_is_needed_for_what_is_asked_for_is_coming(
    background: tuple[Session, Waiting, queue.Queue[Any]],
) -> None:
    session, _, _ = background
    session.prompts = [CLICK]
    session.request("measurements")
    assert session.is_coming("similarity")
    assert session.is_coming("segmentation")
    assert not session.is_coming("detections")
