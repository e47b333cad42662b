"""Matches of points with true places, or with the objects they lie in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import KDTree

from dinoscope.errors import EvaluationError
from dinoscope.evaluate._contingency import most_pairs
from dinoscope.evaluate._counts import shares
from dinoscope.evaluate._pairs import regions
from dinoscope.jobs import ignore_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback


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


@dataclass(frozen=True, slots=True)
class DetectionCounts:
    """Detections and their matches; the sum of two is that of both images as one.

    Attributes
    ----------
    matched, predicted, actual
        Pairs, detections and true objects.
    """

    matched: int
    predicted: int
    actual: int

    def __add__(self, other: DetectionCounts) -> DetectionCounts:
        return DetectionCounts(
            self.matched + other.matched, self.predicted + other.predicted, self.actual + other.actual
        )

    def scores(self) -> DetectionScores:
        """What the counts amount to."""
        rates = shares(self.matched, self.predicted, self.actual)
        return DetectionScores(*rates, self.matched, self.predicted, self.actual)


def count_detections(
    points: NDArray[Any], truth: NDArray[Any], radius: float, scale: Sequence[float] | None = None
) -> DetectionCounts:
    """Match detections with true places; see `evaluate_detections`."""
    voxel = check_points(points, truth, radius, scale)
    matched = 0
    if len(points) and len(truth):
        near = KDTree(points * voxel).query_ball_tree(KDTree(truth * voxel), radius)
        rows = np.repeat(np.arange(len(points)), [len(found) for found in near])
        columns = np.array([column for found in near for column in found], dtype=np.int64)
        matched = most_pairs(rows, columns, (len(points), len(truth)))
    return DetectionCounts(matched, len(points), len(truth))


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
    return count_detections(points, truth, radius, scale).scores()


def count_detections_in(
    points: NDArray[Any], instances: Image, *, progress: ProgressCallback = ignore_progress
) -> DetectionCounts:
    """Match detections with the objects they lie in; see `evaluate_detections_in`."""
    labels, objects = labels_at(points, instances, progress)
    return DetectionCounts(len(set(labels.tolist()) - {0}), len(points), len(objects))


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
    progress
        Called after every block, with the stage ``"evaluate"``.

    Raises
    ------
    EvaluationError
        If the points and the image have different numbers of axes.
    """
    return count_detections_in(points, instances, progress=progress).scores()


def check_points(
    points: NDArray[Any], truth: NDArray[Any], radius: float, scale: Sequence[float] | None
) -> NDArray[np.float64]:
    """Length of a voxel along each axis, shape (d,), if the points can be matched.

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
    return np.ones(points.shape[1]) if scale is None else np.asarray(scale, dtype=np.float64)


def labels_at(points: NDArray[Any], instances: Image, progress: ProgressCallback) -> tuple[NDArray[np.int64], set[int]]:
    """The object at each point, shape (n,), 0 for none, and all objects of the image.

    Raises
    ------
    EvaluationError
        If the points and the image have different numbers of axes.
    """
    if points.ndim != 2 or points.shape[1] != len(instances.shape):
        raise EvaluationError(f"points of shape {points.shape} do not fit an image with axes {instances.axis_names}")
    voxels = np.floor(np.asarray(points) + 0.5).astype(np.int64)
    found = np.zeros(len(points), np.int64)
    objects: set[int] = set()
    for region in regions(instances, progress):
        labels = instances.read(region)
        objects.update(np.unique(labels).tolist())
        here = ((voxels >= region.start) & (voxels < region.stop)).all(axis=1)
        found[here] = labels[tuple((voxels[here] - region.start).T)]
    return found, objects - {0}
