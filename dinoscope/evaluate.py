"""How good is a result: overlap of masks, matches of objects and of detections, against a ground truth.

Images are read block by block, so they may be larger than memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial import KDTree

from dinoscope.errors import EvaluationError
from dinoscope.geometry import Region
from dinoscope.image import LazyArray
from dinoscope.jobs import Progress, ignore_progress
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback

_BLOCK = 1024
_THRESHOLDS = 256
_AP_THRESHOLDS = np.arange(50, 100, 5) / 100


@dataclass(frozen=True, slots=True)
class Scores:
    """Overlap of two masks, every value from 0 to 1. Two empty masks agree: all are 1.

    Attributes
    ----------
    dice
        ``2 |P and T| / (|P| + |T|)``.
    iou
        ``|P and T| / |P or T|``.
    precision
        Share of the prediction that is true; 0 if only the prediction is empty.
    recall
        Share of the truth that was found; 0 if only the truth is empty.
    """

    dice: float
    iou: float
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class InstanceScores:
    """Matches of predicted with true objects. With no objects on either side all shares are 1.

    Attributes
    ----------
    f1, precision, recall
        ``2 TP / (2 TP + FP + FN)``, ``TP / (TP + FP)`` and ``TP / (TP + FN)`` at the chosen IoU.
    ap
        ``TP / (TP + FP + FN)`` at the chosen IoU, as in the Data Science Bowl 2018 (Caicedo et al., Nat. Methods 2019).
    mean_ap
        Mean of the same over the IoUs 0.50, 0.55, … 0.95.
    matched, predicted, actual
        TP, and the number of objects in the prediction and in the truth.
    """

    f1: float
    precision: float
    recall: float
    ap: float
    mean_ap: float
    matched: int
    predicted: int
    actual: int


@dataclass(frozen=True, slots=True)
class DetectionScores:
    """Matches of detections with true objects. With none on either side all shares are 1.

    Attributes
    ----------
    f1, precision, recall
        As in `InstanceScores`.
    matched, predicted, actual
        Pairs, detections and true objects.
    """

    f1: float
    precision: float
    recall: float
    matched: int
    predicted: int
    actual: int


def evaluate_masks(pred: Image, truth: Image, *, progress: ProgressCallback = ignore_progress) -> Scores:
    """Compare two masks; every value above 0 is inside.

    Raises
    ------
    EvaluationError
        If the shapes differ.
    """
    both = predicted = actual = 0
    for found, real in _pairs(pred, truth, progress):
        inside, wanted = found > 0, real > 0
        both += int(np.count_nonzero(inside & wanted))
        predicted += int(np.count_nonzero(inside))
        actual += int(np.count_nonzero(wanted))
    f1, precision, recall = _shares(both, predicted, actual)
    return Scores(f1, _share(both, predicted + actual - both), precision, recall)


def evaluate_instances(
    pred: Image, truth: Image, *, iou: float = 0.5, progress: ProgressCallback = ignore_progress
) -> InstanceScores:
    """Compare two label images whose values number objects, 0 being none.

    A predicted and a true object match if their IoU exceeds `iou`. From 0.5 on an object can match one other at most;
    below, the largest possible number of one-to-one matches counts.

    Raises
    ------
    EvaluationError
        If the shapes differ, or `iou` is not from 0 up to 1.
    """
    if not 0 <= iou < 1:
        raise EvaluationError(f"objects cannot match at an IoU above {iou}: expected a value from 0 up to 1")
    overlaps = _overlaps(pred, truth, progress)
    predicted, actual = overlaps.shape
    matched = _count_matches(overlaps, iou)
    counts = [_count_matches(overlaps, float(threshold)) for threshold in _AP_THRESHOLDS]
    mean_ap = float(np.mean([_share(count, predicted + actual - count) for count in counts]))
    ap = _share(matched, predicted + actual - matched)
    return InstanceScores(*_shares(matched, predicted, actual), ap, mean_ap, matched, predicted, actual)


def evaluate_detections(
    points: NDArray[Any], truth: NDArray[Any], radius: float, scale: Sequence[float] | None = None
) -> DetectionScores:
    """Compare detections with true places: a pair matches within `radius`, and each point is in one pair at most.

    Of all ways to pair them up, one with the most pairs counts.

    Parameters
    ----------
    points, truth
        Voxel coordinates, shapes (n, d) and (m, d).
    radius
        Largest distance of a match, in the unit of `scale`.
    scale
        Length of a voxel along each axis; 1 by default.

    Raises
    ------
    EvaluationError
        If the points have different numbers of axes, or `radius` is negative.
    """
    if points.ndim != 2 or truth.ndim != 2 or points.shape[1] != truth.shape[1] or radius < 0:
        raise EvaluationError(
            f"points of shape {points.shape} and {truth.shape} cannot be matched within {radius}: expected (n, d) and "
            "(m, d), and a radius of 0 or more"
        )
    matched = 0
    if len(points) and len(truth):
        voxel = np.ones(points.shape[1]) if scale is None else np.asarray(scale, dtype=np.float64)
        near = KDTree(points * voxel).query_ball_tree(KDTree(truth * voxel), radius)
        rows = np.repeat(np.arange(len(points)), [len(found) for found in near])
        columns = np.array([column for found in near for column in found], dtype=np.int64)
        matched = _most_pairs(rows, columns, (len(points), len(truth)))
    return DetectionScores(*_shares(matched, len(points), len(truth)), matched, len(points), len(truth))


def evaluate_detections_in(
    points: NDArray[Any], instances: Image, *, progress: ProgressCallback = ignore_progress
) -> DetectionScores:
    """Compare detections with true objects: a detection is right inside of an object that no other one has claimed.

    Parameters
    ----------
    points
        Voxel coordinates in the axes of `instances`, shape (n, d). Points outside of the image count as wrong.
    instances
        Label image whose values number objects.

    Raises
    ------
    EvaluationError
        If the points and the image have different numbers of axes.
    """
    if points.ndim != 2 or points.shape[1] != len(instances.shape):
        raise EvaluationError(f"points of shape {points.shape} do not fit an image with axes {instances.axis_names}")
    voxels = np.floor(np.asarray(points) + 0.5).astype(np.int64)
    objects: set[int] = set()
    claimed: set[int] = set()
    regions = list(blocks(instances.extent, _block_shape(instances)))
    for done, region in enumerate(regions, start=1):
        labels = instances.read(region)
        objects.update(np.unique(labels).tolist())
        here = ((voxels >= region.start) & (voxels < region.stop)).all(axis=1)
        claimed.update(labels[tuple((voxels[here] - region.start).T)].tolist())
        progress(Progress("evaluate", done, len(regions)))
    matched, actual = len(claimed - {0}), len(objects - {0})
    return DetectionScores(*_shares(matched, len(points), actual), matched, len(points), actual)


def best_dice(values: NDArray[Any], truth: NDArray[np.bool_]) -> tuple[float, float]:
    """The highest Dice that a threshold on a map can reach, and that threshold.

    Parameters
    ----------
    values
        Map from 0 to 1 of any shape; values outside are clipped, NaN counts as 0.
    truth
        Mask of the same shape.

    Returns
    -------
    Dice, and the lowest of the thresholds 0, 1/256, … 255/256 that reaches it: ``values >= threshold`` is the mask.

    Raises
    ------
    EvaluationError
        If the shapes differ.
    """
    if values.shape != truth.shape:
        raise EvaluationError(f"a map of shape {values.shape} and a truth of shape {truth.shape} cannot be compared")
    levels = np.floor(np.nan_to_num(values, nan=0.0).clip(0, 1) * _THRESHOLDS).astype(np.int64)
    levels = levels.clip(0, _THRESHOLDS - 1).ravel()
    above = np.bincount(levels, minlength=_THRESHOLDS)[::-1].cumsum()[::-1]
    right = np.bincount(levels[truth.ravel()], minlength=_THRESHOLDS)[::-1].cumsum()[::-1]
    totals = above + np.count_nonzero(truth)
    dice = np.where(totals > 0, 2 * right / np.maximum(totals, 1), 1.0)
    best = int(np.argmax(dice))
    return float(dice[best]), best / _THRESHOLDS


def draw_clicks(mask: NDArray[Any], count: int, seed: int) -> NDArray[np.float64]:
    """Where a person would click: the deepest points of objects drawn at random, each object equally likely.

    Parameters
    ----------
    mask
        Objects as numbers above 0, or a boolean mask whose connected components (faces touching) are the objects.
    count
        Number of clicks, each in another object.
    seed
        Another seed draws other objects.

    Returns
    -------
    Voxel coordinates, shape (count, d): the maxima of the distance to the outside of the object; the outside of the
    image counts as such.

    Raises
    ------
    EvaluationError
        If there are fewer objects than clicks.
    """
    labels = ndimage.label(mask)[0] if mask.dtype == bool else mask
    present, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape) + (0 if present.size and present[0] == 0 else 1)
    boxes = ndimage.find_objects(dense)
    if len(boxes) < count:
        raise EvaluationError(f"cannot draw {count} clicks from {len(boxes)} objects: ask for fewer")
    chosen = np.random.default_rng(seed).choice(len(boxes), size=count, replace=False)
    clicks = [_deepest(dense[boxes[index]] == index + 1, boxes[index]) for index in chosen]
    return np.array(clicks, dtype=np.float64).reshape(count, labels.ndim)


def _deepest(inside: NDArray[np.bool_], box: tuple[slice, ...]) -> list[int]:
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))
    place = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return [int(i) - 1 + part.start for i, part in zip(place, box, strict=True)]


def _block_shape(image: Image) -> tuple[int, ...]:
    return (*(1 for _ in image.shape[:-2]), _BLOCK, _BLOCK)


def _pairs(pred: Image, truth: Image, progress: ProgressCallback) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    if pred.shape != truth.shape:
        raise EvaluationError(
            f"{pred.name!r} of shape {pred.shape} and {truth.name!r} of shape {truth.shape} cannot be compared: "
            "expected the same shape"
        )
    regions = list(blocks(truth.extent, _block_shape(truth)))
    for done, region in enumerate(regions, start=1):
        yield pred.read(region), truth.read(region)
        progress(Progress("evaluate", done, len(regions)))


def _overlaps(pred: Image, truth: Image, progress: ProgressCallback) -> sparse.csr_array:
    """IoU of every predicted with every true object that it meets, shape (predicted, actual)."""
    parts = [_count_pairs(found, real) for found, real in _pairs(pred, truth, progress)]
    found_ids, real_ids, counts = (np.concatenate(column) for column in zip(*parts, strict=True))
    found_names, rows = np.unique(found_ids, return_inverse=True)
    real_names, columns = np.unique(real_ids, return_inverse=True)
    shape = (len(found_names), len(real_names))
    table = sparse.coo_array((counts, (rows, columns)), shape=shape).tocsr()
    found_sizes, real_sizes = table.sum(axis=1), table.sum(axis=0)
    table = table[found_names != 0][:, real_names != 0].tocoo()
    unions = found_sizes[found_names != 0][table.row] + real_sizes[real_names != 0][table.col] - table.data
    return sparse.coo_array((table.data / unions, (table.row, table.col)), shape=table.shape).tocsr()


def _count_pairs(found: NDArray[Any], real: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Every pair of labels, not both background, that occurs at some voxel of a block, and how often."""
    somewhere = (found != 0) | (real != 0)
    found_names, rows = np.unique(found[somewhere], return_inverse=True)
    real_names, columns = np.unique(real[somewhere], return_inverse=True)
    codes, counts = np.unique(rows * len(real_names) + columns, return_counts=True)
    return found_names[codes // len(real_names)], real_names[codes % len(real_names)], counts


def _count_matches(overlaps: sparse.csr_array, iou: float) -> int:
    table = overlaps.tocoo()
    enough = table.data > iou
    if iou >= 0.5:
        return int(np.count_nonzero(enough))
    return _most_pairs(table.row[enough], table.col[enough], overlaps.shape)


def _most_pairs(rows: NDArray[Any], columns: NDArray[Any], shape: tuple[int, int]) -> int:
    if not len(rows):
        return 0
    graph = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr()
    return int(np.count_nonzero(maximum_bipartite_matching(graph, perm_type="column") >= 0))


def _shares(matched: int, predicted: int, actual: int) -> tuple[float, float, float]:
    """F1, precision and recall."""
    if predicted == actual == 0:
        return 1.0, 1.0, 1.0
    precision = matched / predicted if predicted else 0.0
    recall = matched / actual if actual else 0.0
    return _share(2 * matched, predicted + actual), precision, recall


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


class _Only(LazyArray):
    """Where a label image has one value."""

    def __init__(self, labels: Image, value: int) -> None:
        super().__init__(labels.shape, np.uint8)
        self._labels = labels
        self._value = value

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        region = Region(tuple(b.start for b in bounds), tuple(b.stop for b in bounds))
        inside: NDArray[np.bool_] = self._labels.read(region) == self._value
        return inside


def only_label(labels: Image, value: int) -> Image:
    """The lazy mask of one value of a label image, such as one class."""
    return replace(labels, data=_Only(labels, value), uri=f"{labels.uri}#label={value}")
