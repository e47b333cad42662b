from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.errors import PromptError
from dinoscope.prompts import (
    BoxPrompt,
    MaskPrompt,
    PointPrompt,
    PolygonPrompt,
    Prompt,
    StrokePrompt,
    as_mask,
    check_prompts,
    class_names,
    describe_prompt,
    prompt_of_shape,
    prompts_from_labels,
    shape_of_prompt,
)

if TYPE_CHECKING:
    from collections.abc import Callable


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
        ([BoxPrompt(0, (5, 5), (5, 20))], "prompt 0"),
        ([StrokePrompt(0, ((5, 5), (11, 5)))], "prompt 0"),
        ([StrokePrompt(1, ((5, 5),))], "prompt 0"),
        ([PointPrompt((0, 5, 5), "a", False)], "class 'a' has counter-examples only"),
    ],
)
def test_impossible_prompts_get_a_sentence(prompts: list[Prompt], words: str) -> None:
    with pytest.raises(PromptError, match=words):
        check_prompts(prompts, (1, 10, 20))


def test_prompts_on_the_rim_are_inside() -> None:
    check_prompts([PointPrompt((0, -0.5, 19.4))], (1, 10, 20))


def test_descriptions_are_json() -> None:
    mask = MaskPrompt(2, (1, 1), np.ones((2, 2), bool))
    outline = PolygonPrompt(0, ((0, 0), (0, 4), (4, 4)))
    kinds: list[Prompt] = [
        PointPrompt((0, 1, 2)),
        BoxPrompt(3, (1, 2), (5, 7)),
        outline,
        StrokePrompt(0, ((0, 0),), 4),
        mask,
    ]
    records = [json.loads(json.dumps(describe_prompt(p))) for p in kinds]
    assert [r["kind"] for r in records] == ["point", "box", "polygon", "stroke", "mask"]
    assert (records[1]["section"], records[1]["low"], records[1]["high"]) == (3, [1, 2], [5, 7])
    assert records[3]["width"] == 4
    assert records[4]["area"] == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: BoxPrompt(0, (5, 5), (4, 9)),
        lambda: BoxPrompt(0, (5, math.nan), (6, 9)),
        lambda: StrokePrompt(0, ()),
        lambda: StrokePrompt(0, ((1, 1),), 0.0),
    ],
)
def test_what_is_no_region_is_refused(make: Callable[[], Prompt]) -> None:
    with pytest.raises(PromptError, match="expected"):
        make()


def voxels(prompt: MaskPrompt) -> set[tuple[int, ...]]:
    return {tuple(place) for place in (np.argwhere(prompt.mask) + prompt.origin).tolist()}


PLACES = st.floats(-3, 12)
LINES = st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=5)
FIELD = [(y, x) for y in range(-20, 30) for x in range(-20, 30)]


def distance_to_line(place: tuple[int, int], line: list[tuple[float, float]]) -> float:
    """The shortest way from a place to a line, by calculus on complex numbers."""
    at = complex(*place)
    ends = [complex(*corner) for corner in line]
    nearest = [abs(at - end) for end in ends]
    for a, b in pairwise(ends):
        if abs(b - a) > 1e-9:
            foot = ((at - a) / (b - a)).real
            nearest += [abs(at - (a + foot * (b - a)))] if 0 < foot < 1 else []
    return min(nearest)


@given(line=LINES, width=st.floats(0.01, 8))
def test_a_stroke_covers_what_is_near_its_line(line: list[tuple[float, float]], width: float) -> None:
    covered = voxels(as_mask(StrokePrompt(0, tuple(line), width)))
    assert {(math.floor(y + 0.5), math.floor(x + 0.5)) for y, x in line} <= covered
    for place in FIELD:
        away = distance_to_line(place, line) - width / 2
        if away < -1e-6:
            assert place in covered
        elif away > 1.0:  # further than a voxel under a corner can be
            assert place not in covered


@given(ends=st.tuples(PLACES, PLACES, PLACES, PLACES))
def test_a_box_covers_the_voxels_between_its_corners(ends: tuple[float, ...]) -> None:
    (top, bottom), (left, right) = sorted(ends[:2]), sorted(ends[2:])
    expected = {(y, x) for y, x in FIELD if top <= y <= bottom and left <= x <= right}
    box = BoxPrompt(0, (top, left), (bottom, right))
    if expected:
        assert voxels(as_mask(box)) == expected
        return
    with pytest.raises(PromptError, match="covers no voxel"):
        as_mask(box)


def test_a_triangle_covers_its_half_of_a_square() -> None:
    covered = voxels(as_mask(PolygonPrompt(0, ((-0.4, -0.2), (9.6, -0.2), (9.6, 9.8)))))
    assert covered == {(y, x) for y in range(10) for x in range(10) if x - y <= 0.2}


SHAPES = st.sampled_from(["rectangle", "path", "polygon"])


@given(kind=SHAPES, ends=st.tuples(PLACES, PLACES, PLACES, PLACES), section=st.integers(0, 9), turn=st.integers(0, 3))
def test_shapes_of_prompts_are_read_as_these_prompts(
    kind: str, ends: tuple[float, ...], section: int, turn: int
) -> None:
    (top, bottom), (left, right) = sorted(ends[:2]), sorted(ends[2:])
    corners = [(top, left), (top, right), (bottom, right), (bottom, left)]
    around = np.array([(section, *corner) for corner in (*corners[turn:], *corners[:turn])])
    prompt = prompt_of_shape(around, kind, 3.0, "er", False)
    assert prompt is not None
    assert {"rectangle": BoxPrompt, "path": StrokePrompt, "polygon": PolygonPrompt}[kind] is type(prompt)
    again, places = shape_of_prompt(prompt)
    assert again == kind
    assert prompt_of_shape(np.array(places), again, 3.0, "er", False) == prompt


@given(angle=st.floats(0.01, math.pi / 2 - 0.01))
def test_a_turned_rectangle_is_a_polygon(angle: float) -> None:
    turned = np.array([(0, 0), (0, 8), (5, 8), (5, 0)]) @ np.array(
        [(math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))]
    )
    assert isinstance(prompt_of_shape(turned, "rectangle", 1.0, "er", True), PolygonPrompt)


def test_a_bow_tie_is_no_box() -> None:
    crossed = np.array([(0.0, 0.0), (5.0, 5.0), (0.0, 5.0), (5.0, 0.0)])
    assert isinstance(prompt_of_shape(crossed, "rectangle", 1.0, "er", True), PolygonPrompt)
