from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.prompts import BoxPrompt, MaskPrompt, PointPrompt, PolygonPrompt, StrokePrompt, describe_prompt
from dinoscope.reference import Example, list_examples
from tests.reference.test_reference_subset import SIGNS, reference

if TYPE_CHECKING:
    from dinoscope.prompts import Prompt


def test_examples_are_listed_in_order_with_class_and_sign() -> None:
    found = list_examples(reference())
    assert [example.number for example in found] == [0, 1, 2, 3]
    assert [example.class_name for example in found] == ["a", "a", "a", "b"]
    assert [example.positive for example in found] == SIGNS.tolist()


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        (PointPrompt((3, 48.0, 50.5)), "point at z 3, y 48, x 50.5"),
        (BoxPrompt(2, (10, 20), (14, 30)), "box at z 2, y 12, x 25"),
        (PolygonPrompt(1, ((0, 0), (0, 8), (4, 2))), "polygon at z 1, y 2, x 4"),
        (StrokePrompt(0, ((5, 5), (5, 9)), 3.0), "stroke at z 0, y 5, x 7"),
        (MaskPrompt(4, (10, 20), np.ones((3, 5), bool)), "mask at z 4, y 11, x 22"),
    ],
)
def test_the_place_is_the_middle_of_any_prompt(prompt: Prompt, place: str) -> None:
    example = Example(0, "a", True, {"image": "/data/stack.tif", **describe_prompt(prompt)})
    assert example.place == place
    assert (example.image, example.image_name) == ("/data/stack.tif", "stack.tif")
    assert example.facts["kind"] == place.split()[0]


def test_a_record_that_says_little_is_listed_too() -> None:
    (first, *_) = list_examples(replace(reference(), provenance=({},) * 4))
    assert (first.image, first.place) == ("unknown", "example")
