"""A process that is ended in the middle of the work, for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from dinoscope.cli import REFUSED
from dinoscope.features import FeatureStore
from dinoscope.samples import phantom

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT and SIGKILL for one process")

PATIENCE = 120.0
"""Seconds until a process that does nothing is given up."""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    sample = phantom((1400, 1400), seed=3).image
    tifffile.imwrite(tmp_path / "image.tif", sample.read(sample.extent), tile=(256, 256))
    return tmp_path / "image.tif"


def extract(image: Path, store: Path) -> subprocess.Popen[str]:
    # Its own process group: a Ctrl-C in a terminal reaches the program and nothing of the test.
    command = [sys.executable, "-m", "dinoscope", "extract", str(image), "-o", str(store)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment)


def end_after_first_tile(process: subprocess.Popen[str], store: Path, number: signal.Signals) -> str:
    """Wait for a tile on disk, send the signal, and give back what was said."""
    deadline = time.monotonic() + PATIENCE
    while not any((store / "done" / "c").rglob("*")) and time.monotonic() < deadline:
        assert process.poll() is None, "the work ended before it could be disturbed"
        time.sleep(0.01)
    process.send_signal(number)
    return process.communicate(timeout=PATIENCE)[1]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_ended_goes_on_to_the_same_features(tmp_path: Path, image: Path, number: signal.Signals) -> None:
    disturbed, whole = tmp_path / "disturbed.zarr", tmp_path / "whole.zarr"
    process = extract(image, disturbed)
    said = end_after_first_tile(process, disturbed, number)
    if number is signal.SIGINT:
        assert process.returncode == REFUSED
        assert "Finished tiles are kept" in said
        assert "Traceback" not in said
    done = FeatureStore.open(disturbed).tiles_done
    assert 0 < done < len(FeatureStore.open(disturbed).manifest.tiles)
    for store in (disturbed, whole):
        process = extract(image, store)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    again, reference = FeatureStore.open(disturbed), FeatureStore.open(whole)
    np.testing.assert_array_equal(again.read(again.grid.extent), reference.read(reference.grid.extent))
