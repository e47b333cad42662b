from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.canvas import Canvas
from dinoscope.image import Image, open_image
from dinoscope.session import Session
from dinoscope.settings import ImageSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stack() -> Image:
    """Five sections of noise."""
    pixels = np.random.default_rng(1).random((5, 60, 80), dtype=np.float32)
    return open_image(pixels, ImageSettings(axes="zyx"), name="stack")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session that works in place, without an image."""
    return Session(folder=tmp_path, make_encoder=lambda *_: FakeEncoder())


@pytest.fixture
def canvas(session: Session, squares: Image) -> Canvas:
    """A canvas of the squares."""
    session.image = squares
    return Canvas(session)
