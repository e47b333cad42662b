"""One reference on many images: the same results as image by image, whatever happens in between."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from dinoscope.batch import Recipe, Row, Stages, apply, write_summary
from dinoscope.detection import detect
from dinoscope.errors import Cancelled, OutputExistsError, ReferenceMismatchError, SettingsError
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import open_image, spatial
from dinoscope.measure import measure_objects
from dinoscope.outputs import read_detections_csv, scratch_array
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference
from dinoscope.segmentation import refine_map, segment
from dinoscope.settings import (
    DetectionSettings,
    IntensitySettings,
    ReferenceSettings,
    SegmentationSettings,
    SimilaritySettings,
    TilingSettings,
)
from dinoscope.similarity import compare, examples_at
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.batch import ResultKind
    from dinoscope.jobs import Progress
    from dinoscope.similarity import SimilarityMap

SHAPE = (160, 200)
CLICKS = [PointPrompt((0, 48.0, 48.0), "square"), PointPrompt((0, 120.0, 40.0), "dark")]
EVERYTHING: tuple[ResultKind, ...] = ("mask", "instances", "similarity", "measurements", "detections", "overlay")


def pixels(seed: int) -> NDArray[np.float32]:
    """Two bright squares and a black one on noise; the seed moves one of them."""
    rng = np.random.default_rng(seed)
    drawn = 0.4 + rng.random(SHAPE, dtype=np.float32) * 0.2
    drawn[32:64, 32:64] += 0.4
    drawn[96:128, 120 + 4 * seed : 152 + 4 * seed] += 0.4
    drawn[104:136, 24:56] = 0
    return drawn


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "images" / f"section{seed}.tif" for seed in range(3)]
    paths[0].parent.mkdir()
    for seed, path in enumerate(paths):
        tifffile.imwrite(path, pixels(seed))
    return paths


class Encoders:
    """Makes fake encoders and counts what went through them."""

    def __init__(self) -> None:
        self.made: list[FakeEncoder] = []

    def __call__(self, name: str, device: str) -> FakeEncoder:
        self.made.append(FakeEncoder())
        return self.made[-1]


@pytest.fixture
def encoders() -> Encoders:
    return Encoders()


def store_of(path: Path, folder: Path) -> FeatureStore:
    image, encoder = spatial(open_image(path)), FakeEncoder()
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings())
    store = FeatureStore.open_or_create(folder / f"{path.stem}.zarr", manifest)
    extract_features(image, encoder, store)
    return store


def map_of(path: Path, folder: Path, recipe: Recipe) -> SimilarityMap:
    """The similarity map by the functions for one image."""
    return compare(store_of(path, folder), recipe.reference, SimilaritySettings())


@pytest.fixture
def recipe(tmp_path: Path, images: list[Path]) -> Recipe:
    reference = build_reference(store_of(images[0], tmp_path / "by hand"), CLICKS, ReferenceSettings(crop=200))
    return Recipe(
        reference=reference,
        segmentation=SegmentationSettings(threshold=0.6),
        detection=DetectionSettings(object_diameter=32, min_score=0.5),
        results=("mask", "instances", "measurements", "detections"),
        labels_as="tif",
        store_folder=tmp_path / "stores",
    )


def read(path: Path) -> NDArray[Any]:
    image = open_image(path)
    return image.read(image.extent)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def hear(work: Iterator[Row], told: set[str]) -> None:
    for row in work:
        told.add(row.name)


def facts(rows: list[Row]) -> list[Row]:
    """Rows without what differs from run to run."""
    return [replace(row, seconds=0.0, status="done") for row in rows]


def test_the_results_are_those_of_the_functions_for_one_image(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders
) -> None:
    rows = list(apply(recipe, images, tmp_path / "out", make_encoder=encoders))
    for row, path in zip(rows, images, strict=True):
        store = store_of(path, tmp_path / "by hand")
        similarity = compare(store, recipe.reference, SimilaritySettings())
        fine = refine_map(similarity, open_image(path), store.manifest, recipe.segmentation)
        found = segment(fine, store.manifest.image, recipe.segmentation)
        points = detect(similarity, store.manifest.image, recipe.detection)
        mask = np.asarray(found.mask[...])
        assert row.name == path.stem
        np.testing.assert_array_equal(read(row.paths["mask"]), mask)
        np.testing.assert_array_equal(read(row.paths["instances"]), found.instances[...])
        np.testing.assert_allclose(read_detections_csv(row.paths["detections"]).centres, points.centres)
        alike = examples_at(recipe.reference, store, np.pad(points.centres, ((0, 0), (1, 0))), points.class_names)
        assert [int(line["example"]) for line in table(row.paths["detections"])] == alike.tolist()
        measured = measure_objects(found.instance_image(open_image(path)), open_image(path))
        areas = [int(line["area_px"]) for line in table(row.paths["measurements"])]
        assert areas == measured["area_px"].tolist()
        for k, name in enumerate(recipe.reference.classes):
            assert row.objects[name] == found.object_classes.count(name)
            assert row.detections[name] == points.class_names.count(name)
            assert row.covered[name] == pytest.approx((mask == k + 1).mean())
    assert [row.objects["square"] for row in rows] == [2, 2, 2]


def test_every_result_can_be_asked_for_and_has_its_record(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders
) -> None:
    everything = replace(recipe, results=EVERYTHING, labels_as="ome.zarr", detections_as="geojson")
    (row,) = apply(everything, images[:1], tmp_path / "out", make_encoder=encoders)
    assert set(row.paths) == set(EVERYTHING)
    for path in row.paths.values():
        record = json.loads(path.with_name(f"{path.name}.json").read_text())
        assert record["outcome"]["objects"] == row.objects
        assert record["settings"]["segmentation"]["threshold"] == 0.6
        assert record["examples"][0]["position"] == [0, 48, 48]
    similarity = map_of(images[0], tmp_path / "by hand", recipe)
    written = read(row.paths["similarity"])
    np.testing.assert_allclose(written, similarity.read(similarity.grid.extent)[:, 0], atol=1e-6)


def test_what_is_not_asked_for_is_not_looked_for(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders
) -> None:
    steps: list[Progress] = []
    points_only = replace(recipe, results=("detections",))
    (row,) = apply(points_only, images[:1], tmp_path / "out", progress=steps.append, make_encoder=encoders)
    assert "objects" not in {step.stage for step in steps}
    assert row.objects == {}
    assert row.detections["square"] >= 2
    assert len(read_detections_csv(row.paths["detections"])) == sum(row.detections.values())
    assert names_in(tmp_path / "out") == {"section0_detections.csv", "section0_detections.csv.json", "summary.csv"}


def test_progress_counts_images_and_passes_on_their_stages(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders
) -> None:
    steps: list[Progress] = []
    list(apply(recipe, images, tmp_path / "out", progress=steps.append, make_encoder=encoders))
    counted = [(step.done, step.total) for step in steps if step.stage == "images"]
    assert counted == [(0, 3), (1, 3), (2, 3), (3, 3)]
    stages = {"images", "features", "similarity", "objects", "split", "area", "measure", "detection", "writing"}
    assert {step.stage for step in steps} == stages


def test_a_broken_file_in_the_middle_does_not_end_the_others(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders
) -> None:
    images[1].write_bytes(images[1].read_bytes()[:20_000])
    rows = list(apply(recipe, images, tmp_path / "out", make_encoder=encoders))
    assert [row.status for row in rows] == ["done", "failed", "done"]
    assert "section1.tif" in str(rows[1].error)
    assert rows[1].paths == {}
    assert not [name for name in names_in(tmp_path / "out") if "section1" in name or name.startswith(".")]
    assert rows[2].paths["mask"].is_file()
    lines = table(tmp_path / "out" / "summary.csv")
    assert [line["status"] for line in lines] == ["done", "failed", "done"]
    assert lines[1]["error"] == rows[1].error
    assert lines[1]["objects square"] == ""


@pytest.mark.parametrize(
    "stage", ["features", "similarity", "objects", "area", "detection", "measure", "writing", "images"]
)
def test_cancelling_at_any_stage_leaves_whole_images_and_goes_on_later(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders, stage: str
) -> None:
    told: set[str] = set()

    def cancel_at_second(step: Progress) -> None:
        if told and step.stage == stage:
            raise Cancelled("enough")

    out = tmp_path / "out"
    work = apply(recipe, images, out, progress=cancel_at_second, make_encoder=encoders)
    with pytest.raises(Cancelled):
        hear(work, told)
    assert told == {"section0"}
    whole = list(apply(recipe, images, tmp_path / "whole", make_encoder=encoders))
    left = names_in(out)
    assert not [name for name in left if name.startswith(".") or "section2" in name]
    assert {name for name in left if not name.endswith(".json")} <= {*names_in(tmp_path / "whole")}
    for name in left - {"summary.csv"}:
        assert name.endswith(".json") or f"{name}.json" in left
    again = list(apply(recipe, images, out, make_encoder=encoders))
    assert [row.error for row in again] == [None, None, None]
    assert names_in(out) == names_in(tmp_path / "whole")
    for row, other in zip(again, whole, strict=True):
        np.testing.assert_array_equal(read(row.paths["mask"]), read(other.paths["mask"]))


def test_cancelling_stops_within_one_batch(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders
) -> None:
    def cancel_after_a_tile(step: Progress) -> None:
        if step.stage == "features" and step.done == 1:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        list(apply(recipe, images, tmp_path / "out", progress=cancel_after_a_tile, make_encoder=encoders))
    assert encoders.made[0].encoded_tiles == 1


def test_finished_images_are_kept_with_their_figures(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders
) -> None:
    out = tmp_path / "out"
    first = list(apply(recipe, images[:2], out, make_encoder=encoders))
    before = {row.name: row.paths["mask"].stat().st_mtime_ns for row in first}
    again = list(apply(recipe, images, out, make_encoder=encoders))
    assert [row.status for row in again] == ["kept", "kept", "done"]
    assert facts(again[:2]) == facts(first)
    assert {row.name: row.paths["mask"].stat().st_mtime_ns for row in again[:2]} == before
    assert len(table(out / "summary.csv")) == 3


def test_results_of_another_recipe_are_neither_taken_nor_replaced(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders
) -> None:
    out = tmp_path / "out"
    (first,) = apply(recipe, images[:1], out, make_encoder=encoders)
    before = first.paths["mask"].read_bytes()
    stricter = replace(recipe, segmentation=SegmentationSettings(threshold=0.95))
    (refused,) = apply(stricter, images[:1], out, make_encoder=encoders)
    assert refused.status == "failed"
    assert "section0_mask.tif" in str(refused.error)
    assert first.paths["mask"].read_bytes() == before
    (replaced,) = apply(stricter, images[:1], out, skip_existing=False, make_encoder=encoders)
    assert replaced.status == "done"
    assert replaced.covered["square"] < first.covered["square"]
    assert first.paths["mask"].read_bytes() != before


def test_a_changed_image_or_other_examples_are_noticed(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders
) -> None:
    out = tmp_path / "out"
    list(apply(recipe, images[:1], out, make_encoder=encoders))
    store = store_of(images[0], tmp_path / "by hand")
    moved = [PointPrompt((0, 112.0, 136.0), "square"), CLICKS[1]]
    other = build_reference(store, moved, ReferenceSettings(crop=200))
    (row,) = apply(replace(recipe, reference=other), images[:1], out, make_encoder=encoders)
    assert row.status == "failed"
    tifffile.imwrite(images[0], pixels(seed=5))
    (row,) = apply(recipe, images[:1], out, make_encoder=encoders)
    assert row.status == "failed"


def test_a_file_of_somebody_else_is_not_replaced(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "section0_mask.tif").write_text("dear to me")
    (row,) = apply(recipe, images[:1], tmp_path / "out", make_encoder=encoders)
    assert row.status == "failed"
    assert (tmp_path / "out" / "section0_mask.tif").read_text() == "dear to me"


def test_one_whole_volume_is_one_image(tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders) -> None:
    volume = open_image(np.stack([pixels(0), pixels(1)]), name="a/volume")
    (row,) = apply(replace(recipe, labels_as="ome.zarr"), [volume], tmp_path / "out", make_encoder=encoders)
    assert row.name == "a_volume"
    assert read(row.paths["mask"]).shape == (2, *SHAPE)
    assert row.objects["dark"] == 1


def test_what_does_not_fit_into_memory_gives_the_same(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = list(apply(recipe, images, tmp_path / "memory", make_encoder=encoders))
    monkeypatch.setattr("dinoscope.outputs._scratch._IN_MEMORY", 0)
    on_disk = list(apply(recipe, images, tmp_path / "disk", make_encoder=encoders))
    for row, other in zip(in_memory, on_disk, strict=True):
        for kind, path in row.paths.items():
            if path.suffix == ".csv":
                assert path.read_text() == other.paths[kind].read_text()
            else:
                np.testing.assert_array_equal(read(path), read(other.paths[kind]))
    assert names_in(tmp_path / "memory") == names_in(tmp_path / "disk")


def test_a_large_scratch_array_lies_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(scratch_array(tmp_path, (2, 8, 8), "uint32"), np.ndarray)
    monkeypatch.setattr("dinoscope.outputs._scratch._IN_MEMORY", 511)
    first, second = (scratch_array(tmp_path, (2, 8, 8), "uint32", side=4) for _ in range(2))
    first[0, 2:4] = 7
    assert not np.asarray(second[:]).any()
    assert np.asarray(first[:]).sum() == 7 * 16
    assert len(list(tmp_path.glob("*/scratch/zarr.json"))) == 2


def test_the_encoder_of_the_reference_is_needed(tmp_path: Path, images: list[Path], recipe: Recipe) -> None:
    with pytest.raises(ReferenceMismatchError, match="use the same encoder"):
        list(apply(recipe, images, tmp_path / "out", make_encoder=lambda *_: FakeEncoder(fingerprint="other")))
    assert not (tmp_path / "out").exists()


def test_what_cannot_work_is_refused_before_any_work(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders
) -> None:
    twin = tmp_path / "section0.png"
    with pytest.raises(SettingsError, match="several images are called 'section0'"):
        next(apply(recipe, [*images, twin], tmp_path / "out", make_encoder=encoders))
    own = tmp_path / "images" / "section0_mask.tif"
    with pytest.raises(SettingsError, match="would be replaced by a result"):
        next(apply(recipe, [images[0], own], tmp_path / "images", make_encoder=encoders))
    with pytest.raises(SettingsError, match="no results"):
        next(apply(replace(recipe, results=()), images, tmp_path / "out", make_encoder=encoders))
    (tmp_path / "images" / "summary.csv").write_text("animal,age\n3,12\n")
    with pytest.raises(OutputExistsError, match=r"summary\.csv"):
        next(apply(recipe, images, tmp_path / "images", make_encoder=encoders))
    assert encoders.made == []


def test_settings_of_the_features_are_used(
    tmp_path: Path, images: list[Path], recipe: Recipe, encoders: Encoders
) -> None:
    halved = replace(recipe, stages=Stages(tiling=TilingSettings(scale=0.5)), results=("similarity",))
    (row,) = apply(halved, images[:1], tmp_path / "out", make_encoder=encoders)
    assert read(row.paths["similarity"]).shape == (2, SHAPE[0] // 8, SHAPE[1] // 8)


def test_a_summary_has_a_line_per_image_and_a_column_per_class(tmp_path: Path) -> None:
    rows = [
        Row("a", "done", 1.5, objects={"disc": 3}, covered={"disc": 0.25}, paths={"mask": tmp_path / "a_mask.tif"}),
        Row("b", "failed", 0.5, error="it is damaged, sadly"),
        Row("c", "kept", 2.0, objects={"disc": 0, "ring": 1}, note="mind the scale"),
    ]
    lines = table(write_summary(rows, tmp_path / "summary.csv"))
    assert [line["image"] for line in lines] == ["a", "b", "c"]
    assert [line["objects disc"] for line in lines] == ["3", "", "0"]
    assert [line["objects ring"] for line in lines] == ["", "", "1"]
    assert [line["covered disc"] for line in lines] == ["0.25", "", ""]
    assert [line["mask"] for line in lines] == ["a_mask.tif", "", ""]
    assert lines[1]["error"] == "it is damaged, sadly"
    assert lines[2]["note"] == "mind the scale"
