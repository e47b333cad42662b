from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dinoscope.errors import ImageReadError, MissingDependencyError, SettingsError
from dinoscope.geometry import Axis
from dinoscope.image import Image
from dinoscope.outputs import Detections, read_detections_csv, write_coco, write_csv, write_geojson

if TYPE_CHECKING:
    from pathlib import Path

STACK = Detections(
    axis_names="zyx",
    centres=np.array([[2.0, 10.0, 20.5], [0.4, 3.0, 4.0]]),
    scores=np.array([0.9, 0.5]),
    class_names=("vesicle", "mitochondrion"),
    diameters=np.array([80.0, 40.0]),
    unit="nm",
    scale=(40.0, 8.0, 4.0),
)
FLAT = Detections("yx", np.array([[1.5, 2.0]]), np.array([0.25]), ("a, b",), np.array([7.0]), "pixel", (1.0, 1.0))


def make_image(shape: tuple[int, ...]) -> Image:
    axes = tuple(Axis(name, size) for name, size in zip("zyx"[-len(shape) :], shape, strict=True))
    return Image("stack", "memory", axes, np.zeros(shape, np.uint8))


def test_csv_has_the_columns_napari_expects_and_the_place_in_nm(tmp_path: Path) -> None:
    rows = list(csv.DictReader(write_csv(tmp_path / "d.csv", STACK).read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == [
        *("index", "axis-0", "axis-1", "axis-2", "class", "score", "diameter_nm"),
        *("z_nm", "y_nm", "x_nm"),
    ]
    assert rows[0]["class"] == "vesicle"
    assert [float(rows[0][f"{name}_nm"]) for name in "zyx"] == [80.0, 80.0, 82.0]


def test_csv_without_pixel_size_gives_pixels_alone(tmp_path: Path) -> None:
    header = write_csv(tmp_path / "d.csv", FLAT).read_text(encoding="utf-8").splitlines()[0]
    assert header == "index,axis-0,axis-1,class,score,diameter_px"


TRACED = replace(STACK, more={"example": np.array([3, 0])})


def test_further_columns_come_last_and_are_properties_of_points(tmp_path: Path) -> None:
    rows = list(csv.DictReader(write_csv(tmp_path / "d.csv", TRACED).read_text(encoding="utf-8").splitlines()))
    assert list(rows[0])[-1] == "example"
    assert [row["example"] for row in rows] == ["3", "0"]
    points = json.loads(write_geojson(tmp_path / "d.geojson", TRACED).read_text(encoding="utf-8"))["features"]
    assert [point["properties"]["example"] for point in points] == [3, 0]
    assert "example" not in write_geojson(tmp_path / "d.geojson", STACK).read_text(encoding="utf-8")
    np.testing.assert_array_equal(read_detections_csv(tmp_path / "d.csv").centres, STACK.centres)


def test_a_further_column_of_another_length_is_refused() -> None:
    with pytest.raises(SettingsError, match="example"):
        replace(STACK, more={"example": np.arange(3)})


def test_centres_are_positions_in_a_volume() -> None:
    assert STACK.positions == [(2.0, 10.0, 20.5), (0.4, 3.0, 4.0)]
    assert FLAT.positions == [(0.0, 1.5, 2.0)]


@pytest.mark.parametrize("table", [STACK, FLAT, TRACED])
def test_data_frames_have_the_columns_of_the_csv(tmp_path: Path, table: Detections) -> None:
    frame = table.to_pandas()
    assert frame.index.tolist() == list(range(len(table)))
    assert frame["class"].tolist() == list(table.class_names)
    assert frame.to_csv(lineterminator="\n") == write_csv(tmp_path / "d.csv", table).read_text(encoding="utf-8")


def test_without_pandas_a_data_frame_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'dinoscope\[jupyter\]'"):
        STACK.to_pandas()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(1, 5),
    scale=st.floats(0.5, 200),
    unit=st.sampled_from(["nm", "pixel"]),
    names=st.sampled_from(["yx", "zyx"]),
    seed=st.integers(0, 99),
)
def test_csv_comes_back_as_it_was(tmp_path: Path, count: int, scale: float, unit: Any, names: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scales = (round(scale, 3) if unit == "nm" else 1.0,) * len(names)
    centres = rng.uniform(1, 1e5, (count, len(names)))
    table = Detections(names, centres, rng.random(count), ("x",) * count, rng.random(count) * 90, unit, scales)
    read = read_detections_csv(write_csv(tmp_path / "d.csv", table))
    np.testing.assert_array_equal(read.centres, table.centres)
    np.testing.assert_array_equal(read.scores, table.scores)
    np.testing.assert_array_equal(read.diameters, table.diameters)
    assert (read.axis_names, read.class_names, read.unit) == (names, table.class_names, unit)
    assert read.scale == pytest.approx(scales, rel=1e-9)


def test_no_detections_make_a_header_only(tmp_path: Path) -> None:
    empty = Detections("yx", np.zeros((0, 2)), np.zeros(0), (), np.zeros(0), "nm", (4.0, 4.0))
    read = read_detections_csv(write_csv(tmp_path / "d.csv", empty))
    assert len(read) == 0
    assert read.unit == "nm"
    assert json.loads(write_geojson(tmp_path / "d.geojson", empty).read_text(encoding="utf-8"))["features"] == []


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", "index,axis-0,axis-1,class,score,diameter_px\n0,one,2,c,1,1\n"])
def test_a_file_that_is_no_table_of_detections_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ImageReadError, match=r"d\.csv is no table of detections"):
        read_detections_csv(path)
    with pytest.raises(ImageReadError, match="cannot read"):
        read_detections_csv(tmp_path / "absent.csv")


def test_geojson_points_are_x_then_y(tmp_path: Path) -> None:
    content = json.loads(write_geojson(tmp_path / "d.geojson", STACK).read_text(encoding="utf-8"))
    assert content["type"] == "FeatureCollection"
    first = content["features"][0]
    assert first["geometry"] == {"type": "Point", "coordinates": [20.5, 10.0]}
    assert first["properties"] == {"class": "vesicle", "score": 0.9, "z": 2, "diameter": 80.0, "unit": "nm"}


def test_coco_boxes_count_from_the_corner_of_each_section(tmp_path: Path) -> None:
    content = json.loads(write_coco(tmp_path / "d.json", STACK, make_image((3, 50, 60))).read_text(encoding="utf-8"))
    assert [entry["file_name"] for entry in content["images"]] == ["stack_z0000", "stack_z0001", "stack_z0002"]
    assert content["categories"] == [{"id": 1, "name": "mitochondrion"}, {"id": 2, "name": "vesicle"}]
    vesicle, mitochondrion = content["annotations"]
    # 80 nm are 10 px of 8 nm in y and 20 px of 4 nm in x; the centre of voxel 10 lies 10.5 px from the corner
    assert vesicle["bbox"] == [11.0, 5.5, 20.0, 10.0]
    assert (vesicle["image_id"], vesicle["category_id"], vesicle["area"], vesicle["iscrowd"]) == (3, 2, 200.0, 0)
    assert (mitochondrion["image_id"], mitochondrion["id"]) == (1, 2)


def test_coco_of_one_section(tmp_path: Path) -> None:
    content = json.loads(write_coco(tmp_path / "d.json", FLAT, make_image((50, 60))).read_text(encoding="utf-8"))
    assert content["images"] == [{"id": 1, "file_name": "stack", "width": 60, "height": 50}]


@pytest.mark.parametrize(
    ("axes", "centres", "scores"),
    [
        ("xy", np.zeros((1, 2)), np.zeros(1)),
        ("zyx", np.zeros((1, 2)), np.zeros(1)),
        ("yx", np.zeros((1, 2)), np.zeros(2)),
    ],
)
def test_columns_that_do_not_fit_are_refused(axes: str, centres: Any, scores: Any) -> None:
    with pytest.raises(SettingsError):
        Detections(axes, centres, scores, ("a",), np.zeros(1), "nm", (1.0,) * len(axes))
