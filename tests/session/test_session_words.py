from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.batch import Row
from dinoscope.features import ImageFacts
from dinoscope.prompts import PointPrompt
from dinoscope.reference import Reference
from dinoscope.segmentation import Segmentation, segment
from dinoscope.session import Brush, Cost, describe_batch, describe_examples, describe_objects
from dinoscope.settings import SegmentationSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.testing import FakeEncoder
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from dinoscope.encoders import EncoderSpec


def point(class_name: str, positive: bool = True) -> PointPrompt:
    return PointPrompt((0, 1.0, 1.0), class_name, positive)


def reference(spec: EncoderSpec) -> Reference:
    nothing = np.zeros((0, spec.channels), np.float32)
    return Reference(("cell",), nothing, np.zeros(0, np.int64), np.zeros(0, bool), (), spec, 5.0, ())


def found(*counts: int) -> Segmentation:
    """Objects of one voxel each, as many of every class as the counts say."""
    values = np.zeros((len(counts), 1, len(counts) * 2, 4000), np.float32)
    for k, count in enumerate(counts):
        values[k, 0, 2 * k, : 2 * count : 2] = 1
    voxels = (1, len(counts) * 2, 4000)
    similarity = SimilarityMap(
        ("cell", "vesicle")[: len(counts)], values, PatchGrid(voxels, 1), np.ones(len(counts), np.float32)
    )
    facts = ImageFacts("i", "array:i", "yx", voxels, (5.0,) * 3, ("nm",) * 3, "digest")
    return segment(similarity, facts, SegmentationSettings(threshold=0.5))


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ([], ""),
        ([None], "1 image is done"),
        ([None] * 1200, "1,200 images are done"),
        ([None, "no axes", None], "3 images are done, 1 of them failed"),
    ],
)
def test_a_batch_is_summed_up(errors: list[str | None], words: str) -> None:
    assert describe_batch([Row("i", "failed" if error else "done", 1.0, error=error) for error in errors]) == words


def test_without_examples_the_words_say_what_to_do() -> None:
    assert describe_examples([]) == "Click on one object to find all that are alike."


def test_examples_are_counted_by_class_and_sign_in_order_of_appearance() -> None:
    prompts = [point("cell"), point("vesicle", False), point("cell"), point("cell", False), point("vesicle", False)]
    assert describe_examples(prompts) == "cell: 2 examples, 1 counter-example\nvesicle: 2 counter-examples"


def test_loaded_references_are_told_besides_the_examples() -> None:
    loaded = reference(FakeEncoder().spec)
    assert describe_examples([], [loaded]) == "and 1 loaded reference"
    assert describe_examples([point("cell")], [loaded, loaded]) == "cell: 1 example\nand 2 loaded references"


def test_objects_are_counted_by_class_and_a_class_without_any_is_told() -> None:
    assert describe_objects(found(3, 0)) == "cell: 3 found, vesicle: 0 found"
    assert describe_objects(found(1200)) == "cell: 1,200 found"


@pytest.mark.parametrize(
    ("pending", "words"),
    [
        (1432, "1,432 tiles, about 3 min, 58 MB on disk"),
        (432, "1,432 tiles, 1,000 computed, about 3 min, 58 MB on disk"),
        (0, "1,432 tiles, all computed"),
    ],
)
def test_a_price_tells_what_is_left(pending: int, words: str) -> None:
    assert str(Cost(1432, pending, 180.0, 58_000_000)) == words


@pytest.mark.parametrize(
    ("size", "words"), [(7, "7 B"), (1500, "1.5 kB"), (58.4e6, "58.4 MB"), (999_700, "1 MB"), (2e9, "2 GB")]
)
def test_a_price_tells_its_size_in_the_fitting_unit(size: float, words: str) -> None:
    price = Cost(1, 1, 180.0, 0)
    assert str(replace(price, cache_bytes=int(size))) == f"1 tile, about 3 min, {words} on disk"


def test_a_brush_begins_with_examples_of_one_class() -> None:
    brush = Brush()
    assert (brush.classes, brush.class_name, brush.positive) == (("object",), "object", True)


def test_the_first_class_with_a_name_takes_the_place_of_the_one_that_stands_for_all() -> None:
    brush = Brush()
    brush.learn(())  # no examples: nothing is learnt
    brush.choose("cell")
    assert (brush.classes, brush.class_name) == (("cell",), "cell")


def test_a_class_that_has_examples_keeps_its_place() -> None:
    brush = Brush()
    brush.learn(("object",))
    brush.choose("cell")
    assert (brush.classes, brush.class_name) == (("object", "cell"), "cell")


def test_a_chosen_class_is_learnt_once() -> None:
    brush = Brush()
    brush.choose(" cell ")
    brush.choose("vesicle")
    brush.choose("cell")
    assert (brush.classes, brush.class_name) == (("cell", "vesicle"), "cell")


@pytest.mark.parametrize("name", ["", "   "])
def test_an_empty_name_changes_nothing(name: str) -> None:
    brush = Brush()
    brush.choose(name)
    assert (brush.classes, brush.class_name) == (("object",), "object")


def test_learning_adds_classes_and_keeps_the_chosen_one() -> None:
    brush = Brush()
    brush.learn(("cell", "object", "vesicle", "cell"))
    assert (brush.classes, brush.class_name) == (("object", "cell", "vesicle"), "object")
    assert [brush.index(name) for name in ("object", "vesicle", "unknown")] == [0, 2, 3]


@pytest.mark.parametrize(("number", "name"), [(1, "object"), (2, "cell"), (0, "object"), (3, "object"), (-1, "object")])
def test_a_number_chooses_the_class_in_its_place_if_there_is_one(number: int, name: str) -> None:
    brush = Brush(classes=("object", "cell"))
    brush.choose_number(number)
    assert brush.class_name == name


def test_toggling_turns_examples_into_counter_examples_and_back() -> None:
    brush = Brush()
    told: list[bool] = []
    brush.events.positive.connect(told.append)
    brush.toggle()
    brush.toggle()
    assert told == [False, True]
