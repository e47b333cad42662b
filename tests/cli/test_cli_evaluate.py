"""`dinoscope evaluate` on planted results, and `dinoscope benchmark` on a small data set."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
import tifffile
from PIL import Image as Picture

from dinoscope.cli import DONE, main
from dinoscope.outputs import Detections, write_csv
from dinoscope.prompts import PointPrompt, write_prompts
from tests.commands import refuse, run

if TYPE_CHECKING:
    from pathlib import Path

mpl.use("Agg")

SIDE = 128


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def width(path: Path) -> int:
    with Picture.open(path) as picture:
        return picture.width


@pytest.fixture
def labels(folder: Path) -> Path:
    """Pairs of label images: ``one`` shares one of two objects with its truth, ``two`` its only one."""
    truth = np.zeros((20, 20), np.uint8)
    truth[2:6, 2:6], truth[10:16, 10:16] = 1, 2
    for name, found, real in (("one", truth == 2, truth), ("two", truth == 1, truth == 1)):
        tifffile.imwrite(folder / f"{name}.tif", found.astype(np.uint8))
        tifffile.imwrite(folder / f"{name}_truth.tif", real.astype(np.uint8))
    return folder


def test_several_images_are_judged_one_by_one_and_pooled(labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("evaluate", "one.tif", "two.tif", "--truth", "one_truth.tif", "two_truth.tif", "--instances")
    scores = run(capsys, *words, "-o", "scores.csv", "--plot", "ap.png")
    assert scores["images"]["one.tif"]["dice"] == pytest.approx(2 * 36 / (36 + 52))
    assert scores["images"]["two.tif"]["dice"] == 1
    assert scores["dice"] == pytest.approx(2 * (36 + 16) / (36 + 52 + 16 + 16))
    assert scores["instances"]["ap"] == scores["instances"]["sq"] * 2 / 3 == pytest.approx(2 / 3)
    assert scores["instances"]["pq"] == pytest.approx(2 / (2 + 0.5))
    rows = read_csv(labels / "scores.csv")
    assert [row["image"] for row in rows] == ["one.tif", "two.tif", "pooled"]
    assert float(rows[2]["object_pq"]) == pytest.approx(0.8)
    assert width(labels / "ap.png") > 500
    assert main([*words]) == DONE
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["image", "dice", "iou", "object_ap", "object_pq"]
    assert lines[-1].split() == ["pooled", "0.8667", "0.7647", "0.6667", "0.8000"]


def test_maps_are_judged_by_their_curve(labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = tifffile.imread(labels / "one_truth.tif") > 0
    values = np.where(truth, 0.75, 0.25).astype(np.float32)
    values[2, 2], values[0, 0] = 0.1, 0.9
    tifffile.imwrite(labels / "map.tif", values)
    scores = run(capsys, "evaluate", "map.tif", "one_truth.tif", "--plot", "curve.png", "-o", "scores.json")
    assert scores["curve"]["best_dice"] == pytest.approx(2 * 51 / (52 + 52))
    assert scores["curve"]["best_threshold"] > 0.25
    assert scores["curve"]["average_precision"] == pytest.approx(51 / 52 * 51 / 52 + 1 / 52 * 52 / 400)
    assert json.loads((labels / "scores.json").read_text()) == scores
    assert width(labels / "curve.png") > 500


def test_the_map_behind_a_mask_is_judged_as_it_lies_on_disk(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grey, truth = discs(0)
    tifffile.imwrite(folder / "image.tif", grey)
    tifffile.imwrite(folder / "truth.tif", truth)
    write_prompts([PointPrompt((0, 40, 40), "disc")], folder / "clicks.csv")
    words = ("segment", "image.tif", "--prompts", "clicks.csv", "-o", "mask.tif", "--similarity", "map.zarr")
    run(capsys, *words)
    of_mask, of_map = (run(capsys, "evaluate", name, "truth.tif") for name in ("mask.tif", "map.zarr"))
    assert of_map["curve"]["best_dice"] >= of_mask["dice"] - 0.01
    assert of_map["curve"]["best_dice"] > 0.7
    assert "has 1 classes" in refuse(capsys, "evaluate", "map.zarr", "truth.tif", "--channel", 1)


def test_detections_are_judged_by_points_and_by_objects(labels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    centres = np.array([[4.0, 4.0], [18.0, 1.0], [12.0, 15.0]])
    table = Detections("yx", centres, np.array([0.9, 0.8, 0.7]), ("a",) * 3, np.ones(3), "pixel", (1.0, 1.0))
    write_csv(labels / "found.csv", table)
    write_prompts([PointPrompt((0, 3.5, 3.5)), PointPrompt((0, 12.5, 12.5))], labels / "points.csv")
    near = run(capsys, "evaluate", "found.csv", "points.csv", "--radius", 1)
    assert (near["detections"]["matched"], near["detections"]["f1"]) == (1, pytest.approx(2 / 5))
    assert run(capsys, "evaluate", "found.csv", "points.csv", "--radius", 3)["detections"]["matched"] == 2
    inside = run(capsys, "evaluate", "found.csv", "one_truth.tif", "--plot", "curve.png")
    assert inside["detections"]["f1"] == pytest.approx(4 / 5)
    assert inside["ranking"]["average_precision"] == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert width(labels / "curve.png") > 500
    one = run(capsys, "evaluate", "found.csv", "one_truth.tif", "--truth-label", 2)
    assert (one["detections"]["matched"], one["detections"]["actual"]) == (1, 1)
    assert "--radius" in refuse(capsys, "evaluate", "found.csv", "points.csv")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("one.tif",), "1 results and 0 truths"),
        (("one.tif", "two.tif", "--truth", "one_truth.tif"), "2 results and 1 truths"),
        (("one.tif", "one_truth.tif", "-o", "scores.txt"), "written as .csv or .json"),
        (("one.tif", "one_truth.tif", "--plot", "curve.png"), "have no curve to plot"),
        (("one.tif", "one_truth.tif", "--instances", "--plot", "curve.gif"), "charts are written as"),
        (("one.tif", "map.tif", "--truth", "one_truth.tif", "two_truth.tif"), "different kinds"),
    ],
)
def test_what_cannot_be_judged_is_told(
    labels: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    tifffile.imwrite(labels / "map.tif", np.zeros((20, 20), np.float32))
    assert sentence in refuse(capsys, "evaluate", *words)
    assert not list(labels.glob("curve*"))


def discs(seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Dark discs on grey noise, and their numbers."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    numbers = np.zeros((SIDE, SIDE), np.uint8)
    for number, (cy, cx) in enumerate([(40, 40), (40, 98), (95, 60)], start=1):
        numbers[np.hypot(y - cy, x - cx) < 20] = number
    grey = np.where(numbers > 0, 60, 190) + rng.normal(0, 12, (SIDE, SIDE))
    return grey.clip(0, 255).astype(np.uint8), numbers


def test_benchmark_measures_a_folder_into_one_table_and_one_plot(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("images", "instances"):
        (folder / "set" / name).mkdir(parents=True)
    for seed in (0, 1):
        grey, numbers = discs(seed)
        tifffile.imwrite(folder / "set" / "images" / f"{seed}.tif", grey)
        tifffile.imwrite(folder / "set" / "instances" / f"{seed}.tif", numbers)
    words = ("benchmark", "set", "--clicks", "1,2", "--seeds", 2, "--method", "dinosim", "--encoder", "nano")
    found = run(capsys, *words, "--counter-examples", 2, "--noc", "--at-most", 2)
    assert [(line["encoder"], line["clicks"]) for line in found["answers"]] == [("nano", 1), ("nano", 2)]
    assert found["answers"][1]["dice_best"] > 0.7
    assert found["corrections"][0]["sections"] == 2
    assert 1 <= found["corrections"][0]["noc@70"] <= found["corrections"][0]["noc@80"] <= 2
    rows = read_csv(folder / "benchmark.csv")
    assert {row["image"] for row in rows} == {"all", "0", "1"}
    assert len([row for row in rows if row["drawn"] == "at random"]) == 2 * 2 * 3
    assert all(float(row["seconds"]) > 0 for row in rows)
    assert width(folder / "benchmark.png") > 500
    assert json.loads((folder / "benchmark.csv.json").read_text())["encoders"] == ["nano"]
    assert "exists already" in refuse(capsys, *words)
    assert main([*map(str, words), "--force"]) == DONE
    assert "nano, dinosim" in capsys.readouterr().out


def test_benchmark_compares_with_baselines_and_takes_the_settings_of_results(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grey, numbers = discs(0)
    tifffile.imwrite(folder / "image.tif", grey)
    tifffile.imwrite(folder / "truth.tif", numbers)
    words: list[Any] = ["benchmark", "image.tif", "--truth", "truth.tif", "--instances", "--seeds", 1, "--clicks", 2]
    words += ["--method", "dinosim", "--baseline", "forest", "--baseline", "positives", "--noc", "--at-most", 2]
    found = run(capsys, *words, "--threshold", 0.9, "--refine", "none", "--min-score", 1.0, "--corrected", 1)
    assert [line["method"] for line in found["answers"]] == ["dinosim", "random forest"]
    assert [line["method"] for line in found["corrections"]] == ["dinosim", "random forest", "dinosim, positives only"]
    assert all(line["dice"] == line["dice_plain"] and line["object_ap"] >= 0 for line in found["answers"])
    assert found["answers"][0]["detection_f1"] == 0  # no peak is as high as the lowest score
    (row,) = [row for row in read_csv(folder / "benchmark.csv") if row["method"] == "random forest" and row["seed"]]
    assert float(row["dice"]) == pytest.approx(found["answers"][1]["dice"])
    settings = json.loads((folder / "benchmark.csv.json").read_text())["settings"]
    assert (settings["segmentation"]["threshold"], settings["detection"]["min_score"]) == (0.9, 1.0)
    with pytest.raises(SystemExit):
        main([*map(str, words), "--baseline", "oracle"])


def test_the_command_knows_all_baselines() -> None:
    from dinoscope.benchmark import BASELINES
    from dinoscope.cli import _benchmark

    assert _benchmark._BASELINES == tuple(BASELINES)


def test_benchmark_of_an_image_needs_its_truth(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grey, numbers = discs(0)
    tifffile.imwrite(folder / "image.tif", grey)
    tifffile.imwrite(folder / "truth.tif", numbers)
    words = ("benchmark", "image.tif", "--seeds", 1, "--clicks", 1, "--method", "dinosim", "-o", "out.csv")
    assert "--truth" in refuse(capsys, *words)
    found = run(capsys, *words, "--truth", "truth.tif", "--label", 2)
    assert found["corrections"] == []
    assert (folder / "out.png").is_file()
    assert "written as .csv" in refuse(capsys, *words, "-o", "out.txt")
    with pytest.raises(SystemExit):
        main([*map(str, words), "--clicks", "one"])
