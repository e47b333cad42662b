"""What a session says of tiles in which there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.image import Image, open_image
from dinoscope.prompts import PointPrompt
from dinoscope.session import Session
from dinoscope.settings import ImageSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

CLICK, OTHER = PointPrompt((0, 48.0, 48.0)), PointPrompt((0, 20.0, 100.0))
NOWHERE = PointPrompt((0, 100.0, 500.0))


def half_empty(sections: int = 1) -> Image:
    """Coarse grains and a square up to column 210, then nothing: of 3 x 12 tiles of 48 voxels, 7 in a row are blank."""
    grains = np.random.default_rng(0).choice([0.3, 0.7], (sections, 18, 72)).astype(np.float32)
    pixels = grains.repeat(8, axis=1).repeat(8, axis=2)
    pixels[:, 32:64, 32:64] = 1
    pixels[..., 210:] = 0.5
    return open_image(pixels, ImageSettings(axes="zyx"), name="half empty")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    session = Session(folder=tmp_path, make_encoder=lambda name, device: FakeEncoder())
    session.image = half_empty()
    session.settings.reference.crop = 32
    return session


@pytest.fixture
def notices(session: Session) -> list[str]:
    told: list[str] = []
    session.events.notice.connect(told.append)
    return told


def test_it_is_told_once_when_the_map_is_complete(session: Session, notices: list[str]) -> None:
    session.prompts = [CLICK]
    session.request("reference")
    assert notices == []
    session.request("similarity")
    (notice,) = notices
    assert notice.startswith("21 of 36 tiles were found blank and not encoded")
    session.prompts = [CLICK, OTHER]
    session.request("similarity")
    assert len(notices) == 1
    session.settings.tiling.skip_blank = 0
    session.request("similarity")
    assert len(notices) == 1


def test_all_directions_of_a_volume_are_counted(session: Session, notices: list[str]) -> None:
    session.image = half_empty(sections=48)
    session.settings.tiling.slicing = "all"
    session.prompts = [CLICK]
    session.request("similarity")
    stores = session._workshop.stores.in_use  # type: ignore[union-attr]
    assert len(stores) == 3
    found = sum(len(store.blanks.found) for store in stores)
    assert len(stores[0].blanks.found) == 48 * 21 < found
    assert notices[-1].startswith(f"{found:,} of {sum(len(store.manifest.tiles) for store in stores):,} tiles were")


def test_an_example_where_nothing_was_seen_gets_a_hint(session: Session, notices: list[str]) -> None:
    session.prompts = [CLICK]
    session.request("reference")
    assert notices == []
    session.prompts = [CLICK, NOWHERE]
    session.request("reference")
    (notice,) = notices
    assert notice.startswith("1 example lies in tiles that were found blank and not encoded")
    session.prompts = [CLICK, PointPrompt(NOWHERE.position, positive=False)]
    session.request("reference")
    assert len(notices) == 1, "that nothing is like it is true"


def test_blank_tiles_cost_nothing(session: Session) -> None:
    session.request("cost")
    price = session.result("cost")
    assert (price.tiles, price.pending) == (36, 36)
    assert 14 <= price.blank <= 28  # 21, by some that were looked at
    assert f"36 tiles, about {price.blank} of them blank, about" in str(price)
    session.settings.tiling.skip_blank = 0
    session.request("cost")
    assert session.result("cost").blank == 0
    assert "blank" not in str(session.result("cost"))
