"""Volumes that are cut across other axes, as people at a view meet them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.batch import Stages, Work
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image, open_image
from dinoscope.jobs import ignore_progress
from dinoscope.prompts import PointPrompt
from dinoscope.session import Recorder, Session, origin_at
from dinoscope.settings import ImageSettings, ReferenceSettings, TilingSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.similarity import SimilarityMap

SHAPE = (24, 40, 48)
CLICK = PointPrompt((12.0, 18.0, 18.0))
COUNTER = PointPrompt((3.0, 30.0, 40.0), positive=False)


def volume(unit_known: bool = True) -> Image:
    """A bright ball on noise."""
    away = np.linalg.norm(np.indices(SHAPE) - np.array([12, 18, 18]).reshape(3, 1, 1, 1), axis=0)
    drawn = np.random.default_rng(0).random(SHAPE, dtype=np.float32) * 0.3
    drawn[away < 9] += 0.6
    image = open_image(drawn, ImageSettings(axes="zyx"), name="ball")
    if not unit_known:
        return image
    axes = tuple(Axis(axis.name, axis.size, 10.0, "nm") for axis in image.axes)
    return Image("ball", "array:ball", axes, image.data)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    session = Session(folder=tmp_path / "session", make_encoder=lambda name, device: FakeEncoder())
    session.settings.tiling.tile, session.settings.tiling.halo = 32, 0
    session.settings.reference.crop = 32
    session.image = volume()
    session.prompts = [CLICK, COUNTER]
    return session


def everything(similarity: SimilarityMap) -> NDArray[np.float32]:
    return similarity.read(similarity.grid.extent)


def headless(folder: Path, slicing: str) -> tuple[Reference, NDArray[np.float32]]:
    """The same without a session."""
    tiling = TilingSettings.model_validate({"slicing": slicing, "tile": 32, "halo": 0})
    stages = Stages(tiling=tiling, reference=ReferenceSettings(crop=32))
    work = Work.open(volume(), FakeEncoder(), stages, folder / "store.zarr")
    reference = work.look_up([CLICK, COUNTER], ignore_progress)
    return reference, everything(work.compare(reference, folder, ignore_progress))


@pytest.mark.parametrize("slicing", ["y", "x", "all"])
@pytest.mark.parametrize("view", [None, Region((10, 4, 4), (11, 30, 30))])
def test_a_session_finds_what_a_script_finds(
    session: Session, tmp_path: Path, slicing: str, view: Region | None
) -> None:
    session.view = view
    session.settings.tiling.slicing = slicing  # type: ignore[assignment]  # checked by pydantic
    session.request("segmentation", "measurements", "detections")
    reference, expected = headless(tmp_path, slicing)
    np.testing.assert_array_equal(session.result("reference").vectors, reference.vectors)
    np.testing.assert_array_equal(everything(session.result("similarity")), expected)
    found = session.result("measurements")
    largest = int(np.argmax(found["volume_voxels"]))
    assert np.linalg.norm(np.array(found.centroid(largest)) - CLICK.position) < 4
    assert found["example"][largest] == 0  # the click, in whatever stack


def test_the_first_answer_is_from_the_sections_themselves(session: Session) -> None:
    session.view = Region((12, 4, 4), (13, 30, 30))
    session.request("preview")
    own = session.result("preview")
    before = own.similarity.read(own.patches)
    session.settings.tiling.slicing = "all"
    session.request("preview")
    first = session.result("preview")
    around = session.result("reference")
    assert len(around.vectors) == 6
    assert first.patches == own.patches
    assert np.corrcoef(first.similarity.read(first.patches).ravel(), before.ravel())[0, 1] > 0.9


def test_changing_the_axis_drops_what_was_made_with_it(session: Session) -> None:
    session.request("similarity")
    session.settings.tiling.slicing = "y"
    assert not session.is_ready("features")
    assert not session.is_ready("similarity")


def test_the_price_counts_all_stacks(session: Session) -> None:
    session.settings.tiling.slicing = "all"
    session.request("cost")
    # 24 sections of 2 x 2 tiles of 8 patches, 10 across y and 12 across x of 1 x 2 tiles
    assert session.result("cost").tiles == 24 * 4 + 10 * 2 + 12 * 2


def test_muted_examples_are_silent_in_every_stack(session: Session) -> None:
    session.settings.tiling.slicing = "all"
    session.muted = {1}
    session.request("reference")
    reference = session.result("reference")
    assert reference.positive.tolist() == [True] * 3
    assert [record.get("across", "z") for record in reference.provenance] == ["z", "y", "x"]


@pytest.mark.parametrize("slicing", ["y", "all"])
def test_what_is_found_has_the_click_for_its_origin(session: Session, slicing: str) -> None:
    session.settings.tiling.slicing = slicing  # type: ignore[assignment]  # checked by pydantic
    session.prompts = [COUNTER, CLICK]
    session.muted = {0}
    session.muted = set()
    session.request("similarity")
    assert origin_at(session, (12, 20, 16)).example.number == 1


def test_loaded_references_keep_their_numbers(session: Session, tmp_path: Path) -> None:
    loaded, _ = headless(tmp_path, "z")
    session.references = [loaded]
    session.settings.tiling.slicing = "all"
    session.muted = {0}
    session.request("reference", "measurements")
    assert len(session.result("reference").vectors) == 1 + 3 * 2
    assert set(session.result("measurements")["example"]) <= {2}  # the click: the counter-examples find nothing


def test_a_single_section_is_refused_with_what_to_do(session: Session) -> None:
    session.settings.tiling.slicing = "y"
    session.image = open_image(np.zeros((40, 48), np.float32), name="flat")
    recorder = Recorder(session)
    session.request("features")
    assert recorder.log[-1].startswith("failed image 'flat' is a single section and cannot be cut across y")
    assert not any(entry.startswith("ready") for entry in recorder.log)


def test_voxels_taken_for_cubes_are_told_of(session: Session) -> None:
    session.image = volume(unit_known=False)
    told: list[str] = []
    session.events.notice.connect(told.append)
    session.request("features")
    assert told == []
    session.settings.tiling.slicing = "y"
    session.request("features")
    assert len(told) == 1
    assert "taken for cubes" in told[0]
