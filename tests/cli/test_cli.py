"""The commands as a person runs them, on a small planted image with a real (bundled) encoder."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import zarr

from dinoscope.cli import DONE, main
from dinoscope.image import open_image
from dinoscope.prompts import (
    BoxPrompt,
    MaskPrompt,
    PointPrompt,
    PolygonPrompt,
    StrokePrompt,
    describe_prompt,
    write_prompts,
)
from dinoscope.samples import phantom
from tests.commands import refuse, run

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.prompts import Prompt

SIDE = 256


def planted(seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Dark discs on grey noise, and where they are."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = np.zeros((SIDE, SIDE), bool)
    for cy, cx in [(60, 60), (60, 190), (180, 120)]:
        inside |= np.hypot(y - cy, x - cx) < 28
    pixels = np.where(inside, 60, 190) + rng.normal(0, 12, (SIDE, SIDE))
    return pixels.clip(0, 255).astype(np.uint8), inside


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.chdir(tmp_path)
    pixels, inside = planted()
    metadata = {"axes": "YX", **{f"PhysicalSize{a}": 5.0 for a in "XY"}, **{f"PhysicalSize{a}Unit": "nm" for a in "XY"}}
    tifffile.imwrite(tmp_path / "image.tif", pixels, ome=True, metadata=metadata, tile=(64, 64))
    tifffile.imwrite(tmp_path / "truth.tif", inside.astype(np.uint8))
    write_prompts([PointPrompt((0, 60, 60), "disc")], tmp_path / "clicks.csv")
    return tmp_path


SEGMENT = ("segment", "image.tif", "--prompts", "clicks.csv", "-o")


@pytest.mark.parametrize(
    "prompt",
    [
        BoxPrompt(0, (30, 30), (90, 90), "disc"),
        StrokePrompt(0, ((56, 54), (64, 68)), 6, "disc"),
        PolygonPrompt(0, ((48, 60), (60, 72), (72, 60), (60, 48)), "disc"),
        MaskPrompt(0, (54, 54), np.ones((12, 12), bool), "disc"),
    ],
)
def test_prompts_of_every_kind_are_read_from_geojson(
    folder: Path, capsys: pytest.CaptureFixture[str], prompt: Prompt
) -> None:
    write_prompts([prompt], folder / "p.geojson")
    run(capsys, "segment", "image.tif", "--prompts", "p.geojson", "-o", "mask.ome.zarr")
    assert run(capsys, "evaluate", "mask.ome.zarr", "truth.tif")["dice"] > 0.8
    record = json.loads((folder / "mask.ome.zarr.json").read_text())
    assert record["examples"][0]["kind"] == describe_prompt(prompt)["kind"]


def test_segment_finds_the_planted_discs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(
        capsys, *SEGMENT, "mask.ome.zarr", "--instances", "objects.tif", "--similarity", "similarity.zarr",
        "--table", "objects.csv", "--overlay", "overlay.png", "--min-diameter", "100", "--threshold", "0.4",
    )  # fmt: skip
    assert found["objects"] == 3
    scores = run(capsys, "evaluate", "mask.ome.zarr", "truth.tif")
    assert scores["dice"] > 0.8
    rows = (folder / "objects.csv").read_text().splitlines()
    assert len(rows) == 4
    assert open_image(folder / "overlay.png").axis_names.startswith("yx")
    record = json.loads((folder / "mask.ome.zarr.json").read_text())
    assert record["settings"]["segmentation"]["min_diameter"] == 100
    assert record["examples"][0]["position"] == [0, 60, 60]
    assert record["features"]["encoder"]["fingerprint"]


def test_the_similarity_lies_over_the_image(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, *SEGMENT, "mask.tif", "--similarity", "similarity.zarr")
    attributes: Any = zarr.open_group(folder / "similarity.zarr", mode="r").attrs["ome"]
    scale, translation = attributes["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    stride = 8
    assert scale["scale"][1:] == [stride * 5.0] * 2
    assert translation["translation"][1:] == [(stride - 1) / 2 * 5.0] * 2


@pytest.mark.parametrize("name", ["mask.ome.zarr", "mask.tif", "mask.png"])
def test_every_format_holds_the_same_mask(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    run(capsys, *SEGMENT, name, "--threshold", "0.6")
    run(capsys, *SEGMENT, "again.tif", "--threshold", "0.6")
    image, again = open_image(folder / name), open_image(folder / "again.tif")
    np.testing.assert_array_equal(image.read(image.extent), again.read(again.extent))
    if not name.endswith(".png"):
        assert image.pixel_size_nm == pytest.approx(5.0)


def test_features_are_computed_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = run(capsys, "info", "image.tif")
    assert before["tiles_done"] == 0
    assert before["tiles"] >= 1
    assert before["estimated_minutes"] > 0
    store = run(capsys, "extract", "image.tif")
    assert store["tiles"] == before["tiles"]
    assert store["features"] == before["features"]
    assert run(capsys, "info", "image.tif")["estimated_minutes"] == 0


def test_detect_writes_points_that_napari_opens(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, "detect", "image.tif", "--prompts", "clicks.csv", "-o", "found.csv", "--object-diameter", 280)
    assert found["count"] == found["disc"] == 3
    header, *rows = (folder / "found.csv").read_text().splitlines()
    assert header.startswith("index,axis-0,axis-1,class,score")
    places = np.array([[float(v) for v in row.split(",")[1:3]] for row in rows])
    for wanted in [(60, 60), (60, 190), (180, 120)]:
        assert np.abs(places - wanted).max(axis=1).min() < 8
    run(capsys, "detect", "image.tif", "--prompts", "clicks.csv", "-o", "found.geojson")
    run(capsys, "detect", "image.tif", "--prompts", "clicks.csv", "-o", "found.json")
    assert {"images", "annotations", "categories"} <= json.loads((folder / "found.json").read_text()).keys()


def test_a_reference_serves_other_images(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tifffile.imwrite(folder / "second.tif", planted(seed=1)[0])
    run(capsys, *SEGMENT, "mask.tif", "--save-reference", "disc.safetensors")
    words = ("segment", "second.tif", "--reference", "disc.safetensors", "-o", "second_mask.tif", "--threshold", "0.4")
    run(capsys, *words)
    assert run(capsys, "evaluate", "second_mask.tif", "truth.tif")["dice"] > 0.8
    many = run(
        capsys, "segment", "image.tif", "second.tif", "--prompts", "clicks.csv", "-o", "masks", "--format", "tif"
    )
    assert sorted(p.name for p in (folder / "masks").glob("*.tif")) == ["image_mask.tif", "second_mask.tif"]
    assert len(many["results"]) == 2


def test_prompts_may_be_a_label_image(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[50:70, 50:70] = 3
    tifffile.imwrite(folder / "painted.tif", labels)
    words = ("segment", "image.tif", "--prompts", "painted.tif", "-o", "mask.tif", "--threshold", "0.4")
    found = run(capsys, *words)
    assert found["classes"] == ["3"]
    assert run(capsys, "evaluate", "mask.tif", "truth.tif")["dice"] > 0.8


def test_evaluate_can_match_objects_and_pick_a_label(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.zeros((20, 20), np.uint8)
    labels[2:6, 2:6], labels[10:16, 10:16] = 1, 2
    tifffile.imwrite(folder / "a.tif", labels)
    tifffile.imwrite(folder / "b.tif", np.where(labels == 2, 5, 0).astype(np.uint8))
    scores = run(capsys, "evaluate", "a.tif", "b.tif", "--instances")
    assert scores["instances"]["matched"] == 1
    assert scores["instances"]["f1"] == pytest.approx(2 / 3)
    assert run(capsys, "evaluate", "a.tif", "b.tif", "--label", "2", "--truth-label", "5")["dice"] == 1
    assert main(["evaluate", "a.tif", "b.tif", "--instances"]) == DONE
    assert "object f1" in capsys.readouterr().out


def test_encoders_lists_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encoders"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["nano", "dinov2-small"]
    found = run(capsys, "encoders")["encoders"]
    assert next(e for e in found if e["name"] == "dinov2-small-reg")["registers"] == 4


@pytest.mark.parametrize(("name", "words"), [("nano", "Limits"), ("dinov2-large-reg", "facebook/dinov2-with")])
def test_encoders_shows_the_card_of_one(capsys: pytest.CaptureFixture[str], name: str, words: str) -> None:
    assert main(["encoders", name]) == DONE
    assert words in capsys.readouterr().out


def test_pretrain_makes_an_encoder_that_can_be_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "pretrain", "image.tif", "-o", "mine", "--steps", 1, "--batch", 2, "--crop", 32, "--prototypes", 4)
    assert "trained without labels" in run(capsys, "encoders", "mine")["card"]
    assert run(capsys, "extract", "image.tif", "--encoder", "mine")["channels"] > 0


def test_a_distilled_encoder_serves_the_references_of_its_teacher(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = phantom((600, 1200), seed=1).image
    tifffile.imwrite(folder / "wide.tif", sample.read(sample.extent))
    words = ("distill", "wide.tif", "--teacher", "nano", "-o", "student", "--crops", 1, "--steps", 1, "--batch", 1)
    assert -1 <= run(capsys, *words)["cosine"] <= 1
    assert "distilled from nano" in run(capsys, "encoders", "student")["card"]
    run(capsys, *SEGMENT, "mask.tif", "--save-reference", "disc.safetensors")
    found = run(
        capsys, "segment", "image.tif", "--encoder", "student", "--reference", "disc.safetensors", "-o", "b.tif"
    )
    assert found["classes"] == ["disc"]


def test_the_demo_runs_to_its_end(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, "demo", "-o", "demo", "--size", 384)
    assert 0 < found["dice"] <= 1
    expected = {
        "image.tif",
        "truth.tif",
        "prompts.csv",
        "mask.ome.zarr",
        "overlay.png",
        "objects.csv",
        "detections.csv",
    }
    assert expected <= {p.name for p in (folder / "demo").iterdir()}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*SEGMENT, "mask.jpg"), "cannot tell the format"),
        ((*SEGMENT, "mask.tif", "--threshold", "1.5"), "--threshold 1.5"),
        ((*SEGMENT, "mask.tif", "--sections", "0:2"), "single section"),
        ((*SEGMENT, "mask.tif", "--encoder", "dinov3"), "dinov3"),
        ((*SEGMENT, "mask.tif", "--pixel-size", "10", "--scale", "2"), "choose one"),
        ((*SEGMENT, "mask.tif", "--reference", "none.safetensors"), "not a dinoscope reference"),
        (("segment", "image.tif", "-o", "mask.tif"), "--prompts"),
        (("segment", "none.tif", "--prompts", "clicks.csv", "-o", "mask.tif"), "none.tif"),
        (("segment", "image.tif", "--prompts", "none.csv", "-o", "mask.tif"), "none.csv"),
        (("segment", "image.tif", "--prompts", "far.csv", "-o", "mask.tif"), "outside of the image"),
        (("segment", "cut.tif", "--prompts", "clicks.csv", "-o", "mask.tif"), "cut.tif"),
        (("segment", "image.tif", "--prompts", "clicks.csv", "-o", "mask.tif", "--axes", "zyx"), "axes"),
        (("detect", "image.tif", "--prompts", "clicks.csv", "-o", "found.txt"), "found.txt"),
        (("evaluate", "image.tif", "small.tif"), "shape"),
    ],
)
def test_bad_input_gets_a_sentence_and_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    write_prompts([PointPrompt((0, 60, 999))], folder / "far.csv")
    (folder / "cut.tif").write_bytes((folder / "image.tif").read_bytes()[:-20_000])
    tifffile.imwrite(folder / "small.tif", np.zeros((8, 8), np.uint8))
    before = {p.name for p in folder.iterdir()}
    assert sentence in refuse(capsys, *words)
    left = {p.name for p in folder.iterdir()} - before - {"cache"}
    assert left == set()


def test_a_reference_or_store_of_another_encoder_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "pretrain", "image.tif", "-o", "mine", "--steps", 1, "--batch", 2, "--crop", 32, "--prototypes", 4)
    run(capsys, *SEGMENT, "mask.tif", "--save-reference", "disc.safetensors", "--features", "nano.zarr")
    other = ("segment", "image.tif", "-o", "other.tif", "--encoder", "mine")
    assert "use the same encoder" in refuse(capsys, *other, "--reference", "disc.safetensors")
    assert "fingerprint" in refuse(capsys, *other, "--prompts", "clicks.csv", "--features", "nano.zarr")
    assert not (folder / "other.tif").exists()


def test_results_are_not_overwritten_unless_forced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mask.tif").write_text("dear to me")
    assert "mask.tif" in refuse(capsys, *SEGMENT, "mask.tif")
    assert (folder / "mask.tif").read_text() == "dear to me"
    run(capsys, *SEGMENT, "mask.tif", "--force")
    assert open_image(folder / "mask.tif").shape == (SIDE, SIDE)


def test_ctrl_c_keeps_the_features_and_leaves_no_result(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("dinoscope.similarity._steps.SteppedBank.match", interrupt)
        assert "stopped" in refuse(capsys, *SEGMENT, "mask.ome.zarr")
    assert not [p.name for p in folder.iterdir() if "mask" in p.name or p.name.startswith(".")]
    assert run(capsys, "info", "image.tif")["estimated_minutes"] == 0


def test_a_scale_mismatch_is_a_note(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, *SEGMENT, "mask.tif", "--save-reference", "disc.safetensors")
    capsys.readouterr()
    words = ["segment", "image.tif", "--image-pixel-size", "15", "--reference", "disc.safetensors", "-o", "b.tif"]
    assert main(words) == DONE
    assert "note: the reference was made at 5 nm/px" in capsys.readouterr().err


def test_unknown_flags_exit_with_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dinoscope", "segment", "--nonsense"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "usage: dinoscope segment" in done.stderr
