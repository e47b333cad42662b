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

if sys.platform == "win32":
    pytest.skip("Windows has neither these signals nor limits on files", allow_module_level=True)

import resource

TILING = ("--tile", "512", "--halo", "128")
"""Small tiles, so that there is a middle of the work."""

PATIENCE = 120.0
"""Seconds until a process that does nothing is given up."""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    sample = phantom((1400, 1400), seed=3).image
    tifffile.imwrite(tmp_path / "image.tif", sample.read(sample.extent), tile=(256, 256))
    return tmp_path / "image.tif"


def extract(image: Path, store: Path, largest_file: int | None = None) -> subprocess.Popen[str]:
    """Run the command, perhaps on a disk that takes no file above a size."""

    def limit() -> None:
        if largest_file is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a refused write is then an OSError, as on a full disk
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    # Its own process group: a Ctrl-C in a terminal reaches the program and nothing of the test.
    command = [sys.executable, "-m", "dinoscope", "extract", str(image), "-o", str(store), *TILING]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment, preexec_fn=limit
    )


def end_after_first_tile(process: subprocess.Popen[str], store: Path, number: signal.Signals) -> str:
    """Wait for a tile on disk, send the signal, and give back what was said."""
    deadline = time.monotonic() + PATIENCE
    while not any(store.glob("*/c.*")) and time.monotonic() < deadline:
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


@pytest.mark.slow
def test_a_disk_that_refuses_is_told_and_the_work_goes_on_later(tmp_path: Path, image: Path) -> None:
    process = extract(image, tmp_path / "s.zarr", largest_file=50_000)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == REFUSED
    assert said.startswith("dinoscope: cannot write features")
    assert "run again to go on" in said
    assert "Traceback" not in said
    process = extract(image, tmp_path / "s.zarr")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    store = FeatureStore.open(tmp_path / "s.zarr")
    assert np.isfinite(store.read(store.grid.extent)).all()
