"""Commands on a small volume with the bundled encoder, cut across its other axes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from dinoscope.batch import Recipe, apply
from dinoscope.batch._recipe import Stages
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt, write_prompts
from dinoscope.reference import Reference
from dinoscope.settings import SegmentationSettings, TilingSettings
from tests.commands import refuse, run

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (32, 64, 64)
CENTRE = (16, 30, 34)
RADIUS_NM = 160.0
VOXEL_NM = (20.0, 10.0, 10.0)

TILES = ("--tile", "96", "--halo", "16")
"""One per section: the encoder's own would be mostly mirrored."""

SEGMENT = ("segment", "volume.tif", *TILES, "--prompts", "clicks.csv", "--threshold", "0.4", "-o")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dark ball on grey noise, of voxels twice as long along z."""
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.chdir(tmp_path)
    places = np.indices(SHAPE) - np.array(CENTRE).reshape(3, 1, 1, 1)
    inside = np.linalg.norm(places * np.array(VOXEL_NM).reshape(3, 1, 1, 1), axis=0) < RADIUS_NM
    pixels = np.where(inside, 60, 190) + np.random.default_rng(0).normal(0, 12, SHAPE)
    sizes = zip("ZYX", VOXEL_NM, strict=True)
    metadata = {"axes": "ZYX"} | {
        k: v for a, n in sizes for k, v in ((f"PhysicalSize{a}", n), (f"PhysicalSize{a}Unit", "nm"))
    }
    tifffile.imwrite(tmp_path / "volume.tif", pixels.clip(0, 255).astype(np.uint8), ome=True, metadata=metadata)
    tifffile.imwrite(tmp_path / "truth.tif", inside.astype(np.uint8))
    tifffile.imwrite(tmp_path / "flat.tif", pixels[0].clip(0, 255).astype(np.uint8))
    write_prompts([PointPrompt(CENTRE, "ball")], tmp_path / "clicks.csv")
    return tmp_path


def test_info_counts_the_tiles_of_all_cuts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {axis: run(capsys, "info", "volume.tif", *TILES, "--slicing", axis) for axis in ("z", "y", "x", "all")}
    assert found["z"]["tiles"] == 32
    assert found["y"]["tiles"] == 64 // 8
    assert found["x"]["tiles"] == 64 // 8
    for name in ("tiles", "feature_bytes"):
        assert found["all"][name] == sum(found[axis][name] for axis in "zyx")


def test_extract_fills_what_is_encoded_and_info_knows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "extract", "volume.tif", *TILES, "--slicing", "y")["tiles"] == 8
    assert run(capsys, "info", "volume.tif", *TILES, "--slicing", "y")["tiles_done"] == 8
    assert run(capsys, "info", "volume.tif", *TILES, "--slicing", "all")["tiles_done"] == 8
    assert run(capsys, "info", "volume.tif", *TILES)["tiles_done"] == 0


@pytest.mark.parametrize("slicing", ["y", "all"])
def test_segment_finds_the_ball(folder: Path, capsys: pytest.CaptureFixture[str], slicing: str) -> None:
    found = run(capsys, *SEGMENT, "mask.tif", "--table", "t.csv", "--slicing", slicing, "--min-diameter", "100")
    assert found["objects"] == 1
    assert run(capsys, "evaluate", "mask.tif", "truth.tif")["dice"] > 0.75
    record = json.loads((folder / "mask.tif.json").read_text())
    assert record["settings"]["tiling"]["slicing"] == slicing
    assert {tuple(example["position"]) for example in record["examples"]} == {CENTRE}
    assert open_image(folder / "mask.tif").shape == SHAPE


def test_detect_finds_the_ball(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--prompts", "clicks.csv", "-o", "found.csv", "--slicing", "all", "--object-diameter", "320")
    run(capsys, "detect", "volume.tif", *TILES, *words, "--min-score", "0.5")
    first = (folder / "found.csv").read_text().splitlines()[1].split(",")
    assert np.abs(np.array(first[1:4], float) - CENTRE).max() < 8


def test_a_saved_reference_looks_in_every_cut(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, *SEGMENT, "a.tif", "--slicing", "all", "--save-reference", "ball.safetensors")
    listed = run(capsys, "reference", "ball.safetensors")["references"][0]["examples"]
    assert [example.get("across", "z") for example in listed] == ["z", "y", "x"]
    words = ("--reference", "ball.safetensors", "--threshold", "0.4", "--slicing", "all")
    run(capsys, "segment", "volume.tif", *TILES, *words, "-o", "b.tif")
    a, b = (open_image(folder / name) for name in ("a.tif", "b.tif"))
    np.testing.assert_array_equal(a.read(a.extent), b.read(b.extent))


def test_a_single_section_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("info", "extract"):
        assert "set slicing to z" in refuse(capsys, command, "flat.tif", "--slicing", "all")


def test_results_of_another_cut_are_not_taken_for_finished(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, *SEGMENT, "a.tif", "--slicing", "all", "--save-reference", "ball.safetensors")
    reference = Reference.load(folder / "ball.safetensors")

    def rows(slicing: str, out: str) -> list[str]:
        stages = Stages(tiling=TilingSettings.model_validate({"slicing": slicing, "tile": 96, "halo": 16}))
        recipe = Recipe(
            reference=reference,
            stages=stages,
            segmentation=SegmentationSettings(threshold=0.4),
            results=("mask", "measurements"),
            labels_as="tif",
            store_folder=folder / "stores",
        )
        return [row.status for row in apply(recipe, [folder / "volume.tif"], folder / out)]

    assert rows("all", "out") == ["done"]
    assert rows("all", "out") == ["kept"]
    assert rows("z", "out") == ["failed"]
    assert rows("y", "other") == ["done"]
