"""The simulated person clicks where one can see that a person would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from dinoscope.errors import EvaluationError
from dinoscope.evaluate import clicks_to_reach, draw_points, next_click
from dinoscope.prompts import PointPrompt

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def squares() -> NDArray[np.bool_]:
    """Three of 9 x 9 with their centres at 10, 10; 10, 40; 40, 10."""
    truth = np.zeros((60, 60), bool)
    for y, x in ((10, 10), (10, 40), (40, 10)):
        truth[y - 4 : y + 5, x - 4 : x + 5] = True
    return truth


def test_the_deepest_point_of_the_largest_missing_object_comes_first() -> None:
    truth = squares()
    truth[33:48, 33:48] = True
    assert next_click(np.zeros_like(truth), truth) == PointPrompt((0.0, 40.0, 40.0), positive=True)


def test_too_much_gives_a_counter_example() -> None:
    truth = squares()
    found = truth.copy()
    found[6:15, 36:45] = False
    found[30:51, 35:56] = True
    assert next_click(found, truth) == PointPrompt((0.0, 40.0, 45.0), positive=False)


def test_of_equal_errors_the_first_is_taken_and_what_is_missing_before_what_is_too_much() -> None:
    truth = squares()
    assert next_click(np.zeros_like(truth), truth) == PointPrompt((0.0, 10.0, 10.0))
    moved = np.zeros_like(truth)
    moved[0:9, 20:29] = True
    only = np.zeros_like(truth)
    only[50:59, 50:59] = True
    assert next_click(moved, only) == PointPrompt((0.0, 54.0, 54.0))


def test_in_a_stack_the_section_with_the_worst_error_is_clicked() -> None:
    truth = np.zeros((4, 60, 60), bool)
    truth[1, 2:5, 2:5] = truth[3, 2:5, 2:5] = True
    truth[2, 20:31, 30:41] = True
    assert next_click(np.zeros_like(truth), truth) == PointPrompt((2.0, 25.0, 35.0))


def test_nobody_clicks_twice_at_the_same_place() -> None:
    truth, nothing = squares()[:20, :20], np.zeros((20, 20), bool)
    clicks: list[PointPrompt] = []
    while len(clicks) <= truth.sum() and (click := next_click(nothing, truth, clicks)) is not None:
        clicks.append(click)
    assert len({click.position for click in clicks}) == len(clicks) == truth.sum()
    first, second = (np.array(click.position) for click in clicks[:2])
    assert np.linalg.norm(first - second) >= 2


def test_a_right_mask_needs_no_click() -> None:
    assert next_click(squares(), squares()) is None
    with pytest.raises(EvaluationError, match=r"one shape \(y, x\) or \(z, y, x\)"):
        next_click(squares(), squares()[:-1])


@given(array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=8).flatmap(lambda s: arrays(bool, (2, *s))))
def test_every_click_corrects_one_of_the_largest_errors(masks: NDArray[np.bool_]) -> None:
    found, truth = masks.reshape(2, -1, *masks.shape[-2:])
    click = next_click(masks[0], masks[1])
    sizes = {}
    for z in range(len(truth)):
        for positive, wrong in ((True, truth[z] & ~found[z]), (False, found[z] & ~truth[z])):
            labels, count = ndimage.label(wrong)
            for k in range(1, count + 1):
                sizes[(z, positive, k)] = (int((labels == k).sum()), labels == k)
    if click is None:
        assert not sizes
        return
    z, y, x = (int(at) for at in click.position)
    (size, region), *others = [
        value for (at, sign, _), value in sizes.items() if at == z and sign == click.positive and value[1][y, x]
    ]
    assert not others
    assert size == max(each for each, _ in sizes.values())
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    assert depth[y, x] == depth.max()


@given(array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=8).flatmap(lambda s: arrays(bool, (2, *s))))
def test_who_has_no_counter_examples_clicks_on_what_is_missing(masks: NDArray[np.bool_]) -> None:
    found, truth = masks
    click = next_click(found, truth, positives_only=True)
    # To such a person what is too much is as good as right.
    assert click == next_click(found & truth, truth)
    assert click is None or click.positive


def test_without_counter_examples_nothing_can_be_done_about_what_is_too_much() -> None:
    effort = clicks_to_reach(lambda prompts: np.ones((60, 60), bool), squares(), at_most=6, positives_only=True)
    assert (effort.clicks, effort.reached, len(effort.prompts)) == ((6, 6), (False, False), 1)
    both = clicks_to_reach(lambda prompts: np.ones((60, 60), bool), squares(), at_most=6)
    assert [prompt.positive for prompt in both.prompts] == [True] + [False] * 5


def test_a_perfect_segmenter_needs_one_click() -> None:
    effort = clicks_to_reach(lambda prompts: squares(), squares())
    assert (effort.clicks, effort.reached, effort.dice) == ((1, 1), (True, True), (1.0,))


def test_a_hopeless_segmenter_takes_all_clicks() -> None:
    effort = clicks_to_reach(lambda prompts: np.zeros((60, 60), bool), squares(), at_most=6)
    assert (effort.clicks, effort.reached, effort.dice) == ((6, 6), (False, False), (0.0,) * 6)
    assert len(set(effort.prompts)) == 6


def test_where_nothing_is_left_to_click_the_person_gives_up() -> None:
    dot = np.zeros((5, 5), bool)
    dot[2, 2] = True
    effort = clicks_to_reach(lambda prompts: np.zeros((5, 5), bool), dot, at_most=6)
    assert (effort.clicks, effort.dice) == ((6, 6), (0.0,))


def fills(truth: NDArray[np.bool_]) -> Callable[[list[PointPrompt]], NDArray[np.bool_]]:
    """Finds exactly the objects that are clicked on."""
    labels = ndimage.label(truth)[0]

    def segment(prompts: list[PointPrompt]) -> NDArray[np.bool_]:
        hit = [labels[tuple(int(at) for at in prompt.position[-truth.ndim :])] for prompt in prompts]
        return np.isin(labels, hit) & truth

    return segment


def test_clicks_are_counted_until_each_target() -> None:
    effort = clicks_to_reach(fills(squares()), squares(), targets=(0.9, 0.7, 0.8, 0.3))
    assert effort.dice == pytest.approx((2 * 1 / (1 + 3), 2 * 2 / (2 + 3), 1.0))
    assert (effort.targets, effort.clicks) == ((0.3, 0.7, 0.8, 0.9), (1, 2, 2, 3))
    assert {prompt.position[1:] for prompt in effort.prompts} == {(10.0, 10.0), (10.0, 40.0), (40.0, 10.0)}


def test_stacks_are_segmented_as_one() -> None:
    truth = np.stack([squares(), np.zeros_like(squares()), squares()])
    effort = clicks_to_reach(fills(truth), truth, targets=(1.0,))
    assert (effort.clicks, len({prompt.position for prompt in effort.prompts})) == ((6,), 6)


@pytest.mark.parametrize(("targets", "at_most", "size"), [((0.7,), 0, 9), ((), 3, 9), ((0.7,), 3, 0)])
def test_what_cannot_be_counted_is_told(targets: tuple[float, ...], at_most: int, size: int) -> None:
    truth = np.zeros((12, 12), bool)
    truth[:size] = True
    with pytest.raises(EvaluationError, match="clicks cannot be counted"):
        clicks_to_reach(lambda prompts: truth, truth, targets, at_most)


def test_points_are_drawn_inside_and_each_once() -> None:
    mask = squares()
    points = draw_points(mask, 200, seed=1).astype(int)
    assert mask[tuple(points.T)].all()
    assert len(np.unique(points, axis=0)) == 200
    assert (points != draw_points(mask, 200, seed=2)).any()
    with pytest.raises(EvaluationError, match="244 points from 243 voxels"):
        draw_points(mask, 244, seed=0)
