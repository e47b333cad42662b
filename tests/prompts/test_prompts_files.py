from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dinoscope.errors import PromptError
from dinoscope.prompts import (
    BoxPrompt,
    MaskPrompt,
    PointPrompt,
    PolygonPrompt,
    Prompt,
    StrokePrompt,
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
        ("p.json", '{"geometry": {"type": "Hexagon", "coordinates": []}}', "expected Point, LineString or Polygon"),
        ("p.json", '{"geometry": {"type": "Polygon", "coordinates": [[[0, 0]]]}}', "1 corners"),
        ("p.json", '{"geometry": {"type": "LineString", "coordinates": [[1, 2]]}}', "a line of 1 corners"),
        (
            "p.json",
            '{"geometry": {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}, "properties": {"width": 0}}',
            "and a width",
        ),
        (
            "p.json",
            '{"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [4, 1], [4, 5], [0, 4]]]}, '
            '"properties": {"kind": "box"}}',
            "whose sides run along the axes",
        ),
        (
            "p.json",
            '{"geometry": {"type": "MultiPolygon", "coordinates": [[[[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]]]}}',
            "cover no voxel centre",
        ),
        ("p.csv", "index,shape-type,vertex-index,axis-0,axis-1\n0,polygon,0,1,2\n", "a polygon of 1 corners"),
        ("p.csv", "index,shape-type,vertex-index,axis-0,axis-1,width\n0,path,0,1,2,thick\n", "width is not a number"),
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


SECTIONS = st.integers(0, 10**6)
VOXELS = st.floats(-1e6, 1e6, allow_subnormal=False)
CORNERS = st.tuples(VOXELS, VOXELS)
MEANINGS = st.tuples(st.sampled_from(["object", "er", "Golgi é"]), st.booleans())


def _box(section: int, one: tuple[float, float], other: tuple[float, float], meaning: tuple[str, bool]) -> BoxPrompt:
    (top, bottom), (left, right) = (sorted(pair) for pair in zip(one, other, strict=True))
    return BoxPrompt(section, (top, left), (bottom, right), *meaning)


def _lines(least: int) -> st.SearchStrategy[tuple[tuple[float, float], ...]]:
    return st.lists(CORNERS, min_size=least, max_size=6, unique=True).map(tuple)


SIMPLE: st.SearchStrategy[Prompt] = st.one_of(
    st.builds(lambda p, m: PointPrompt(p, *m), st.tuples(VOXELS, VOXELS, VOXELS), MEANINGS),
    st.builds(_box, SECTIONS, CORNERS, CORNERS, MEANINGS),
    st.builds(lambda z, v, m: PolygonPrompt(z, v, *m), SECTIONS, _lines(3), MEANINGS),
    st.builds(lambda z, v, w, m: StrokePrompt(z, v, w, *m), SECTIONS, _lines(1), st.floats(1e-3, 1e3), MEANINGS),
)


@given(prompts=st.lists(SIMPLE, max_size=5))
def test_every_kind_comes_back_from_geojson(tmp_path_factory: pytest.TempPathFactory, prompts: list[Prompt]) -> None:
    path = tmp_path_factory.mktemp("p") / "p.geojson"
    write_prompts(prompts, path)
    assert read_prompts(path) == prompts


def _voxels(prompt: Prompt) -> set[tuple[int, ...]]:
    assert isinstance(prompt, MaskPrompt)
    return {tuple(place) for place in (np.argwhere(prompt.mask) + prompt.origin).tolist()}


@given(
    mask=arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))).filter(np.any),
    origin=st.tuples(st.integers(-5, 500), st.integers(-5, 500)),
    positive=st.booleans(),
)
def test_masks_come_back_from_geojson_voxel_by_voxel(
    tmp_path_factory: pytest.TempPathFactory, mask: np.ndarray, origin: tuple[int, int], positive: bool
) -> None:
    path = tmp_path_factory.mktemp("p") / "p.geojson"
    given_one = MaskPrompt(7, origin, mask, "er", positive)
    write_prompts([given_one], path)
    (back,) = read_prompts(path)
    assert _voxels(back) == _voxels(given_one)
    assert isinstance(back, MaskPrompt)
    assert (back.class_name, back.positive, back.section) == ("er", positive, 7)


def test_a_mask_is_an_ordinary_polygon_with_its_holes_to_other_programs(tmp_path: Path) -> None:
    ring = np.ones((5, 5), bool)
    ring[2, 2] = False
    write_prompts([MaskPrompt(0, (10, 20), ring)], tmp_path / "p.geojson")
    (feature,) = json.loads((tmp_path / "p.geojson").read_text())["features"]
    assert feature["geometry"]["type"] == "MultiPolygon"
    ((rim, hole),) = (np.array(part, dtype=object) for part in feature["geometry"]["coordinates"])
    for line, low, high in ((rim, (19.5, 9.5), (24.5, 14.5)), (hole, (21.5, 11.5), (22.5, 12.5))):
        corners = np.array(line, float)
        np.testing.assert_array_equal([corners.min(axis=0), corners.max(axis=0)], [low, high])
        np.testing.assert_array_equal(corners[0], corners[-1])


def test_several_in_one_feature_are_several_prompts_but_for_polygons(tmp_path: Path) -> None:
    square = [[-0.5, -0.5], [4.5, -0.5], [4.5, 4.5], [-0.5, 4.5], [-0.5, -0.5]]
    hole = [[0.5, 0.5], [3.5, 0.5], [3.5, 2.5], [0.5, 2.5], [0.5, 0.5]]
    geometries = [
        {"type": "MultiPoint", "coordinates": [[30, 12.5], [1, 2]]},
        {"type": "MultiLineString", "coordinates": [[[0, 0], [5, 0]], [[1, 1], [1, 8], [2, 8]]]},
        {"type": "Polygon", "coordinates": [square, hole]},
    ]
    features = [{"type": "Feature", "geometry": g, "properties": {"z": 2, "class": "er"}} for g in geometries]
    (tmp_path / "p.json").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    *lines, holed = read_prompts(tmp_path / "p.json")
    assert lines == [
        PointPrompt((2, 12.5, 30), "er"),
        PointPrompt((2, 2, 1), "er"),
        StrokePrompt(2, ((0, 0), (0, 5)), 1, "er"),
        StrokePrompt(2, ((1, 1), (8, 1), (8, 2)), 1, "er"),
    ]
    inside = {(y, x) for y in range(5) for x in range(5) if not (1 <= y <= 2 and 1 <= x <= 3)}
    assert _voxels(holed) == inside


def test_a_csv_of_shapes_from_napari_is_read(tmp_path: Path) -> None:
    rows = [
        "index,shape-type,vertex-index,axis-0,axis-1,axis-2",
        *(f"0,rectangle,{i},3,{y},{x}" for i, (y, x) in enumerate([(2, 1), (2, 9), (6, 9), (6, 1)])),
        *(f"1,path,{i},3,{y},{x}" for i, (y, x) in enumerate([(5, 5), (8, 5), (8, 7)])),
        *(f"2,polygon,{i},4,{y},{x}" for i, (y, x) in enumerate([(0, 0), (5, 0), (0, 5)])),
    ]
    (tmp_path / "shapes.csv").write_text("\n".join(rows))
    assert read_prompts(tmp_path / "shapes.csv") == [
        BoxPrompt(3, (2, 1), (6, 9)),
        StrokePrompt(3, ((5, 5), (8, 5), (8, 7)), 1.0),
        PolygonPrompt(4, ((0, 0), (5, 0), (0, 5))),
    ]


def test_a_csv_holds_points_only(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"found a BoxPrompt; write \.geojson"):
        write_prompts([PointPrompt((0, 1, 1)), BoxPrompt(0, (1, 1), (2, 2))], tmp_path / "p.csv")
    assert not (tmp_path / "p.csv").exists()
    with pytest.raises(PromptError, match=r"kind '\.txt' are unknown"):
        write_prompts([], tmp_path / "p.txt")
