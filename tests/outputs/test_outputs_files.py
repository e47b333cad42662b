from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Picture

import dinoscope
from dinoscope.errors import EvaluationError, MissingDependencyError, OutputExistsError, SettingsError, StoreError
from dinoscope.image import LazyArray
from dinoscope.outputs import (
    Detections,
    OverlayInfo,
    check_table_name,
    ensure_writable,
    sidecar_path,
    write_overlay,
    write_sidecar,
    write_table,
)
from dinoscope.outputs._section import shrink

if TYPE_CHECKING:
    from pathlib import Path


def test_sidecar_says_how_the_result_was_made(tmp_path: Path) -> None:
    path = write_sidecar(tmp_path / "mask.ome.zarr", {"settings": {"tile": 518}, "image": "müller.tif"})
    assert path == sidecar_path(tmp_path / "mask.ome.zarr") == tmp_path / "mask.ome.zarr.json"
    text = path.read_text(encoding="utf-8")
    record = json.loads(text)
    assert list(record) == sorted(record)
    assert (record["dinoscope"], record["result"]) == (dinoscope.__version__, "mask.ome.zarr")
    assert record["settings"] == {"tile": 518}
    assert record["created"].endswith("+00:00")
    assert "müller" in text


def test_a_table_keeps_full_precision_and_quotes(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "label": np.array([1, 2]),
        "size": np.array([1 / 3, np.nan]),
        "class": ["a, b", 'the "c"'],
    }
    with write_table(tmp_path / "t.csv", columns).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["label", "size", "class"], ["1", repr(1 / 3), "a, b"], ["2", "", 'the "c"']]


def test_a_long_table_is_written_some_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns: dict[str, Any] = {
        "label": np.arange(25),
        "size": np.random.default_rng(0).random(25),
        "class": tuple("abcde" * 5),
    }
    whole = write_table(tmp_path / "whole.csv", columns).read_bytes()
    monkeypatch.setattr("dinoscope.outputs._table._ROWS", 4)
    assert write_table(tmp_path / "parts.csv", columns).read_bytes() == whole
    with (tmp_path / "parts.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["size"]) for row in rows] == columns["size"].tolist()
    assert [row["class"] for row in rows] == list("abcde" * 5)


def test_columns_of_different_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="differ in length"):
        write_table(tmp_path / "t.csv", {"a": [1], "b": []})
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match=r"cannot write .*t\.csv"):
        write_table(tmp_path / "file" / "t.csv", {"a": [1]})


PARQUET: dict[str, Any] = {
    "label": np.array([1, 2**40], np.uint64),
    "size": np.array([1 / 3, np.nan]),
    "class": np.array(["a, b", "ä"]),
    "touches_border": np.array([True, False]),
    "note": [None, "x"],
}


@pytest.mark.parametrize("name", ["t.parquet", "T.PQ"])
def test_a_table_as_parquet_keeps_types_and_precision(tmp_path: Path, name: str) -> None:
    frame = pd.read_parquet(write_table(tmp_path / name, PARQUET))
    assert list(frame.columns) == list(PARQUET)
    assert [str(frame[name].dtype) for name in ("label", "size", "touches_border")] == ["uint64", "float64", "bool"]
    np.testing.assert_array_equal(frame["label"], PARQUET["label"])
    np.testing.assert_array_equal(frame["size"], PARQUET["size"])
    assert frame["class"].tolist() == ["a, b", "ä"]
    assert frame["note"].isna().tolist() == [True, False]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_parquet_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    columns: dict[str, Any] = {"label": np.zeros(0, np.uint32), "class": np.zeros(0, np.str_)}
    frame = pd.read_parquet(write_table(tmp_path / "t.parquet", columns))
    assert (list(frame.columns), len(frame)) == (["label", "class"], 0)


def test_half_a_parquet_table_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any, path: Path) -> None:
        path.write_bytes(b"PAR1")
        raise OSError(28, "No space left on device")

    path = write_table(tmp_path / "t.parquet", {"a": [1]})
    monkeypatch.setattr("pyarrow.parquet.write_table", fail)
    with pytest.raises(StoreError, match="No space left on device"):
        write_table(path, {"a": [2]})
    assert pd.read_parquet(path)["a"].tolist() == [1]
    assert list(tmp_path.iterdir()) == [path]


def test_without_pyarrow_parquet_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    for attempt in (lambda path: write_table(path, {"a": [1]}), check_table_name):
        with pytest.raises(MissingDependencyError, match=r"t\.parquet: .*pip install 'dinoscope\[parquet\]'"):
            attempt(tmp_path / "t.parquet")
        attempt(tmp_path / "t.csv")


def test_names_are_checked_before_work(tmp_path: Path) -> None:
    ensure_writable(tmp_path / "new.csv")
    (tmp_path / "old.csv").write_text("", encoding="utf-8")
    with pytest.raises(OutputExistsError, match="--force"):
        ensure_writable(tmp_path / "old.csv")
    ensure_writable(tmp_path / "old.csv", force=True)


def one_detection(y: float, x: float, diameter: float) -> Detections:
    return Detections("yx", np.array([[y, x]]), np.ones(1), ("b",), np.array([diameter]), "pixel", (1.0, 1.0))


def test_overlay_tints_labels_rings_detections_and_leaves_the_rest_grey(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (900, 1000)).astype(np.uint8)
    labels = np.zeros(grey.shape, np.uint8)
    labels[100:200, 100:300] = 1
    path = write_overlay(
        tmp_path / "o.png", grey, labels, one_detection(600, 700, 100), OverlayInfo(("a", "b"), pixel_size_nm=8.0)
    )
    with Picture.open(path) as picture:
        pixels = np.asarray(picture).astype(int)
    assert pixels.shape[1] == 1000
    assert pixels.shape[0] > 900  # the footer
    colourful = np.ptp(pixels[:900], axis=-1) > 40
    ys, xs = np.nonzero(colourful[:400])
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == pytest.approx((100, 199, 100, 299), abs=1)
    ys, xs = np.nonzero(colourful[400:])
    assert ((ys.min() + ys.max()) / 2 + 400, (xs.min() + xs.max()) / 2) == pytest.approx((600, 700), abs=1)
    assert np.ptp(xs) == pytest.approx(100, abs=6)
    assert (pixels[150, 100] == (230, 159, 0)).all()  # the rim is the class colour


class Plane(LazyArray):
    """A section that is read in blocks."""

    def __init__(self, values: np.ndarray) -> None:
        super().__init__(values.shape, values.dtype)
        self.values, self.largest = values, 0

    def _read(self, bounds: tuple[slice, ...]) -> np.ndarray:
        part = self.values[bounds]
        self.largest = max(self.largest, part.size)
        return part


@pytest.mark.parametrize("shape", [(70, 101), (64, 64), (7, 130)])
@pytest.mark.parametrize("step", [1, 4, 9])
def test_a_section_is_shrunk_block_by_block(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], step: int) -> None:
    monkeypatch.setattr("dinoscope.outputs._section._BLOCK", 20)
    rng = np.random.default_rng(0)
    grey, labels = Plane(rng.random(shape)), Plane(rng.integers(0, 4, shape).astype(np.uint8))
    found = shrink(grey, labels, step, 2)
    cells = [(y, x) for y in range(0, shape[0], step) for x in range(0, shape[1], step)]
    means = [grey.values[y : y + step, x : x + step].mean() for y, x in cells]
    np.testing.assert_allclose(found.grey.ravel(), means, rtol=1e-6)
    middles = [labels.values[min(y + step // 2, shape[0] - 1), min(x + step // 2, shape[1] - 1)] for y, x in cells]
    assert found.labels is not None
    assert found.labels.ravel().tolist() == middles
    assert found.shares == pytest.approx([(labels.values == 1).mean(), (labels.values == 2).mean()])
    assert labels.largest <= 20**2


def test_overlay_of_a_large_section_is_read_in_blocks_and_in_the_right_place(tmp_path: Path) -> None:
    labels = np.zeros((5000, 4000), np.uint8)
    labels[1000:2000, 400:1200] = 1
    grey, mask = Plane(np.full(labels.shape, 100, np.uint8)), Plane(labels)
    path = write_overlay(tmp_path / "o.png", grey, mask, None, OverlayInfo(("a",), pixel_size_nm=8.0))
    with Picture.open(path) as picture:
        pixels = np.asarray(picture).astype(int)[:1800]
    assert pixels.shape[1] == 1440
    ys, xs = np.nonzero(np.ptp(pixels, axis=-1) > 40)
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == pytest.approx((360, 719, 144, 431), abs=2)
    assert max(grey.largest, mask.largest) <= 2048**2


@pytest.mark.parametrize("grey", [np.zeros((20, 30)), np.full((20, 30), np.nan), np.zeros((2500, 3), np.uint16)])
def test_overlay_of_dull_images(tmp_path: Path, grey: np.ndarray) -> None:
    with Picture.open(write_overlay(tmp_path / "o.png", grey, None, None, OverlayInfo())) as picture:
        assert max(picture.size) in (900, 1800)


def test_overlay_needs_one_section(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="one section"):
        write_overlay(tmp_path / "o.png", np.zeros((2, 3, 4)), None, None, OverlayInfo())
