"""Counts of objects, maps and points against answers worked out by hand and by loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dinoscope.errors import EvaluationError
from dinoscope.evaluate import (
    InstanceCounts,
    MaskCounts,
    _pairs,
    best_dice,
    count_curve,
    count_detections,
    count_detections_in,
    count_instances,
    count_masks,
    evaluate_instances,
    evaluate_masks,
    open_similarity,
    pool,
    rank_detections,
    rank_detections_in,
)
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image, open_image
from dinoscope.outputs import write_similarity
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference
from dinoscope.segmentation import similarity_at
from dinoscope.settings import IntensitySettings, ReferenceSettings, SimilaritySettings, TilingSettings
from dinoscope.similarity import compare
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def image(array: NDArray[Any]) -> Image:
    axes = tuple(Axis(name, size) for name, size in zip("zyx"[-array.ndim :], array.shape, strict=True))
    return Image("array", "memory", axes, array)


def planted() -> tuple[Image, Image]:
    """Three found and two true objects: IoUs of 90 / 110 and of exactly a half, and one where nothing is."""
    found, real = np.zeros((30, 30), np.uint8), np.zeros((30, 30), np.uint8)
    real[0:10, 0:10], found[0:10, 1:11] = 4, 9
    real[20:25, 0:4], found[20:25, 0:2] = 7, 3
    found[15:18, 20:25] = 5
    return image(found), image(real)


def test_ap_and_panoptic_quality_are_those_worked_out_by_hand() -> None:
    scores = evaluate_instances(*planted())
    assert (scores.matched, scores.predicted, scores.actual) == (1, 3, 2)
    assert scores.ap == pytest.approx(1 / 4)
    assert scores.mean_ap == pytest.approx(7 / 10 * 1 / 4)  # 0.818 is above 0.50, 0.55 ... 0.80
    assert scores.rq == scores.f1 == pytest.approx(2 / 5)
    assert scores.sq == pytest.approx(90 / 110)
    assert scores.pq == pytest.approx(90 / 110 / (1 + 0.5 * 2 + 0.5 * 1))  # Kirillov et al., equation 1


def test_panoptic_quality_stays_at_a_half_whatever_iou_is_chosen() -> None:
    low, high = (evaluate_instances(*planted(), iou=iou) for iou in (0.3, 0.9))
    assert (low.matched, high.matched) == (2, 0)
    assert low.pq == high.pq == evaluate_instances(*planted()).pq


def test_objects_of_several_images_count_alike() -> None:
    square = np.zeros((8, 8), np.uint8)
    square[2:6, 2:6] = 1
    scores = pool([count_instances(*planted()), count_instances(image(square), image(square))]).scores()
    assert (scores.matched, scores.predicted, scores.actual) == (2, 4, 3)
    assert scores.ap == pytest.approx(2 / 5)
    assert scores.mean_ap == pytest.approx((7 * 2 / 5 + 3 * 1 / 6) / 10)
    assert scores.pq == pytest.approx((90 / 110 + 1) / (2 + 0.5 * 2 + 0.5 * 1))


def test_nothing_on_either_side_is_right_and_nothing_on_one_is_wrong() -> None:
    nothing, something = image(np.zeros((4, 4), np.uint8)), image(np.ones((4, 4), np.uint8))
    assert evaluate_instances(nothing, nothing).pq == 1.0
    assert evaluate_instances(something, nothing).pq == evaluate_instances(nothing, something).pq == 0.0


def test_counts_at_different_overlaps_are_not_pooled() -> None:
    with pytest.raises(EvaluationError, match="cannot be pooled"):
        _ = InstanceCounts(0.5, 0, (0,) * 10, 0.0, 0, 0) + InstanceCounts(0.6, 0, (0,) * 10, 0.0, 0, 0)


def test_masks_are_pooled_by_voxels_and_not_by_images() -> None:
    wide, narrow = np.ones((10, 10), bool), np.zeros((10, 10), bool)
    narrow[0, 0] = True
    counted = [count_masks(image(wide), image(wide)), count_masks(image(narrow), image(wide))]
    assert pool(counted) == MaskCounts(both=101, predicted=101, actual=200)
    assert pool(counted).scores().dice == pytest.approx(2 * 101 / 301)
    assert pool(counted[:1]).scores() == evaluate_masks(image(wide), image(wide))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arrays(np.uint8, (2, 9, 11), elements=st.integers(0, 3)),
    arrays(np.uint8, (2, 9, 11), elements=st.integers(0, 3)),
    st.integers(1, 12),
)
def test_the_cut_into_blocks_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, found: NDArray[np.uint8], real: NDArray[np.uint8], block: int
) -> None:
    def count() -> tuple[Any, ...]:
        curve = count_curve(image(found / 3.0), image(real))
        points = np.argwhere(found == 3)[::7]
        ranks = found[tuple(points.T)] + points[:, 2] / 10.0
        ranked = rank_detections_in(points, ranks, image(real))
        return (
            count_masks(image(found), image(real)),
            count_instances(image(found), image(real)).scores(),
            count_detections_in(points, image(real)),
            curve.voxels.tolist(),
            curve.right.tolist(),
            ranked.right.tolist(),
        )

    whole = count()
    with monkeypatch.context() as patch:
        patch.setattr(_pairs, "_BLOCK", block)
        assert count() == whole


@given(arrays(np.float32, (4, 6), elements=st.floats(-0.5, 1.5, width=32)), arrays(bool, (4, 6)))
def test_the_curve_agrees_with_a_loop_over_thresholds(values: NDArray[np.float32], truth: NDArray[np.bool_]) -> None:
    curve = count_curve(image(values), image(truth)).curve()
    average, recall_before = 0.0, 0.0
    for k in range(255, -1, -1):
        found = values.clip(0, 1) >= k / 256
        right = int((found & truth).sum())
        assert curve.precision[k] == pytest.approx(right / found.sum() if found.any() else 1.0)
        recall = right / truth.sum() if truth.any() else 1.0
        assert curve.recall[k] == pytest.approx(recall)
        average += (recall - recall_before) * curve.precision[k]
        recall_before = recall
    if truth.any():
        assert curve.scores.average_precision == pytest.approx(average)
    else:
        assert curve.scores.average_precision == 0.0
    assert (curve.scores.best_dice, curve.scores.best_threshold) == best_dice(values, truth)


def test_curves_of_several_images_are_that_of_all_voxels() -> None:
    rng = np.random.default_rng(0)
    values, truth = rng.random((2, 8, 9)), rng.random((2, 8, 9)) > 0.6
    parts = [count_curve(image(v), image(t)) for v, t in zip(values, truth, strict=True)]
    whole = count_curve(image(values), image(truth))
    np.testing.assert_array_equal(pool(parts).curve().precision, whole.curve().precision)
    assert pool(parts).scores() == whole.scores()


def test_a_map_without_a_mask_has_average_precision_0_and_is_told_of_other_shapes() -> None:
    assert count_curve(image(np.zeros((3, 3))), image(np.zeros((3, 3)))).scores().average_precision == 0.0
    with pytest.raises(EvaluationError, match="cannot be compared"):
        count_curve(image(np.zeros((3, 3))), image(np.zeros((3, 4))))


def test_ranked_detections_give_the_average_precision_worked_out_by_hand() -> None:
    truth = np.array([[10.0, 10.0], [30.0, 30.0], [50.0, 50.0]])
    points = np.array([[30.0, 31.0], [10.0, 11.0], [10.0, 10.0], [80.0, 80.0]])
    ranked = rank_detections(points, np.array([0.7, 0.9, 0.8, 0.6]), truth, radius=3.0)
    assert ranked.right.tolist() == [True, True, False, False]  # a better one has the first place already
    assert ranked.scores().average_precision == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3)
    assert ranked.scores().best_dice == pytest.approx(2 * 2 / (3 + 3))
    assert ranked.scores().best_threshold == 0.7
    assert ranked.curve().recall.tolist() == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1 / 3])


def test_a_detection_takes_the_nearest_place_that_is_left() -> None:
    truth, points = np.array([[0.0, 0.0], [0.0, 4.0]]), np.array([[0.0, 3.0], [0.0, 2.5]])
    assert rank_detections(points, np.array([0.9, 0.5]), truth, radius=3.0).right.tolist() == [True, True]
    assert rank_detections(points, np.array([0.9, 0.5]), truth, 3.0, scale=(1.0, 2.0)).right.tolist() == [True, False]


def test_of_several_detections_in_an_object_the_best_is_right() -> None:
    labels = np.zeros((8, 8), np.uint8)
    labels[0:3, 0:3], labels[5:, 5:] = 1, 2
    points = np.array([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0], [6.0, 6.0]])
    ranked = rank_detections_in(points, np.array([0.2, 0.9, 0.8, 0.1]), image(labels))
    assert (ranked.right.tolist(), ranked.actual) == ([False, True, False, True], 2)
    both = pool([ranked, rank_detections_in(points[:0], np.zeros(0), image(labels))])
    assert (len(both.ranks), both.actual) == (4, 4)
    with pytest.raises(EvaluationError, match="4 detections and 1 scores"):
        rank_detections_in(points, np.zeros(1), image(labels))


def test_points_of_several_images_are_pooled() -> None:
    truth = np.array([[1.0, 1.0], [9.0, 9.0]])
    counted = [count_detections(truth, truth, 1.0), count_detections(truth + 5, truth, 1.0)]
    assert pool(counted).scores().f1 == pytest.approx(2 * 2 / 8)
    no_points = rank_detections(truth[:0], np.zeros(0), truth[:0], 1.0)
    assert no_points.scores().average_precision == no_points.scores().best_dice == 1.0


@pytest.mark.parametrize("pixel_size", [None, 6.0])
@pytest.mark.parametrize("scale", [1.0, 0.7])
@pytest.mark.parametrize("sections", [0, 2])
def test_a_map_from_disk_lies_over_the_voxels(
    tmp_path: Path, pixel_size: float | None, scale: float, sections: int
) -> None:
    shape = (sections, 50, 61) if sections else (50, 61)
    pixels = open_image(np.random.default_rng(0).random(shape, dtype=np.float32), name="i")
    pixels = pixels.with_pixel_size(pixel_size) if pixel_size else pixels
    encoder = FakeEncoder()
    manifest = plan_features(pixels, encoder.spec, TilingSettings(scale=scale), IntensitySettings())
    store = FeatureStore.create(tmp_path / "store.zarr", manifest)
    extract_features(pixels, encoder, store)
    prompts = [PointPrompt((0, 20, 20), "a"), PointPrompt((0, 30, 40), "b")]
    similarity = compare(store, build_reference(store, prompts, ReferenceSettings()), SimilaritySettings())
    path = write_similarity(tmp_path / "map.zarr", manifest, similarity)
    truth = image(np.zeros(shape, np.uint8))
    found = open_similarity(path, truth, channel=1)
    wanted = similarity_at(similarity, Region.of_shape(similarity.grid.voxels))[1]
    np.testing.assert_allclose(found.read(found.extent).reshape(wanted.shape), wanted, atol=1e-6)
    corner = Region(found.extent.start, tuple(max(1, n // 3) for n in found.shape))
    np.testing.assert_allclose(found.read(corner), found.read(found.extent)[corner.slices], atol=1e-6)
    with pytest.raises(EvaluationError, match="2 classes"):
        open_similarity(path, truth, channel=2)
    with pytest.raises(EvaluationError, match="do not lie over"):
        open_similarity(path, image(np.zeros((*shape[:-1], 300), np.uint8)))
    with pytest.raises(EvaluationError, match="no similarity map"):
        open_similarity(tmp_path / "store.zarr", truth)
