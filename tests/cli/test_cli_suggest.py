from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from dinoscope.cli import DONE, main
from dinoscope.prompts import PointPrompt, write_prompts
from tests.commands import refuse, run

if TYPE_CHECKING:
    from pathlib import Path

SUGGEST = ("suggest", "image.tif", "--prompts", "clicks.csv")
SIMILAR = (180, 120)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Dark discs on grey noise, one of which was clicked on; the last one is not quite as dark."""
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256]
    pixels = np.full((256, 256), 190.0)
    for (cy, cx), grey in {(60, 60): 60, (60, 190): 60, SIMILAR: 110}.items():
        pixels[np.hypot(y - cy, x - cx) < 28] = grey
    pixels = (pixels + rng.normal(0, 12, pixels.shape)).clip(0, 255)
    tifffile.imwrite(tmp_path / "image.tif", pixels.astype(np.uint8))
    write_prompts([PointPrompt((0, 60, 60), "disc")], tmp_path / "clicks.csv")
    return tmp_path


def test_the_places_are_printed_best_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, *SUGGEST, "-n", 3)["suggestions"]
    assert 1 <= len(found) <= 3
    for place in found:
        z, y, x = place["position"]
        assert z == 0
        assert 0 <= y < 256
        assert 0 <= x < 256
        assert 0 < place["doubt"] <= 1
        assert place["class"] == "disc"
        assert np.hypot(y - 60, x - 60) > 20
    assert main([*SUGGEST, "-n", "3"]) == DONE
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["class", "z", "y", "x", "doubt", "found", "now"]
    assert [row.split()[1:4] for row in rows] == [[f"{v:.0f}" for v in place["position"]] for place in found]


def test_fewer_places_are_the_first_of_more(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = run(capsys, *SUGGEST, "-n", 4, "--threshold", "0.6")["suggestions"]
    assert run(capsys, *SUGGEST, "-n", 1, "--threshold", "0.6")["suggestions"] == more[:1]


def test_a_saved_reference_serves_as_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, *SUGGEST, "--save-reference", "disc.safetensors")
    found = run(capsys, "suggest", "image.tif", "--reference", "disc.safetensors")
    assert json.dumps(found)
    assert len(found["suggestions"]) <= 5


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_number_of_places_that_makes_no_sense_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], count: str
) -> None:
    with pytest.raises(SystemExit):
        main([*SUGGEST, f"--count={count}"])
    assert "expected a whole number from 1 on" in capsys.readouterr().err


def test_without_examples_the_command_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--prompts" in refuse(capsys, "suggest", "image.tif")


def test_the_help_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["suggest", "--help"])
    told = capsys.readouterr().out
    for word in ("--prompts", "--count", "--threshold", "--json", "help most"):
        assert word in told
    assert "--force" not in told  # nothing is written
    assert "--min-diameter" not in told
