from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from dinoscope.cli import DONE, main
from dinoscope.prompts import BoxPrompt, PointPrompt, write_prompts
from tests.commands import refuse, run

if TYPE_CHECKING:
    from pathlib import Path

CENTRES = ((60, 60), (60, 190), (180, 120))
SUGGEST = ("suggest-scale", "image.tif", "--prompts")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Dark discs of 56 voxels on grey noise, all of which were clicked on, and a box around one."""
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[:256, :256]
    pixels = np.full((256, 256), 190.0)
    for cy, cx in CENTRES:
        pixels[np.hypot(y - cy, x - cx) < 28] = 60
    pixels = (pixels + np.random.default_rng(0).normal(0, 12, pixels.shape)).clip(0, 255)
    tifffile.imwrite(tmp_path / "image.tif", pixels.astype(np.uint8))
    write_prompts([PointPrompt((0, y, x), "disc") for y, x in CENTRES], tmp_path / "clicks.csv")
    write_prompts([PointPrompt((0, *CENTRES[0]), "disc")], tmp_path / "click.csv")
    write_prompts([BoxPrompt(0, (32, 32), (87, 87), "disc")], tmp_path / "box.geojson")
    return tmp_path


def test_the_scales_are_printed_with_the_flag_to_use(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = ("--image-pixel-size", "5", "--pixel-size", "10")
    found = run(capsys, *SUGGEST, "clicks.csv", *size)
    assert found["setting"] == "pixel_size"
    assert [c["pixel_size_nm"] for c in found["candidates"]] == [10.0, 7.07, 5.0]  # a coarser one leaves too little
    best = max(found["candidates"], key=lambda c: c["prominence"])
    assert found["value"] in (best["pixel_size_nm"], 10.0)
    assert main([*SUGGEST, "clicks.csv", *size]) == DONE
    told = capsys.readouterr().out
    header, *rows = told.split("\n\n")[0].splitlines()
    assert header.split("  ")[0] == "scale"
    assert [row.split()[0] for row in rows] == ["0.5", "0.707", "1"]
    assert "present" in rows[0]
    assert found["reason"][1:] in told
    assert ("Use --pixel-size" in told) == found["change"]


def test_one_click_tells_nothing_and_a_box_its_size(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = run(capsys, *SUGGEST, "click.csv")
    assert not one["change"]
    assert "one example tells no scale" in one["reason"]
    assert {c["prominence"] for c in one["candidates"]} == {None}
    box = run(capsys, *SUGGEST, "box.geojson", "--scale", "2")
    assert {c["scale"]: c["patches_across"] for c in box["candidates"]}[1.0] == 7.0  # patches of 8 voxels
    assert (box["setting"], box["value"]) == ("scale", 1.0)
    assert main([*SUGGEST, "box.geojson", "--scale", "2"]) == DONE
    assert "Use --scale 1." in capsys.readouterr().out


def test_examples_that_cannot_be_read_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere.csv" in refuse(capsys, *SUGGEST, "nowhere.csv")


def test_the_help_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["suggest-scale", "--help"])
    told = capsys.readouterr().out
    for word in ("--prompts", "--pixel-size", "--scale", "--json", "find one another best"):
        assert word in told
    assert "--reference" not in told
