"""The notebook panel: in a loop as a kernel runs one, with comms that remember what was sent, and in real browsers."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.image import Image, open_image
from dinoscope.session import Session
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MISSING = [name for name in ("anywidget", "ipywidgets") if find_spec(name) is None]


def pytest_collect_file() -> None:
    """Skip the folder where ipywidgets is not installed. In CI it must be: there the tests fail to import it."""
    if MISSING and not os.environ.get("CI"):
        pytest.skip(f"{', '.join(MISSING)} not installed: pip install -e '.[jupyter,dev]'")


@pytest.fixture
def squares() -> Image:
    """Noise with two bright squares, 32 wide, with their corners at 32, 32 and at 96, 128."""
    pixels = np.random.default_rng(0).random((160, 200), dtype=np.float32) * 0.2
    pixels[32:64, 32:64] += 0.7
    pixels[96:128, 128:160] += 0.7
    return open_image(pixels, name="squares")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session that works in place, without an image."""
    return Session(folder=tmp_path, make_encoder=lambda *_: FakeEncoder())


@pytest.fixture
def make_panel(comms: None, session: Session, squares: Image) -> Iterator[Callable[..., Any]]:
    """Makes panels on the squares, or on another image, or on none; all in place."""
    from dinoscope.jupyter import Panel

    panels = []

    def make(image: Image | None = squares) -> Panel:
        if image is not session.image:
            session.image = image
        panels.append(Panel(session))
        return panels[-1]

    yield make
    for panel in panels:
        panel.close()


@pytest.fixture
def panel(make_panel: Callable[..., Any]) -> Any:
    """A panel on the squares."""
    return make_panel()
