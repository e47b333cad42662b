"""Detections by their scores: precision and recall at every lowest score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import KDTree

from dinoscope.errors import EvaluationError
from dinoscope.evaluate._curve import make_curve
from dinoscope.evaluate._detections import check_points, labels_at
from dinoscope.jobs import ignore_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.evaluate._curve import Curve, CurveScores
    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback


@dataclass(frozen=True, slots=True, eq=False)
class RankedDetections:
    """Which detections are right; the sum of two is that of both images as one.

    Attributes
    ----------
    ranks
        The score of each detection, shape (n,).
    right
        Whether it is the best one of a true object, shape (n,).
    actual
        Number of true objects.
    """

    ranks: NDArray[np.float64]
    right: NDArray[np.bool_]
    actual: int

    def __add__(self, other: RankedDetections) -> RankedDetections:
        ranks, right = np.append(self.ranks, other.ranks), np.append(self.right, other.right)
        return RankedDetections(ranks, right, self.actual + other.actual)

    def curve(self) -> Curve:
        """Precision and recall of the detections that reach each of the scores."""
        thresholds, level = np.unique(self.ranks, return_inverse=True)
        counts = (np.bincount(level[chosen], minlength=len(thresholds)) for chosen in (slice(None), self.right))
        found, right = (each[::-1].cumsum()[::-1] for each in counts)
        return make_curve(thresholds, found, right, self.actual)

    def scores(self) -> CurveScores:
        """What the curve amounts to."""
        return self.curve().scores


def rank_detections(
    points: NDArray[Any],
    ranks: NDArray[Any],
    truth: NDArray[Any],
    radius: float,
    scale: Sequence[float] | None = None,
) -> RankedDetections:
    """Tell right detections from wrong ones: each, the best first, takes the nearest true place that is left.

    Parameters
    ----------
    points
        Voxel coordinates, shape (n, d).
    ranks
        Their scores, shape (n,).
    truth
        Voxel coordinates, shape (m, d).
    radius
        Largest distance of a match, in the unit of `scale`.
    scale
        Length of a voxel along each axis; 1 by default.

    Raises
    ------
    EvaluationError
        If the arrays do not fit together, or `radius` is negative.

    References
    ----------
    Everingham et al., The PASCAL Visual Object Classes Challenge, IJCV 2010, with distances in place of overlaps.
    """
    voxel = check_points(points, truth, radius, scale)
    order = _best_first(points, ranks)
    right = np.zeros(len(points), bool)
    if len(truth):
        near = KDTree(truth * voxel).query_ball_point(points * voxel, radius)
        taken: set[int] = set()
        for index in order:
            left = [place for place in near[index] if place not in taken]
            if left:
                apart = np.linalg.norm((truth[left] - points[index]) * voxel, axis=1)
                taken.add(left[int(np.argmin(apart))])
                right[index] = True
    return RankedDetections(np.asarray(ranks, np.float64), right, len(truth))


def rank_detections_in(
    points: NDArray[Any], ranks: NDArray[Any], instances: Image, *, progress: ProgressCallback = ignore_progress
) -> RankedDetections:
    """Tell right detections from wrong ones: a detection is right if it is the best one in its object.

    Parameters
    ----------
    points
        Voxel coordinates in the axes of `instances`, shape (n, d).
    ranks
        Their scores, shape (n,).
    instances
        Label image whose values number objects.
    progress
        Called after every block, with the stage ``"evaluate"``.

    Raises
    ------
    EvaluationError
        If the points do not fit the image or the scores.
    """
    order = _best_first(points, ranks)
    labels, objects = labels_at(points, instances, progress)
    right = np.zeros(len(points), bool)
    right[order[np.unique(labels[order], return_index=True)[1]]] = True
    return RankedDetections(np.asarray(ranks, np.float64), right & (labels != 0), len(objects))


def _best_first(points: NDArray[Any], ranks: NDArray[Any]) -> NDArray[np.int64]:
    if len(points) != len(ranks):
        raise EvaluationError(f"{len(points)} detections and {len(ranks)} scores do not fit together: expected as many")
    order: NDArray[np.int64] = np.argsort(-np.asarray(ranks, np.float64), kind="stable")
    return order
