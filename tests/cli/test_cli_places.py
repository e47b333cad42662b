"""Where features and results lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fsspec
import numpy as np
import pytest
import tifffile

from dinoscope.cli import main
from dinoscope.features import FeatureStore
from dinoscope.samples import phantom
from tests.commands import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TILING = ("--tile", 256, "--halo", 64)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    sample = phantom((300, 500), seed=3).image
    tifffile.imwrite(tmp_path / "image.tif", sample.read(sample.extent))
    return tmp_path / "image.tif"


@pytest.fixture
def address() -> Iterator[str]:
    memory = fsspec.filesystem("memory")
    yield "memory://bucket/s.zarr"
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]


def test_features_may_lie_at_an_address(
    image: Path, tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = run(capsys, "extract", image, "-o", address, *TILING)
    assert told["features"] == address
    here = run(capsys, "extract", image, "-o", tmp_path / "s.zarr", *TILING)
    there, local = FeatureStore.open(address), FeatureStore.open(tmp_path / "s.zarr")
    np.testing.assert_array_equal(there.read(there.grid.extent), local.read(local.grid.extent))
    assert told["tiles"] == here["tiles"] > 1
    (tmp_path / "click.csv").write_text("index,axis-0,axis-1\n0,100,100\n")
    for place in (address, tmp_path / "s.zarr"):
        words = ("segment", image, "-o", tmp_path / "mask.png", "--force", "--prompts", tmp_path / "click.csv")
        run(capsys, *words, "--features", place, *TILING)
    assert {path.name for path in tmp_path.iterdir()} >= {"mask.png", "s.zarr"}
    assert not [path for path in tmp_path.iterdir() if "memory" in path.name]


def test_results_at_an_address_are_refused(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["segment", str(image), "-o", "s3://bucket/mask.zarr"])
    assert "is an address, expected a path on this machine" in capsys.readouterr().err


def test_a_check_computes_anew_what_the_disk_has_damaged(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("extract", image, "-o", tmp_path / "s.zarr", *TILING)
    assert "damaged" not in run(capsys, *words)
    assert run(capsys, *words, "--check")["damaged"] == 0
    store = FeatureStore.open(tmp_path / "s.zarr")
    expected = store.read(store.grid.extent)
    chunk = next((tmp_path / "s.zarr" / "features").glob("c.*"))
    content = bytearray(chunk.read_bytes())
    content[100] ^= 1
    chunk.write_bytes(content)
    assert run(capsys, *words, "--check")["damaged"] == 1
    store = FeatureStore.open(tmp_path / "s.zarr")
    np.testing.assert_array_equal(store.read(store.grid.extent), expected)


def test_info_tells_files_and_bytes_per_pixel(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exact, small = (run(capsys, "info", image, "--codec", codec) for codec in ("float16", "pca-int8"))
    patches = -(-300 // 8) * -(-500 // 8)
    assert exact["feature_bytes"] == patches * 64 * 2
    assert small["feature_bytes"] == patches * 32
    assert exact["bytes_per_pixel"] == pytest.approx(patches * 128 / 150_000, abs=1e-4)
    assert exact["feature_files"] == 1
