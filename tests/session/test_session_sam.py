"""SAM 2 in a session: for objects, and never while somebody clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.errors import SegmenterNotFoundError
from dinoscope.geometry import Region
from dinoscope.prompts import PointPrompt
from dinoscope.session import Recorder, Session, fine_map
from dinoscope.testing import FakeEncoder
from tests.segmentation.segmenters import Draws, bright

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.image import Image
    from dinoscope.segmentation import Segmenter

CLICK = PointPrompt((0, 48.0, 48.0))


class Segmenters:
    """Makes segmenters that draw what is bright, and remembers for whom."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def __call__(self, name: str, device: str) -> Segmenter:
        self.asked.append((name, device))
        if name == "none":
            raise SegmenterNotFoundError("there are none")
        return Draws(bright)


@pytest.fixture
def segmenters(monkeypatch: pytest.MonkeyPatch) -> Segmenters:
    made = Segmenters()
    monkeypatch.setattr("dinoscope.session._compute.create_segmenter", made)
    return made


@pytest.fixture
def session(tmp_path: Path, squares: Image, segmenters: Segmenters) -> Session:
    session = Session(folder=tmp_path, make_encoder=lambda name, device: FakeEncoder())
    session.image = squares
    session.settings.segmentation.threshold = 0.6
    session.prompts = [CLICK]
    return session


def squares_of(session: Session) -> Any:
    assert session.image is not None
    return np.asarray(session.image.data[...]) > 0.5


def test_objects_are_drawn_and_the_live_mask_is_that_of_the_image(session: Session, segmenters: Segmenters) -> None:
    session.request("similarity")
    region = Region.of_shape((1, 160, 200))
    live = fine_map(session).read(region)
    session.settings.segmentation.refine = "sam2"
    np.testing.assert_array_equal(fine_map(session).read(region), live)
    assert session.thresholds()[0] == pytest.approx(0.6)
    assert segmenters.asked == []
    session.request("segmentation")
    np.testing.assert_array_equal(session.result("segmentation").mask[:, :] > 0, squares_of(session))
    session.settings.segmentation.refine = "image"
    session.request("segmentation")
    assert (session.result("segmentation").mask[:, :] > 0).tolist() != squares_of(session).tolist()


def test_a_segmenter_is_kept_until_another_is_wanted(session: Session, segmenters: Segmenters) -> None:
    settings = session.settings
    settings.segmentation.refine = "sam2"
    for threshold in (0.6, 0.5):
        settings.segmentation.threshold = threshold
        session.request("segmentation")
    assert segmenters.asked == [("sam2.1-hiera-tiny", "auto")]
    settings.segmentation.sam2_weights = "sam2.1-hiera-large"
    assert not session.is_ready("segmentation")
    settings.encoder.device = "cpu"
    session.request("segmentation")
    assert segmenters.asked[1:] == [("sam2.1-hiera-large", "cpu")]


def test_missing_weights_are_told_and_the_map_stays(session: Session, segmenters: Segmenters) -> None:
    recorder = Recorder(session)
    session.settings.segmentation.refine = "sam2"
    session.settings.segmentation.sam2_weights = "none"
    session.request("segmentation")
    assert any("there are none" in line for line in recorder.log)
    assert session.is_ready("similarity")
    assert not session.is_ready("segmentation")
