from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.geometry import Region
from dinoscope.prompts import BoxPrompt, StrokePrompt
from dinoscope.segmentation import similarity_at
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    View = Any


def test_a_click_shows_everything_alike(view: View) -> None:
    view.click(48, 48)
    view.settle()
    assert view.examples() == [(48, 48, True)]
    similarity, mask = view.similarity(), view.mask()
    stride = FakeEncoder().spec.stride
    assert similarity[48 // stride, 48 // stride] > 0.8
    assert similarity[112 // stride, 144 // stride] > 0.8
    assert similarity[80 // stride, 80 // stride] < 0.1
    assert mask.shape == (160, 200)
    assert mask[48, 48] == mask[112, 144] == 1
    assert mask[80, 80] == 0


def test_a_box_around_one_finds_the_other(view: View) -> None:
    view.box((24, 26), (70, 69))
    view.settle()
    (prompt,) = view.session.prompts
    assert isinstance(prompt, BoxPrompt)
    (_, *low), (_, *high) = prompt.bounds
    np.testing.assert_allclose([low, high], [(24, 26), (70, 69)], atol=0.5)
    mask = view.mask()
    assert mask[48, 48] == mask[112, 144] == 1
    assert mask[27, 48] == mask[80, 80] == 0  # in the box, but not of the object
    view.undo()
    assert view.session.prompts == ()


def test_a_stroke_over_one_finds_the_other(view: View) -> None:
    view.stroke([(38, 38), (50, 44), (56, 58)], 6.0)
    view.settle()
    assert view.session.prompts == (StrokePrompt(0, ((38, 38), (50, 44), (56, 58)), 6.0),)
    mask = view.mask()
    assert mask[48, 48] == mask[112, 144] == 1
    assert mask[80, 80] == 0


def test_a_counter_example_changes_the_map(view: View) -> None:
    view.click(48, 48)
    view.settle()
    before = view.similarity()
    view.click(112, 144, positive=False)
    view.settle()
    assert view.examples() == [(48, 48, True), (112, 144, False)]
    assert not np.allclose(before, view.similarity())
    there = 112 // FakeEncoder().spec.stride, 144 // FakeEncoder().spec.stride
    assert view.similarity()[there] < before[there]


def test_undo_brings_the_map_before_back(view: View) -> None:
    view.click(48, 48)
    view.settle()
    before = view.similarity()
    view.click(112, 144, positive=False)
    view.settle()
    view.undo()
    view.settle()
    assert view.examples() == [(48, 48, True)]
    np.testing.assert_array_equal(view.similarity(), before)


def test_without_examples_nothing_is_shown(view: View) -> None:
    view.settle()
    assert view.similarity() is None
    view.click(48, 48)
    view.settle()
    assert view.similarity() is not None
    view.undo()
    view.settle()
    assert view.examples() == []
    assert view.similarity() is None
    assert view.mask() is None


def test_the_threshold_cuts_what_is_shown(view: View) -> None:
    view.click(48, 48)
    view.settle()
    view.set_threshold(0.2)
    view.settle()
    wide = int((view.mask() > 0).sum())
    view.set_threshold(0.8)
    view.settle()
    narrow = int((view.mask() > 0).sum())
    assert 0 < narrow < wide
    assert view.session.settings.segmentation.threshold == 0.8


def test_the_image_refines_what_is_shown_unless_that_is_off(view: View) -> None:
    view.click(48, 48)
    view.settle()
    view.set_threshold(0.6)
    view.settle()
    refined = view.mask() > 0
    view.set_refine("none")
    view.settle()
    plain = view.mask() > 0
    similarity = view.session.result("similarity")
    bilinear = similarity_at(similarity, Region.of_shape(similarity.grid.voxels))[0, 0] >= 0.6
    np.testing.assert_array_equal(plain, bilinear)
    truth = np.zeros_like(plain)
    truth[32:64, 32:64] = truth[96:128, 128:160] = True
    assert (refined != truth).sum() < (plain != truth).sum() / 2


def test_objects_are_counted_and_forgotten_when_something_changes(view: View) -> None:
    view.click(48, 48)
    view.settle()
    view.get_objects()
    view.settle()
    assert view.object_count() == 2
    assert len(view.session.result("detections")) == 2
    view.click(112, 144, positive=False)
    view.settle()
    assert view.object_count() is None


class Broken(FakeEncoder):
    """An encoder that fails."""

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        raise MemoryError("the tile does not fit: use a smaller batch")


def test_errors_are_told_in_words(make_view: Callable[..., View]) -> None:
    view = make_view(Broken())
    view.click(48, 48)
    view.settle()
    assert any("use a smaller batch" in error for error in view.errors())
    assert view.similarity() is None


def test_an_example_is_switched_off_and_on(view: View) -> None:
    view.click(48, 48)
    view.settle()
    before = view.similarity()
    view.click(112, 144, positive=False)
    view.settle()
    after = view.similarity()
    counter = "1: \N{MINUS SIGN} object, point at z 0, y 112, x 144 of squares"
    assert view.listed() == [("0: + object, point at z 0, y 48, x 48 of squares", True), (counter, True)]
    view.switch(1)
    view.settle()
    assert view.session.muted == {1}
    assert view.listed()[1] == (counter, False)
    np.testing.assert_array_equal(view.similarity(), before)
    view.switch(1)
    view.settle()
    np.testing.assert_array_equal(view.similarity(), after)
    view.undo()
    view.settle()
    assert len(view.listed()) == 1


def test_an_object_tells_which_example_it_is_like(view: View) -> None:
    view.click(48, 48)
    view.click(112, 144)
    view.settle()
    view.get_objects()
    view.settle()
    told = [view.origin(row) for row in range(2)]
    assert [text.split(": ")[0] for text in told] == [
        "most like example 0 of squares (point at z 0, y 48, x 48)",
        "most like example 1 of squares (point at z 0, y 112, x 144)",
    ]
    view.click(80, 80, positive=False)
    view.settle()
    view.get_objects()
    view.settle()
    assert view.origin(1).startswith("most like example 1 of squares")
