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
def squares() -> Image:
    """Noise with two bright squares, 32 wide, with their corners at 32, 32 and at 96, 128."""
    pixels = np.random.default_rng(0).random((160, 200), dtype=np.float32) * 0.2
    pixels[32:64, 32:64] += 0.7
    pixels[96:128, 128:160] += 0.7
    return open_image(pixels, name="squares")


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
