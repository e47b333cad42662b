"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

os.environ["NAPARI_CONFIG"] = ""  # settings stay in memory: those of whoever runs the tests are not touched
settings.register_profile("dinoscope", deadline=None, max_examples=40)  # tests never judge a time
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
