"""What commands say of tiles in which there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from dinoscope.cli import DONE, main
from dinoscope.prompts import PointPrompt, write_prompts
from tests.commands import run

if TYPE_CHECKING:
    from pathlib import Path

TILES = ("--tile", 128, "--halo", 32)
"""Of 64 kept pixels: 4 x 8 of them, of which those that begin at 160 and later see nothing."""

CLICKS = ("--prompts", "clicks.csv", *TILES)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disc on the left, nothing on the right."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :512]
    pixels = np.where(np.hypot(y - 60, x - 60) < 28, 60, 190) + rng.normal(0, 40, (256, 512))
    pixels[:, 160:] = 128
    tifffile.imwrite(tmp_path / "image.tif", pixels.clip(0, 255).astype(np.uint8))
    write_prompts([PointPrompt((0, 60, 60), "disc")], tmp_path / "clicks.csv")
    write_prompts([PointPrompt((0, 60, 400), "disc")], tmp_path / "nowhere.csv")
    return tmp_path


def test_extract_counts_blank_tiles_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["extract", "image.tif", *map(str, TILES)]) == DONE
    said = capsys.readouterr()
    assert "note: 20 of 32 tiles were found blank and not encoded: set skip_blank to 0" in said.err
    assert "blank:    20" in said.out
    assert run(capsys, "extract", "image.tif", *TILES)["blank"] == 0, "nothing was left to look at"
    every = run(capsys, "extract", "image.tif", *TILES, "--skip-blank", 0)
    assert (every["tiles"], every["blank"]) == (32, 0)


@pytest.mark.parametrize("command", [("segment", "mask.tif"), ("detect", "found.csv")])
def test_commands_that_look_for_something_say_so_too(
    folder: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, str]
) -> None:
    name, out = command
    assert main([name, "image.tif", "-o", out, *map(str, CLICKS)]) == DONE
    assert "note: 20 of 32 tiles were found blank" in capsys.readouterr().err
    assert main([name, "image.tif", "-o", out, "--force", "--skip-blank", "0", *map(str, CLICKS)]) == DONE
    assert "blank" not in capsys.readouterr().err


def test_an_example_where_nothing_was_seen_gets_a_hint(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["segment", "image.tif", "-o", "mask.tif", "--prompts", "nowhere.csv", *map(str, TILES)]) == DONE
    assert "note: 1 example lies in tiles that were found blank" in capsys.readouterr().err


def test_the_estimate_leaves_blank_tiles_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, "info", "image.tif", *TILES)
    assert 0.4 < found["blank_share"] < 0.8  # 20 of 32
    left = (1 - found["blank_share"]) * 32
    assert found["estimated_minutes"] == pytest.approx(left * found["seconds_per_tile"] / 60, rel=0.3)
    assert run(capsys, "info", "image.tif", *TILES, "--skip-blank", 0)["blank_share"] == 0
