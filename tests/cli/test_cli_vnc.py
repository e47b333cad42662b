"""The whole way on real EM: five clicks on mitochondria of one section find those of six."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.cli import DONE, main
from dinoscope.evaluate import draw_clicks
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt, write_prompts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.data
@pytest.mark.slow
def test_five_clicks_on_a_real_section_find_mitochondria_on_six(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    labels = open_image(data_dir / "vnc" / "mitochondria" / "00.png")
    clicks = draw_clicks(labels.read(labels.extent) > 0, 5, seed=0)
    write_prompts([PointPrompt((0.0, float(y), float(x))) for y, x in clicks], tmp_path / "clicks.csv")
    sections = [str(data_dir / "vnc" / "raw" / f"{z:02d}.tif") for z in range(6)]
    words = ["segment", *sections, "--prompts", str(tmp_path / "clicks.csv"), "-o", str(tmp_path / "masks")]
    assert main(words) == DONE
    scores, shares = [], []
    for z in range(6):
        capsys.readouterr()
        truth = data_dir / "vnc" / "mitochondria" / f"{z:02d}.png"
        assert main(["evaluate", str(tmp_path / "masks" / f"{z:02d}_mask.ome.zarr"), str(truth), "--json"]) == DONE
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert found["iou"] == pytest.approx(found["dice"] / (2 - found["dice"]))
        scores.append(found["dice"])
        inside = open_image(truth).read(open_image(truth).extent) > 0
        shares.append(float(inside.mean()))
    marking_everything = np.mean([2 * share / (1 + share) for share in shares])
    assert np.mean(scores) > 2 * marking_everything, scores
