from __future__ import annotations

import gc
import queue
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.geometry import Region
from dinoscope.image import Image, open_image
from dinoscope.jobs import Runner
from dinoscope.prompts import PointPrompt, PolygonPrompt
from dinoscope.session import STAGES, Recorder, Session, _compute
from dinoscope.settings import ImageSettings
from dinoscope.similarity import compare_block
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.features import FeatureStore
    from dinoscope.jobs import Job
    from dinoscope.settings import SimilaritySettings
    from dinoscope.similarity import Matcher, SimilarityMap

CLICK = PointPrompt((0, 48.0, 48.0))
OTHER = PointPrompt((0, 112.0, 144.0))
COUNTER = PointPrompt((0, 100.0, 150.0), positive=False)
OUTLINE = PolygonPrompt(0, ((40.0, 40.0), (40.0, 56.0), (56.0, 56.0)))
CORNER = Region((0, 0, 0), (1, 40, 40))

DEADLINE = 30
"""Seconds after which work that should have ended is taken to be stuck."""


def image(shape: tuple[int, ...] = (160, 200)) -> Image:
    """Noise with two bright squares in every section: 20 tiles of 48 voxels in each of them by default."""
    pixels = np.random.default_rng(0).random(shape, dtype=np.float32) * 0.2
    pixels[..., 32:64, 32:64] += 0.7
    pixels[..., 96:128, 128:160] += 0.7
    axes = ImageSettings(axes="zyx"[-len(shape) :])
    return open_image(pixels, axes, name="squares")


def uninterrupted(session: Session, folder: Path) -> NDArray[np.float32]:
    """The whole map of the same image and examples, made from nothing and at once, shape (K, z, gy, gx)."""
    other = Session(folder=folder, make_encoder=lambda name, device: FakeEncoder())
    other.image, other.settings.reference.crop = session.image, session.settings.reference.crop
    other.settings.tiling.skip_blank = session.settings.tiling.skip_blank
    other.prompts = session.prompts
    other.request("similarity")
    similarity: SimilarityMap = other.result("similarity")
    return similarity.read(similarity.grid.extent)


def ready(session: Session) -> set[str]:
    return {stage for stage in STAGES if session.is_ready(stage)}


class Gate(FakeEncoder):
    """An encoder that halts at one of its tiles until the test lets it go on."""

    def __init__(self, halt_at: int = 0) -> None:
        super().__init__()
        self.halt_at = halt_at
        self.reached, self.go_on = threading.Event(), threading.Event()

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.encoded_tiles == self.halt_at:
            self.reached.set()
            assert self.go_on.wait(DEADLINE)
        return super().encode(pixels)


class Background:
    """A session that works in a thread and tells through a queue, as a toolkit's main thread would."""

    def __init__(self, executor: ThreadPoolExecutor, folder: Path) -> None:
        self.calls: queue.Queue[Any] = queue.Queue()
        self.encoder = Gate()
        self.session = Session(Runner(executor, self.calls.put), folder, lambda name, device: self.encoder)
        self.recorder = Recorder(self.session)
        self._executor = executor

    def run_to_gate(self, *stages: Any) -> Job:
        job = self.session.request(*stages)
        assert self.encoder.reached.wait(DEADLINE)
        return job

    def finish(self) -> None:
        """Let the work run to its end, and hear everything that it tells."""
        self.encoder.go_on.set()
        self._executor.submit(int).result(DEADLINE)  # the one thread does things in order
        while not self.calls.empty():
            self.calls.get()()


@pytest.fixture
def session(tmp_path: Path) -> Session:
    session = Session(folder=tmp_path, make_encoder=lambda name, device: FakeEncoder())
    session.image = image()
    return session


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Background]:
    with ThreadPoolExecutor(1) as executor:
        background = Background(executor, tmp_path)
        background.session.image = image()
        background.session.prompts = [CLICK]
        background.recorder.log.clear()
        yield background
        background.encoder.go_on.set()


def test_a_cancelled_map_goes_on_where_it_was(
    background: Background, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[Region] = []

    def counted(
        store: FeatureStore, matcher: Matcher, settings: SimilaritySettings, block: Region
    ) -> NDArray[np.float32]:
        compared.append(block)
        return compare_block(store, matcher, settings, block)

    monkeypatch.setattr(_compute, "compare_block", counted)
    session, encoder = background.session, background.encoder
    session.image = image((6, 160, 200))
    session.prompts = [CLICK]
    session.settings.reference.crop = 32
    session.settings.tiling.skip_blank = 0  # all tiles are counted
    encoder.halt_at = 50  # in the third of six sections
    job = background.run_to_gate("similarity")
    session.cancel()
    background.finish()
    assert job.is_over
    assert not session.is_ready("similarity")
    before = list(compared)
    assert 0 < len(before) < 12  # a section has two blocks of at most 48 patches
    session.request("similarity")
    background.finish()
    assert len(compared) == len(set(compared)) == 12
    assert compared[: len(before)] == before
    assert encoder.encoded_tiles == 6 * 20

    through = uninterrupted(session, tmp_path / "other")
    np.testing.assert_array_equal(session.result("similarity").values[:], through)


def test_a_map_begun_for_other_examples_is_not_gone_on_with(background: Background, tmp_path: Path) -> None:
    session = background.session
    session.settings.reference.crop = 32
    background.encoder.halt_at = 10
    background.run_to_gate("similarity")
    session.cancel()
    background.finish()
    session.prompts = [PointPrompt((0, 80.0, 80.0))]  # the ground between the squares
    session.request("similarity")
    background.finish()
    through = uninterrupted(session, tmp_path / "other")
    np.testing.assert_array_equal(session.result("similarity").values[:], through)


def test_an_unfinished_map_is_not_taken_for_that_of_a_later_image(background: Background) -> None:
    session = background.session
    session.settings.reference.crop = 32
    background.encoder.halt_at = 10  # behind the tiles of the example: the map was begun
    background.run_to_gate("similarity")
    session.cancel()
    background.finish()
    pixels = weakref.ref(session.image.data) if session.image else None
    session.image = None
    gc.collect()
    assert pixels is not None
    assert pixels() is not None  # maps are told apart by where their images lie, so nothing else may lie there


@pytest.mark.parametrize("view", [CORNER, Region((0, 30, 101), (1, 67, 163)), Region((0, 0, 0), (1, 160, 200))])
def test_what_is_seen_first_is_what_the_whole_map_says(session: Session, view: Region) -> None:
    session.prompts = [CLICK]
    session.view = view
    session.request("preview")
    similarity, patches = session.map_so_far
    first = similarity.read(patches).copy()
    inner = session.result("features").grid.voxels_of(patches)
    assert inner.contains(view)
    session.request("similarity")
    assert session.map_so_far[1] == session.result("features").grid.extent
    np.testing.assert_array_equal(first, session.result("similarity").read(patches))


@pytest.mark.parametrize(
    ("view", "clicks", "columns"),
    [
        ((0, 6000), (500, 5000), (987, 1500)),  # 2048 voxels that end with the image: from voxel 3952
        ((0, 6000), (5000, 500), (0, 513)),
        ((2000, 6000), (5000, 500), (987, 1500)),  # the newest one in view
        ((2000, 6000), (500,), (743, 1257)),  # none in view: its middle, voxels 2976 to 5024
        ((100, 900), (500,), (24, 226)),  # a small view as a whole
    ],
)
def test_a_large_view_is_answered_around_its_newest_example_first(
    tmp_path: Path, view: tuple[int, int], clicks: tuple[int, ...], columns: tuple[int, int]
) -> None:
    encoder = FakeEncoder()
    session = Session(folder=tmp_path, make_encoder=lambda name, device: encoder)
    session.image = open_image(np.random.default_rng(0).random((20, 6000), dtype=np.float32), name="long")
    session.settings.reference.crop = 32
    session.prompts = [PointPrompt((0, 10.0, float(x))) for x in clicks]
    session.view = Region((0, 0, view[0]), (1, 20, view[1]))
    session.request("preview")
    assert session.result("preview").patches == Region((0, 0, columns[0]), (1, 5, columns[1]))
    assert encoder.encoded_tiles < 60  # of 125


def test_without_a_view_there_is_no_preview(session: Session) -> None:
    recorder = Recorder(session)
    session.prompts = [CLICK]
    session.request("preview")
    assert "failed nothing is in view: set a view before asking for its preview" in recorder.log


def test_the_price_is_that_of_the_tiles_that_are_missing(tmp_path: Path) -> None:
    encoder = FakeEncoder()

    def begin() -> Session:
        session = Session(folder=tmp_path, make_encoder=lambda name, device: encoder)
        session.image = image()
        session.settings.reference.crop = 32
        session.prompts = [CLICK]
        return session

    session = begin()
    session.request("cost")
    price = session.result("cost")
    assert (price.tiles, price.pending, price.cache_bytes) == (20, 20, 40 * 50 * 2 * 2)
    assert price.seconds > 0
    before = encoder.encoded_tiles
    session.request("reference")
    computed = encoder.encoded_tiles - before
    assert 0 < computed < 20
    again = begin()
    again.request("cost")
    assert again.result("cost").pending == 20 - computed
    again.request("similarity")
    done, encoded = begin(), encoder.encoded_tiles
    done.request("cost")
    assert (done.result("cost").pending, done.result("cost").seconds) == (0, 0.0)
    assert encoder.encoded_tiles == encoded  # nothing to measure


def test_what_is_followed_comes_by_itself_with_a_click(session: Session) -> None:
    session.follow("features", "similarity")
    assert ready(session) == {"features"}
    session.prompts = [COUNTER]  # shows nothing to look for
    assert ready(session) == {"features"}
    session.prompts = [COUNTER, CLICK]
    assert ready(session) == {"features", "reference", "similarity"}
    recorder = Recorder(session)
    session.settings.similarity.neighbours = 3
    assert recorder.log == ["dropped similarity", "running True", "ready similarity", "running False"]


def test_what_is_followed_and_there_starts_no_work(session: Session) -> None:
    session.follow("similarity")
    session.prompts = [CLICK]
    recorder = Recorder(session)
    session.settings.segmentation.threshold = 0.9
    session.follow("similarity")
    assert recorder.log == []


def test_after_cancel_a_new_view_does_not_start_work(background: Background) -> None:
    session = background.session
    session.follow("similarity")
    assert background.encoder.reached.wait(DEADLINE)
    session.cancel()
    background.finish()
    background.recorder.log.clear()
    session.view = CORNER
    background.finish()
    assert background.recorder.log == []
    assert not session.is_running


def test_a_new_view_does_not_start_what_is_just_being_cancelled(background: Background) -> None:
    session = background.session
    session.follow("similarity")
    assert background.encoder.reached.wait(DEADLINE)
    session.cancel()
    session.view = CORNER
    background.finish()
    assert background.recorder.log[-1] == "running False"
    assert not session.is_ready("similarity")


def test_a_running_request_survives_a_change_of_view(background: Background) -> None:
    session = background.session
    background.run_to_gate("detections")
    session.view = CORNER
    background.finish()
    assert ready(session) == {"features", "reference", "preview", "similarity", "detections"}
    assert background.recorder.log[-1] == "running False"
    assert background.recorder.log.count("running False") == 1


def test_a_paused_session_rests_until_it_is_resumed(background: Background) -> None:
    session, encoder = background.session, background.encoder
    job = background.run_to_gate("similarity")
    session.pause()
    assert session.is_paused
    encoder.go_on.set()
    assert not job.wait(0.3)
    assert encoder.encoded_tiles == 1
    session.resume()
    assert not session.is_paused
    background.finish()
    assert session.is_ready("similarity")
    session.pause()
    assert not session.is_paused  # there is nothing that could rest


def test_a_paused_session_can_be_cancelled(background: Background) -> None:
    session = background.session
    job = background.run_to_gate("similarity")
    session.pause()
    background.encoder.go_on.set()
    session.cancel()
    assert job.wait(DEADLINE)
    background.finish()
    assert background.encoder.encoded_tiles == 1
    assert background.recorder.log[-1] == "running False"
    assert not session.is_paused


def test_without_its_image_a_session_has_nothing_and_late_results_are_not_told(background: Background) -> None:
    session = background.session
    session.request("features")
    background.finish()
    background.encoder.go_on.clear()
    background.run_to_gate("similarity")
    background.recorder.log.clear()
    session.image = None
    assert background.recorder.log == ["dropped features", "prompts 0"]
    background.finish()
    assert ready(session) == set()
    assert (session.image, session.prompts, session.view) == (None, (), None)
    assert background.recorder.log[2:] == ["running False"]
    session.undo_prompts()
    assert session.prompts == ()


def test_a_closed_session_tells_nothing_and_starts_nothing(background: Background) -> None:
    session, encoder = background.session, background.encoder
    session.follow("similarity")
    assert encoder.reached.wait(DEADLINE)
    background.recorder.log.clear()
    background.recorder.steps.clear()
    session.close()
    background.finish()
    assert not session.is_running
    session.prompts = [OTHER]
    session.settings.similarity.neighbours = 3
    background.finish()
    assert encoder.encoded_tiles <= 1
    assert background.recorder.log == []
    assert background.recorder.steps == []
