"""Being asked where the next example would help most, in every view."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

View = Any


def with_doubt(view: View) -> View:
    """A view in which one square was clicked, and the other one is at the threshold."""
    view.click(48, 48)
    view.settle()
    other = float(view.session.result("similarity").values[0, 0, 28, 36])
    view.set_threshold(round(other, 2))
    view.settle()
    return view


def test_there_is_nothing_to_suggest_without_a_map(view: View) -> None:
    view.settle()
    assert not view.can_suggest()
    assert view.ring() is None
    view.click(48, 48)
    view.settle()
    assert view.can_suggest()
    view.undo()
    view.settle()
    assert not view.can_suggest()


def test_the_doubtful_object_is_ringed_and_looked_at(view: View) -> None:
    with_doubt(view).suggest()
    y, x = view.ring()
    assert 100 < y < 124  # well inside of the other square
    assert 132 < x < 156
    np.testing.assert_allclose(view.middle(), (y, x), atol=1.5)
    assert view.examples() == [(48, 48, True)]  # a ring is no example


@pytest.mark.parametrize("positive", [True, False])
def test_an_answer_is_an_example_and_takes_the_ring_away(view: View, positive: bool) -> None:
    with_doubt(view).suggest()
    place = view.session.guide.place.position[1:]
    view.answer(positive)
    view.settle()
    assert view.examples() == [(48, 48, True), (*place, positive)]
    assert view.ring() is None
    view.undo()
    view.settle()
    assert view.examples() == [(48, 48, True)]


def test_another_example_takes_the_ring_away(view: View) -> None:
    with_doubt(view).suggest()
    assert view.ring() is not None
    view.click(80, 80, positive=False)
    view.settle()
    assert view.ring() is None
