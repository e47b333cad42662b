"""`dinoscope measure`, and the tables of `segment`, as a person runs them."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr

from dinoscope.cli import DONE, main
from dinoscope.geometry import Axis
from dinoscope.image import Image
from dinoscope.outputs import LabelsInfo, create_labels
from dinoscope.prompts import PointPrompt, write_prompts
from tests.commands import refuse, run

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (6, 40, 60)
VOXEL_NM = (30.0, 5.0, 5.0)


def balls() -> NDArray[np.uint16]:
    """Object 3 at the border, and objects 7 and 9 in the middle: boxes of 2 x 10 x 10, 2 x 10 x 20 and 4 x 5 x 5."""
    labels = np.zeros(SHAPE, np.uint16)
    labels[0:2, 5:15, 5:15] = 3
    labels[2:4, 20:30, 20:40] = 7
    labels[1:5, 5:10, 50:55] = 9
    return labels


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    sizes = dict(zip("ZYX", VOXEL_NM, strict=True))
    metadata: dict[str, Any] = {f"PhysicalSize{axis}": size for axis, size in sizes.items()}
    metadata |= {f"PhysicalSize{axis}Unit": "nm" for axis in sizes}
    labels = balls()
    tifffile.imwrite("labels.tif", labels, ome=True, metadata={"axes": "ZYX", **metadata})
    tifffile.imwrite("image.tif", (labels * 10).astype(np.uint8), ome=True, metadata={"axes": "ZYX", **metadata})
    axes = tuple(Axis(name, n, size, "nm") for name, n, size in zip("zyx", SHAPE, VOXEL_NM, strict=True))
    image = Image("labels", "memory", axes, labels)
    with create_labels(tmp_path / "labels.ome.zarr", image, np.uint16, info=LabelsInfo("objects")) as sink:
        sink.write(image.extent, labels)
    return tmp_path


@pytest.mark.parametrize("labels", ["labels.tif", "labels.ome.zarr"])
@pytest.mark.parametrize("out", ["t.csv", "t.parquet"])
def test_any_label_image_is_measured(folder: Path, capsys: pytest.CaptureFixture[str], labels: str, out: str) -> None:
    found = run(capsys, "measure", labels, "--image", "image.tif", "-o", out)
    assert (found["table"], found["objects"]) == (out, 3)
    frame = pd.read_csv(out) if out.endswith("csv") else pd.read_parquet(out)
    assert frame["label"].tolist() == [3, 7, 9]
    assert frame["volume_nm3"].tolist() == [200 * 750, 400 * 750, 100 * 750]
    assert frame["mean_intensity"].tolist() == [30, 70, 90]
    assert frame["touches_border"].tolist() == [True, False, False]
    assert frame["neighbour_label"].tolist() == [7, 3, 7]
    (counts,) = found["per_class"].values()
    assert (counts["objects"], counts["at_border"]) == (3, 1)
    assert counts["density_per_um3"] == pytest.approx(3 / (0.18 * 0.2 * 0.3))
    assert counts["covered"] == pytest.approx(700 / np.prod(SHAPE))
    record = json.loads((folder / f"{out}.json").read_text(encoding="utf-8"))
    assert record["outcome"]["per_class"] == found["per_class"]
    assert record["labels"].endswith(labels)


def test_the_summary_is_told_and_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "labels.tif", "-o", "t.csv", "--summary", "s.csv"]) == DONE
    said = capsys.readouterr().out
    diameters = np.cbrt(6 * np.array([200, 400, 100]) * 750 / np.pi)
    assert "objects: 3 objects (1 at the border), 4.86 % of the image, 278 per µm³" in said
    assert f"diameter {diameters.mean():.4g} ± {diameters.std(ddof=1):.2g} nm" in said
    with (folder / "s.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["class"], row["objects"], row["volume_voxels"]) == ("objects", "3", "700")


def test_a_pixel_size_can_be_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tifffile.imwrite("plain.tif", balls()[0])
    assert "per pixel" not in json.dumps(run(capsys, "measure", "plain.tif", "-o", "a.csv"))
    assert "area_nm2" not in pd.read_csv("a.csv").columns
    run(capsys, "measure", "plain.tif", "-o", "b.csv", "--image-pixel-size", 4)
    assert pd.read_csv("b.csv")["area_nm2"].tolist() == [100 * 16]


def test_what_cannot_be_measured_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite("grey.tif", balls().astype(np.float32))
    assert "expected whole numbers" in refuse(capsys, "measure", "grey.tif", "-o", "t.csv")
    tifffile.imwrite("small.tif", balls()[:, :20])
    assert "same shape" in refuse(capsys, "measure", "labels.tif", "--image", "small.tif", "-o", "t.csv")
    assert "different names" in refuse(capsys, "measure", "labels.tif", "-o", "t.csv", "--summary", "t.csv")
    run(capsys, "measure", "labels.tif", "-o", "t.csv")
    assert "--force" in refuse(capsys, "measure", "labels.tif", "-o", "t.csv")
    run(capsys, "measure", "labels.tif", "-o", "t.csv", "--force")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "dinoscope[parquet]" in refuse(capsys, "measure", "labels.tif", "-o", "t.parquet")


def test_segment_writes_parquet_and_tells_each_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:192, :192]
    discs = np.minimum(np.hypot(y - 60, x - 60), np.hypot(y - 140, x - 130)) < 26
    pixels = np.where(discs, 60, 190) + rng.normal(0, 12, discs.shape)
    tifffile.imwrite("image.tif", pixels.clip(0, 255).astype(np.uint8))
    write_prompts([PointPrompt((0, 60, 60), "disc")], tmp_path / "clicks.csv")
    command = ["segment", "image.tif", "--prompts", "clicks.csv", "-o", "mask.ome.zarr", "--table", "t.parquet"]
    command += ["--image-pixel-size", "5", "--min-diameter", "100"]
    found = run(capsys, *command)
    frame = pd.read_parquet("t.parquet")
    assert len(frame) == found["objects"] == found["per_class"]["disc"]["objects"] >= 1
    inside = np.asarray(zarr.open_group("mask.ome.zarr", mode="r")["0"]) == 1
    assert found["per_class"]["disc"]["area_px"] == frame["area_px"].sum() == inside.sum()
    assert main([*command, "--force"]) == DONE
    assert f"disc: {len(frame)} object" in capsys.readouterr().out
    record = json.loads((tmp_path / "mask.ome.zarr.json").read_text(encoding="utf-8"))
    assert record["outcome"]["per_class"] == found["per_class"]
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "dinoscope[parquet]" in refuse(capsys, *command, "--force")
