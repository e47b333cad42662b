"""Being told at which scale the examples find one another best, in every view."""

from __future__ import annotations

from typing import Any

import pytest

View = Any


def with_two_examples(view: View) -> View:
    """A view in which both squares were clicked; what is between them tells scales apart here."""
    view.session.settings.tiling.skip_blank = 0
    view.click(48, 48)
    view.click(112, 144)
    view.settle()
    return view


def test_without_an_example_there_is_nothing_to_ask(view: View) -> None:
    view.settle()
    assert not view.can_suggest_scale()
    assert not view.can_use_scale()
    view.click(48, 48)
    view.settle()
    assert view.can_suggest_scale()
    assert not view.can_use_scale()
    view.undo()
    view.settle()
    assert not view.can_suggest_scale()


def test_one_click_tells_no_scale(view: View) -> None:
    view.click(48, 48)
    view.settle()
    view.suggest_scale()
    view.settle()
    assert "One example tells no scale" in view.scale_text()
    assert not view.can_use_scale()
    assert view.similarity() is not None  # what there was stays


def test_a_box_tells_a_scale_by_its_size(view: View) -> None:
    view.box((28, 28), (68, 67))
    view.settle()
    view.suggest_scale()
    view.settle()
    assert "patches wide" in view.scale_text()
    view.use_scale()
    assert view.session.settings.tiling.scale == pytest.approx(0.707)  # 40 voxels are 7 patches of 4 pixels then


def test_what_is_found_is_told_and_set_only_when_it_is_accepted(view: View) -> None:
    with_two_examples(view).suggest_scale()
    view.settle()
    found = view.session.scale_guide.found
    assert found.is_change
    assert found.reason[1:] in view.scale_text()
    assert view.session.settings.tiling.scale is None
    assert view.can_use_scale()
    view.use_scale()
    assert view.session.settings.tiling.scale == found.value
    assert view.session.settings.tiling.pixel_size is None
    view.settle()
    assert view.scale_text() == ""  # it was about the scale before
    assert not view.can_use_scale()
    assert view.session.result("features").grid.scale == found.value
    assert view.session.is_ready("similarity")


def test_another_example_takes_the_suggestion_away(view: View) -> None:
    with_two_examples(view).suggest_scale()
    view.settle()
    assert view.can_use_scale()
    view.click(80, 80, positive=False)
    view.settle()
    assert view.scale_text() == ""
    assert not view.can_use_scale()
    assert view.session.settings.tiling.scale is None
