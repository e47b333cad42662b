from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest

from dinoscope.errors import NotReadyError
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image, open_image
from dinoscope.prompts import PointPrompt
from dinoscope.segmentation import Prior, mask_thresholds, refine_map
from dinoscope.session import Session, fine_map
from dinoscope.settings import ImageSettings, SegmentationSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

CLICK = PointPrompt((0, 48.0, 48.0))


@pytest.fixture
def session(tmp_path: Path, squares: Image) -> Session:
    session = Session(folder=tmp_path, make_encoder=lambda name, device: FakeEncoder())
    session.image = squares
    return session


def test_without_a_map_there_is_no_fine_one(session: Session) -> None:
    with pytest.raises(NotReadyError):
        fine_map(session)


def test_it_is_the_map_that_objects_are_cut_from(session: Session) -> None:
    session.prompts = [CLICK]
    session.request("segmentation")
    fine, image = fine_map(session), session.image
    assert image is not None
    wanted = refine_map(
        session.result("similarity"), image, session.result("features").manifest, session.settings.segmentation
    )
    region = Region((0, 20, 10), (1, 150, 180))
    np.testing.assert_array_equal(fine.read(region), wanted.read(region))
    whole = fine.read(Region.of_shape(fine.grid.voxels))[0, 0]
    np.testing.assert_array_equal(session.result("segmentation").mask[:, :] > 0, whole >= session.thresholds()[0])
    assert wanted.evidence is not None
    np.testing.assert_array_equal(session.thresholds(), wanted.evidence.prior.evens)


def test_a_threshold_that_moves_gives_the_same_map_and_another_example_another(session: Session) -> None:
    session.prompts = [CLICK]
    session.request("similarity")
    fine = fine_map(session)
    session.settings.segmentation.threshold = 0.3
    assert fine_map(session) is fine
    session.prompts = [CLICK, PointPrompt((0, 112.0, 144.0))]
    session.request("similarity")
    other = fine_map(session)
    assert other.similarity is session.result("similarity")
    assert fine.evidence is not None
    assert other.evidence is not None
    assert other.evidence.picture is fine.evidence.picture


def test_it_may_be_left_as_it_is(session: Session) -> None:
    session.prompts = [CLICK]
    session.request("similarity")
    session.settings.segmentation.refine = "none"
    assert fine_map(session).evidence is None
    assert session.is_ready("similarity")


def test_refining_or_not_is_another_segmentation(session: Session) -> None:
    session.prompts = [CLICK]
    session.request("segmentation")
    session.settings.segmentation.refine = "none"
    assert session.is_ready("similarity")
    assert not session.is_ready("segmentation")


def test_before_the_map_is_complete_what_is_in_view_tells_what_is_ordinary(session: Session) -> None:
    session.prompts = [CLICK]
    session.view = Region((0, 16, 16), (1, 80, 80))
    session.request("preview")
    preview, fine = session.result("preview"), fine_map(session)
    assert fine.similarity is preview.similarity
    assert fine.evidence is not None
    expected = Prior.of(preview.similarity, preview.patches)
    np.testing.assert_array_equal(fine.evidence.prior.evens, expected.evens)
    np.testing.assert_array_equal(session.thresholds(), expected.evens)


@pytest.mark.parametrize("refine", ["image", "none"])
def test_automatic_thresholds_are_found_once_for_a_map(
    session: Session, monkeypatch: pytest.MonkeyPatch, refine: Literal["image", "none"]
) -> None:
    session.settings.segmentation.refine = refine
    session.prompts = [CLICK]
    session.request("similarity")
    found = session.thresholds()
    monkeypatch.setattr("dinoscope.segmentation._prior._sample", None)  # calling it would be an error
    session.settings.segmentation.threshold = 0.3
    np.testing.assert_array_equal(session.thresholds(), np.array([0.3], np.float32))
    session.settings.segmentation.threshold = "auto"
    np.testing.assert_array_equal(session.thresholds(), found)
    fine = fine_map(session)
    assert (fine.evidence is None) == (refine == "none")
    monkeypatch.undo()
    np.testing.assert_array_equal(
        found, mask_thresholds(session.result("similarity"), SegmentationSettings(refine=refine))
    )


def test_refining_or_not_has_thresholds_of_its_own(session: Session) -> None:
    session.prompts = [CLICK]
    session.request("similarity")
    for refine in ("image", "none", "image"):
        settings = SegmentationSettings.model_validate({"refine": refine})
        session.settings.segmentation.refine = settings.refine
        np.testing.assert_array_equal(session.thresholds(), mask_thresholds(session.result("similarity"), settings))


def test_what_a_map_turns_out_to_mean_when_it_is_complete_counts(tmp_path: Path) -> None:
    session = Session(folder=tmp_path, make_encoder=lambda name, device: FakeEncoder())
    session.settings.tiling.tile, session.settings.tiling.halo = 32, 0
    session.settings.tiling.slicing = "all"
    pixels = np.random.default_rng(0).random((24, 40, 48), dtype=np.float32) * 0.3
    pixels[8:16, 12:24, 12:24] += 0.6
    image = open_image(pixels, ImageSettings(axes="zyx"), name="cube")
    session.image = Image("cube", "array:cube", tuple(Axis(a.name, a.size, 10.0, "nm") for a in image.axes), image.data)
    session.prompts = [PointPrompt((12, 18.0, 18.0))]
    session.view = Region((0, 0, 0), (24, 40, 48))  # all of it, but the preview has seen sections across z only
    session.request("preview")
    before = session.thresholds()
    session.request("similarity")
    expected = Prior.of(session.result("similarity")).evens
    assert (expected != before).any()
    np.testing.assert_array_equal(session.thresholds(), expected)
    evidence = fine_map(session).evidence
    assert evidence is not None
    np.testing.assert_array_equal(evidence.prior.evens, expected)
