from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from dinoscope.errors import EvaluationError
from dinoscope.evaluate import (
    Scores,
    _pairs,
    best_dice,
    draw_clicks,
    evaluate_detections,
    evaluate_detections_in,
    evaluate_instances,
    evaluate_masks,
)
from dinoscope.geometry import Axis
from dinoscope.image import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.jobs import Progress


@pytest.fixture(autouse=True, params=[3, 1024])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs with blocks that cut the arrays into pieces, and with one block for all."""
    monkeypatch.setattr(_pairs, "_BLOCK", request.param)


def image(array: NDArray[Any]) -> Image:
    axes = tuple(Axis(name, size) for name, size in zip("zyx"[-array.ndim :], array.shape, strict=True))
    return Image("array", "memory", axes, array)


masks = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7).flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape))
)
label_pairs = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=5).flatmap(
    lambda shape: st.tuples(*(arrays(np.uint16, shape, elements=st.sampled_from([0, 1, 2, 900])),) * 2)
)


@settings(max_examples=60, deadline=None)
@given(masks)
def test_masks_agree_with_counting_by_hand(pair: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> None:
    pred, truth = pair
    tp = fp = fn = 0
    for p, t in zip(pred.ravel().tolist(), truth.ravel().tolist(), strict=True):
        tp, fp, fn = tp + (p and t), fp + (p and not t), fn + (t and not p)
    scores = evaluate_masks(image(pred), image(truth.astype(np.uint8) * 255))
    if tp + fp + fn == 0:
        assert scores == Scores(1.0, 1.0, 1.0, 1.0)
        return
    assert scores.dice == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert scores.iou == pytest.approx(tp / (tp + fp + fn))
    assert scores.precision == pytest.approx(tp / (tp + fp) if tp + fp else 0)
    assert scores.recall == pytest.approx(tp / (tp + fn) if tp + fn else 0)


def matches_by_trying_everything(pred: NDArray[Any], truth: NDArray[Any], iou: float) -> tuple[int, int, int]:
    """Most one-to-one matches over all ways to pair up the objects, and the number of objects on both sides."""
    found = [pred == i for i in np.unique(pred) if i]
    real = [truth == i for i in np.unique(truth) if i]
    fits = [[(f & r).sum() / (f | r).sum() > iou for r in real] for f in found]
    if len(found) > len(real):
        fits = [list(row) for row in zip(*fits, strict=True)] if real else []
    few, many = sorted((len(found), len(real)))
    best = max((sum(fits[i][j] for i, j in enumerate(order)) for order in permutations(range(many), few)), default=0)
    return best, len(found), len(real)


@settings(max_examples=80, deadline=None)
@given(label_pairs, st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.75]))
def test_instances_agree_with_trying_every_pairing(pair: tuple[NDArray[Any], NDArray[Any]], iou: float) -> None:
    tp, predicted, actual = matches_by_trying_everything(*pair, iou)
    scores = evaluate_instances(image(pair[0]), image(pair[1]), iou=iou)
    assert (scores.matched, scores.predicted, scores.actual) == (tp, predicted, actual)
    if predicted + actual:
        assert scores.f1 == pytest.approx(2 * tp / (predicted + actual))
        assert scores.ap == pytest.approx(tp / (predicted + actual - tp))
        every = [matches_by_trying_everything(*pair, t)[0] for t in np.linspace(0.5, 0.95, 10).round(2)]
        assert scores.mean_ap == pytest.approx(np.mean([t / (predicted + actual - t) for t in every]))
    else:
        assert (scores.f1, scores.precision, scores.recall, scores.ap, scores.mean_ap) == (1.0,) * 5


def test_large_labels_and_other_types_are_matched() -> None:
    truth = np.zeros((6, 8), np.uint64)
    truth[:3, :4], truth[4:, 4:] = 2**40, 7
    pred = np.where(truth == 7, -5, truth.astype(np.int64) // 2**40)
    scores = evaluate_instances(image(pred), image(truth))
    assert (scores.matched, scores.f1, scores.mean_ap) == (2, 1.0, 1.0)


def test_perfect_and_wrong_instances() -> None:
    labels = np.repeat(np.arange(4), 4).reshape(4, 4)
    assert evaluate_instances(image(labels), image(labels)).f1 == 1.0
    merged = (labels > 0).astype(int)
    scores = evaluate_instances(image(merged), image(labels))
    assert (scores.matched, scores.predicted, scores.actual, scores.f1) == (0, 1, 3, 0.0)


def test_shapes_that_differ_are_told() -> None:
    a, b = image(np.zeros((2, 3))), image(np.zeros((3, 2)))
    with pytest.raises(EvaluationError, match=r"\(2, 3\).*\(3, 2\)"):
        evaluate_masks(a, b)
    with pytest.raises(EvaluationError, match=r"\(2, 3\).*\(3, 2\)"):
        evaluate_instances(a, b)
    with pytest.raises(EvaluationError, match="IoU above 1"):
        evaluate_instances(a, a, iou=1.0)
    with pytest.raises(EvaluationError, match="cannot be compared"):
        best_dice(np.zeros(3), np.zeros(4, bool))


def test_progress_is_told_to_the_end() -> None:
    steps: list[Progress] = []
    evaluate_masks(image(np.zeros((7, 8))), image(np.zeros((7, 8))), progress=steps.append)
    assert steps[-1].done == steps[-1].total == len(steps)


places = arrays(np.int64, st.tuples(st.integers(0, 4), st.just(2)), elements=st.integers(0, 6))


@settings(max_examples=60, deadline=None)
@given(places, places, st.floats(0, 5))
def test_detections_agree_with_trying_every_pairing(
    points: NDArray[np.int64], truth: NDArray[np.int64], radius: float
) -> None:
    scale = np.array([2.0, 0.5])
    fits = [[np.hypot(*((p - t) * scale)) <= radius for t in truth] for p in points]
    best = 0
    for order in permutations([*range(len(truth)), *([-1] * len(points))], len(points)):
        best = max(best, sum(fits[i][j] for i, j in enumerate(order) if j >= 0))
    scores = evaluate_detections(points, truth, radius, tuple(scale))
    assert scores.matched == best
    total = len(points) + len(truth)
    assert scores.f1 == pytest.approx(2 * best / total if total else 1.0)


def test_detections_that_cannot_be_matched_are_told() -> None:
    with pytest.raises(EvaluationError, match="cannot be matched"):
        evaluate_detections(np.zeros((1, 2)), np.zeros((1, 3)), 1.0)
    with pytest.raises(EvaluationError, match="do not fit"):
        evaluate_detections_in(np.zeros((1, 3)), image(np.zeros((4, 4))))


def test_a_detection_is_right_inside_of_an_object_not_yet_found() -> None:
    labels = np.zeros((8, 8), np.uint8)
    labels[0:3, 0:3], labels[5:, 5:], labels[0:2, 6:] = 1, 2, 3
    points = np.array([[1.0, 1.4], [2.0, 2.0], [4.6, 7.0], [4.0, 4.0], [-3.0, 0.0], [0.0, 80.0]])
    scores = evaluate_detections_in(points, image(labels))
    assert (scores.matched, scores.predicted, scores.actual) == (2, 6, 3)
    assert (scores.precision, scores.recall) == pytest.approx((2 / 6, 2 / 3))


@settings(max_examples=40, deadline=None)
@given(arrays(np.float32, (4, 5), elements=st.floats(-0.5, 1.5, width=32)), arrays(bool, (4, 5)))
def test_best_dice_agrees_with_trying_every_threshold(values: NDArray[np.float32], truth: NDArray[np.bool_]) -> None:
    tried = []
    for k in range(256):
        pred = values.clip(0, 1) >= k / 256
        total = pred.sum() + truth.sum()
        tried.append(2 * (pred & truth).sum() / total if total else 1.0)
    dice, threshold = best_dice(values, truth)
    assert dice == pytest.approx(max(tried))
    assert threshold == int(np.argmax(tried)) / 256


def test_clicks_are_the_deepest_points_of_other_objects() -> None:
    labels = np.zeros((20, 30), np.int64)
    labels[2:9, 3:10], labels[9:20, 3:14], labels[5:8, 20:30] = 7, 4_000_000_000, 12
    clicks = draw_clicks(labels, 3, seed=0)
    assert sorted(map(tuple, clicks)) == [(5.0, 6.0), (6.0, pytest.approx(25, abs=4)), (14.0, 8.0)]
    touching = draw_clicks(labels > 0, 2, seed=0)  # as a mask, the first two are one object
    assert sorted(map(tuple, touching))[1] == (14.0, 8.0)
    with pytest.raises(EvaluationError, match="3 clicks from 2 objects"):
        draw_clicks(labels > 0, 3, seed=0)


@settings(max_examples=30, deadline=None)
@given(arrays(bool, (9, 10)), st.integers(0, 5))
def test_every_click_is_as_deep_as_its_component_allows(mask: NDArray[np.bool_], seed: int) -> None:
    components, count = ndimage.label(mask)
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    clicks = draw_clicks(mask, count, seed).astype(int)
    found = [components[tuple(click)] for click in clicks]
    assert sorted(found) == list(range(1, count + 1))
    for click, number in zip(clicks, found, strict=True):
        assert depth[tuple(click)] == depth[components == number].max()


def test_the_seed_decides_the_clicks() -> None:
    labels = np.kron(np.arange(100).reshape(10, 10), np.ones((5, 5), int))
    np.testing.assert_array_equal(draw_clicks(labels, 5, 3), draw_clicks(labels, 5, 3))
    assert (draw_clicks(labels, 5, 3) != draw_clicks(labels, 5, 4)).any()
    assert draw_clicks(labels, 0, 3).shape == (0, 2)
