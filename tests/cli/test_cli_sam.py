"""`dinoscope segment --refine sam2`: with weights, and without."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from dinoscope.benchmark import Protocol
from dinoscope.errors import EvaluationError
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt, write_prompts
from dinoscope.settings import SegmentationSettings
from tests.commands import refuse, run
from tests.segmentation.segmenters import Draws, write_sam2

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 192
SEGMENT = ("segment", "image.tif", "--prompts", "clicks.csv", "--threshold", "0.5", "-o")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three dark discs on grey noise, with a click on one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite(tmp_path / "image.tif", np.where(discs(), 60, 190).astype(np.uint8) + noise())
    write_prompts([PointPrompt((0, 50, 50), "disc")], tmp_path / "clicks.csv")
    return tmp_path


def discs() -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = np.zeros((SIDE, SIDE), bool)
    for cy, cx in [(50, 50), (60, 140), (140, 100)]:
        inside |= np.hypot(y - cy, x - cx) < 26
    return inside


def noise() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 30, (SIDE, SIDE), dtype=np.uint8)


@pytest.mark.parametrize("weights", [(), ("--sam2-weights", "sam2.1-hiera-large")])
def test_without_weights_it_says_what_to_bring_before_any_work(
    folder: Path, capsys: pytest.CaptureFixture[str], weights: tuple[str, ...]
) -> None:
    said = refuse(capsys, *SEGMENT, "mask.tif", "--refine", "sam2", *weights)
    name = weights[-1] if weights else "sam2.1-hiera-tiny"
    assert f"https://huggingface.co/facebook/{name}" in said
    assert "HF_HUB_OFFLINE is set" in said
    assert "Apache-2.0" in said
    assert not (folder / "mask.tif").exists()
    assert not (folder / "cache").exists()


def test_with_weights_it_draws_objects_and_records_how(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sam2(folder / "weights")
    found = run(capsys, *SEGMENT, "mask.tif", "--refine", "sam2", "--sam2-weights", folder / "weights")
    assert found["objects"] == 3
    record = json.loads((folder / "mask.tif.json").read_text())
    assert record["settings"]["segmentation"]["refine"] == "sam2"
    assert record["settings"]["segmentation"]["sam2_weights"] == str(folder / "weights")


def test_the_mask_is_what_was_drawn(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dark = Draws(lambda crop: crop.pixels < 0.5)
    monkeypatch.setattr("dinoscope.segmentation._sam_weights.create_segmenter", lambda name, device: dark)
    run(capsys, *SEGMENT, "plain.tif")
    run(capsys, *SEGMENT, "drawn.tif", "--refine", "sam2")
    plain, drawn = (np.asarray(open_image(folder / name).data[...]) > 0 for name in ("plain.tif", "drawn.tif"))
    assert (plain != discs()).any()
    np.testing.assert_array_equal(drawn, discs())


def test_a_benchmark_says_that_it_does_not_draw() -> None:
    with pytest.raises(EvaluationError, match="refine 'sam2'"):
        Protocol(segmentation=SegmentationSettings(refine="sam2"))
