"""Runs that are ended, disks that fill up and bytes that change: the next run ends with the same result."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import zarr

from dinoscope.cli import DONE, REFUSED
from dinoscope.evaluate import draw_clicks
from dinoscope.features import FeatureStore
from dinoscope.samples import phantom

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if sys.platform == "win32":
    pytest.skip("Windows has no such signals and mounts", allow_module_level=True)

pytestmark = pytest.mark.slow

KILLS = 20
PATIENCE = 300.0
TILING = ("--tile", 256, "--halo", 64)
"""Small tiles: there are many moments to be killed at."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an image and an example on it."""
    folder = tmp_path_factory.mktemp("faults")
    sample = phantom((1000, 1000), seed=3)
    tifffile.imwrite(folder / "image.tif", sample.image.read(sample.image.extent), tile=(256, 256))
    y, x = draw_clicks(sample.classes.read(sample.image.extent) == 1, 1, seed=0)[0]
    (folder / "click.csv").write_text(f"index,axis-0,axis-1\n0,{y},{x}\n")
    return folder


def command(*words: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-m", "dinoscope", *map(str, words)]
    return subprocess.Popen(line, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment)


def run(*words: object) -> str:
    process = command(*words)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == DONE, said
    return said


def segment(home: Path, out: Path) -> tuple[object, ...]:
    """The words of a command that extracts and segments, with all its results in one folder."""
    results = ("--out", out / "mask.ome.zarr", "--instances", out / "ids.ome.zarr", "--table", out / "table.csv")
    prompts = ("--prompts", home / "click.csv", "--features", out / "features.zarr")
    return ("segment", home / "image.tif", *results, *prompts, *TILING, "--force")


def results(out: Path) -> dict[str, bytes]:
    """Everything that was found, byte by byte."""
    names = ("mask.ome.zarr", "ids.ome.zarr")
    arrays = {name: np.asarray(zarr.open_array(out / name / "0", mode="r")[:]) for name in names}
    store = FeatureStore.open(out / "features.zarr")
    found = {name: array.tobytes() for name, array in arrays.items()}
    return {**found, "table": (out / "table.csv").read_bytes(), "features": store.read(store.grid.extent).tobytes()}


@pytest.fixture(scope="module")
def undisturbed(home: Path) -> tuple[dict[str, bytes], float]:
    """The results of a run that nothing happens to, and the seconds it took."""
    begun = time.monotonic()
    run(*segment(home, home / "whole"))
    return results(home / "whole"), time.monotonic() - begun


def test_twenty_kills_end_in_the_same_result(
    home: Path, tmp_path: Path, undisturbed: tuple[dict[str, bytes], float]
) -> None:
    expected, seconds = undisturbed
    moments, done = random.Random(0), []
    for _ in range(KILLS):
        process = command(*segment(home, tmp_path))
        try:
            process.communicate(timeout=moments.uniform(0.3, 1.1) * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        store = tmp_path / "features.zarr"
        done.append(FeatureStore.open(store).tiles_done if store.exists() else 0)
    assert done == sorted(done)  # no kill costs a tile
    run(*segment(home, tmp_path))
    assert results(tmp_path) == expected
    names = {"mask.ome.zarr", "ids.ome.zarr", "table.csv", "features.zarr", "mask.ome.zarr.json"}
    assert {path.name for path in tmp_path.iterdir()} == names  # nothing of the dead ones is left


def test_flipped_bytes_are_found_and_the_mask_is_the_same(
    home: Path, tmp_path: Path, undisturbed: tuple[dict[str, bytes], float]
) -> None:
    expected, _ = undisturbed
    shutil.copytree(home / "whole" / "features.zarr", tmp_path / "features.zarr")
    moments = random.Random(1)
    for chunk in (tmp_path / "features.zarr").glob("*/c.*"):
        content = bytearray(chunk.read_bytes())
        for _ in range(3):
            content[moments.randrange(len(content))] ^= 1 << moments.randrange(8)
        chunk.write_bytes(content)
    said = run(*segment(home, tmp_path))
    assert "were damaged" in said
    assert "computed again" in said
    assert results(tmp_path) == expected


def test_two_commands_at_once_end_with_one_right_store(
    home: Path, tmp_path: Path, undisturbed: tuple[dict[str, bytes], float]
) -> None:
    expected, _ = undisturbed
    store = tmp_path / "features.zarr"
    words = ("extract", home / "image.tif", "--out", store, *TILING)
    both = [command(*words), command(*words)]
    said = [process.communicate(timeout=PATIENCE)[1] for process in both]
    assert [process.returncode for process in both] == [DONE, DONE], said
    again = FeatureStore.open(store)
    assert again.read(again.grid.extent).tobytes() == expected["features"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own of 1 MiB, which only the administrator can make."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_told_and_the_work_goes_on_where_there_is_room(
    home: Path, small_disk: Path, undisturbed: tuple[dict[str, bytes], float]
) -> None:
    expected, _ = undisturbed
    store = small_disk / "features.zarr"
    words = ("extract", home / "image.tif", "--out", store, *TILING)
    process = command(*words)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == REFUSED
    assert "No space left on device" in said
    assert "run again to go on" in said
    assert "Traceback" not in said
    done = FeatureStore.open(store).tiles_done
    assert 0 < done < len(FeatureStore.open(store).manifest.tiles)
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    run(*words)
    again = FeatureStore.open(store)
    assert again.read(again.grid.extent).tobytes() == expected["features"]


def test_a_disk_too_small_for_the_masks_keeps_the_features(
    home: Path, small_disk: Path, undisturbed: tuple[dict[str, bytes], float]
) -> None:
    expected, _ = undisturbed
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    run("extract", home / "image.tif", "--out", small_disk / "features.zarr", *TILING)
    used = shutil.disk_usage(small_disk).used
    subprocess.run(["mount", "-o", f"remount,size={used + 16 * 1024}", small_disk], check=True)
    process = command(*segment(home, small_disk))
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == REFUSED, said
    assert "Traceback" not in said
    assert {path.name for path in small_disk.iterdir()} == {"features.zarr"}
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    run(*segment(home, small_disk))
    assert results(small_disk) == expected
