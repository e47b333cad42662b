"""The page about files tells the columns and keys that files have."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors import safe_open

from dinoscope.cli import DONE, main
from dinoscope.features import FeatureStore, plan_features
from dinoscope.image import Image, open_image
from dinoscope.measure import count_objects, measure_objects
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference
from dinoscope.settings import ImageSettings, IntensitySettings, ReferenceSettings, StorageSettings, TilingSettings
from dinoscope.testing import FakeEncoder
from tests.docs.inputs import make_inputs
from tests.docs.snippets import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "reference" / "files.md").read_text(encoding="utf-8")


def told(heading: str) -> list[str]:
    """The names in the first column of the table below a heading."""
    text = PAGE.split(f"# {heading}\n", 1)[1].split("\n#", 1)[0]
    cells = re.findall(r"^\| (`[^|]+) \|", text, flags=re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize(("heading", "shape"), [("In 2-D", (20, 30)), ("In 3-D", (6, 20, 30))])
def test_the_columns_of_objects(heading: str, shape: tuple[int, ...]) -> None:
    labels = open_labels(shape)
    grey = open_image(np.ones(shape, np.uint8))
    columns = measure_objects(labels, grey, classes=["a", "a"]).columns
    assert told(heading) == [*columns, "example"]


def test_the_columns_of_classes() -> None:
    labels = open_labels((20, 30))
    assert told("Per class") == list(count_objects(measure_objects(labels), labels).columns)


def open_labels(shape: tuple[int, ...]) -> Image:
    """Two objects in an image with a pixel size."""
    labels = np.zeros(shape, np.uint8)
    labels[..., 2:8, 2:8], labels[..., 10:15, 10:25] = 1, 2
    return open_image(labels, ImageSettings(image_pixel_size=8.0, section_distance=40.0 if len(shape) == 3 else None))


@pytest.mark.slow
def test_the_columns_of_what_commands_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    make_inputs(tmp_path)
    table, points = tmp_path / "objects.csv", tmp_path / "points.csv"
    common = [str(tmp_path / "stack.tif"), "--prompts", str(tmp_path / "clicks.csv"), "-o"]
    assert main(["segment", *common, str(tmp_path / "mask.ome.zarr"), "--table", str(table)]) == DONE
    assert main(["detect", *common, str(points)]) == DONE
    with table.open(encoding="utf-8") as file:
        assert set(next(csv.reader(file))) == set(told("In 3-D"))
    with points.open(encoding="utf-8") as file:
        assert set(next(csv.reader(file))) == set(told("Detections")) - {"diameter_px"}


def test_the_keys_of_references_and_the_files_of_stores(tmp_path: Path, squares: Image) -> None:
    encoder = FakeEncoder()
    storage = StorageSettings(codec="int8")
    manifest = plan_features(squares, encoder.spec, TilingSettings(), IntensitySettings(), storage)
    store = FeatureStore.create(tmp_path / "a.zarr", manifest)
    extract(squares, encoder, store)
    path = build_reference(store, [PointPrompt((0, 48, 48), "a")], ReferenceSettings()).save(tmp_path / "a.safetensors")
    with safe_open(path, framework="numpy") as file:
        tensors, metadata = set(file.keys()), file.metadata()
    assert set(told("Reference")) == set(json.loads(metadata["dinoscope-reference"]))
    assert all(f"`{name}`" in PAGE for name in tensors)
    assert {entry.name for entry in (tmp_path / "a.zarr").iterdir()} == set(told("Feature store"))


def extract(image: Image, encoder: FakeEncoder, store: FeatureStore) -> None:
    from dinoscope.features import extract_features

    extract_features(image, encoder, store)
