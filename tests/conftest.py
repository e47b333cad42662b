"""Fixtures every test may use."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import settings

from dinoscope.image import Image, open_image
from tests.notebook import Comm

if TYPE_CHECKING:
    from collections.abc import Iterator

os.environ["NAPARI_CONFIG"] = ""  # settings stay in memory: those of whoever runs the tests are not touched
settings.register_profile("dinoscope", deadline=None, max_examples=40)  # tests never judge a time
settings.register_profile("nightly", deadline=None, max_examples=2000, print_blob=True)  # --hypothesis-profile
settings.load_profile("dinoscope")
torch.set_num_threads(1)  # the arrays of the tests are small, and several workers share the cores


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with real EM images; tests that need it skip where it is absent."""
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("DINOSCOPE_DATA", default))
    if not (folder / "vnc" / "raw").is_dir():
        pytest.skip(f"no real EM images in {folder} (set DINOSCOPE_DATA)")
    return folder


@pytest.fixture
def comms(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every widget that is made gets a comm that remembers."""
    from ipywidgets.widgets import widget

    def create(comm_id: str | None = None, **opened: Any) -> Comm:
        return Comm(comm_id or uuid.uuid4().hex, **opened)

    monkeypatch.setattr(widget.comm, "create_comm", create)
    yield
    for made in tuple(widget._instances.values()):
        made.close()


@pytest.fixture
def squares() -> Image:
    """Noise with two bright squares, 32 wide, with their corners at 32, 32 and at 96, 128."""
    pixels = np.random.default_rng(0).random((160, 200), dtype=np.float32) * 0.2
    pixels[32:64, 32:64] += 0.7
    pixels[96:128, 128:160] += 0.7
    return open_image(pixels, name="squares")
