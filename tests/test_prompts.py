from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.errors import PromptError
from dinoscope.prompts import (
    MaskPrompt,
    PointPrompt,
    PolygonPrompt,
    Prompt,
    check_prompts,
    class_names,
    describe_prompt,
    prompts_from_labels,
    read_prompts,
    write_prompts,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_csv_from_napari_is_read(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("index,axis-0,axis-1\n0.0,12.5,30\n1.0,7,8.25\n")
    assert read_prompts(path) == [PointPrompt((0.0, 12.5, 30.0)), PointPrompt((0.0, 7.0, 8.25))]


def test_classes_signs_and_sections_come_from_columns(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text(
        "index,axis-0,axis-1,axis-2,class,positive\n0,4,1,2,vesicle,true\n1,4,3,3,vesicle,False\n2,0,1,1,,\n"
    )
    assert read_prompts(path) == [
        PointPrompt((4.0, 1.0, 2.0), "vesicle", True),
        PointPrompt((4.0, 3.0, 3.0), "vesicle", False),
        PointPrompt((0.0, 1.0, 1.0), "object", True),
    ]


def test_written_points_come_back(tmp_path: Path) -> None:
    points = [PointPrompt((1.0, 2.5, 3.0), "a", True), PointPrompt((0.0, 0.0, 9.0), "b", False)]
    write_prompts(points, tmp_path / "p.csv")
    assert read_prompts(tmp_path / "p.csv") == points


def test_geojson_points_and_polygons(tmp_path: Path) -> None:
    square = [[1, 2], [5, 2], [5, 9], [1, 9], [1, 2]]
    features = [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [30, 12.5]}, "properties": {"z": 3}},
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [square]},
            "properties": {"class": "er", "positive": False},
        },
    ]
    path = tmp_path / "p.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    point, polygon = read_prompts(path)
    assert point == PointPrompt((3.0, 12.5, 30.0))
    assert isinstance(polygon, PolygonPrompt)
    assert polygon.bounds == ((0.0, 2.0, 1.0), (0.0, 9.0, 5.0))
    assert (polygon.class_name, polygon.positive) == ("er", False)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.csv", "y,x\n1,2\n", "found the columns y, x"),
        ("p.csv", "index,axis-0,axis-1\n0,one,2\n", "line 2: a coordinate is not a number"),
        ("p.csv", "index,axis-0,axis-1\n0,1,nan\n", "finite coordinates"),
        ("p.csv", "index,axis-0,axis-1,positive\n0,1,2,maybe\n", "expected true or false"),
        ("p.json", "{", "not in the expected form"),
        ("p.json", '{"geometry": {"type": "LineString", "coordinates": []}}', "expected Point or Polygon"),
        ("p.json", '{"geometry": {"type": "Polygon", "coordinates": [[[0, 0]]]}}', "1 corners"),
        ("p.txt", "", "of kind '.txt' are unknown"),
    ],
)
def test_bad_files_get_a_sentence(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(PromptError, match=words):
        read_prompts(tmp_path / name)


def test_a_missing_file_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="cannot be read"):
        read_prompts(tmp_path / "none.csv")


def test_a_label_image_gives_one_prompt_per_object() -> None:
    labels = np.zeros((10, 12), np.uint8)
    labels[1:3, 2:5] = 1
    labels[6:9, 2:4] = 1
    labels[6:9, 8:12] = 7
    prompts = prompts_from_labels([(4, labels)])
    assert all(p.section == 4 and p.positive for p in prompts)
    assert [(p.class_name, p.origin, p.mask.shape) for p in prompts] == [
        ("1", (1, 2), (2, 3)),
        ("1", (6, 2), (3, 2)),
        ("7", (6, 8), (3, 4)),
    ]
    assert class_names(prompts) == ("1", "7")


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ([], "at least one positive"),
        ([PointPrompt((0, 5, 20))], r"prompt 0 at \(z, y, x\) = \(0, 5, 20\) lies outside"),
        ([PointPrompt((0, 5, 5)), PointPrompt((1, 5, 5))], "prompt 1"),
        ([PointPrompt((0, -0.6, 5))], "lies outside"),
        ([PointPrompt((0, 5, 5), "a", False)], "class 'a' has counter-examples only"),
    ],
)
def test_impossible_prompts_get_a_sentence(prompts: list[PointPrompt], words: str) -> None:
    with pytest.raises(PromptError, match=words):
        check_prompts(prompts, (1, 10, 20))


def test_prompts_on_the_rim_are_inside() -> None:
    check_prompts([PointPrompt((0, -0.5, 19.4))], (1, 10, 20))


def test_descriptions_are_json() -> None:
    mask = MaskPrompt(2, (1, 1), np.ones((2, 2), bool))
    kinds: list[Prompt] = [PointPrompt((0, 1, 2)), PolygonPrompt(0, ((0, 0), (0, 4), (4, 4))), mask]
    records = [json.loads(json.dumps(describe_prompt(p))) for p in kinds]
    assert [r["kind"] for r in records] == ["point", "polygon", "mask"]
    assert records[2]["area"] == 4
