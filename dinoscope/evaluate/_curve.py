"""Precision and recall at every threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import EvaluationError
from dinoscope.evaluate._counts import pool
from dinoscope.evaluate._pairs import pairs
from dinoscope.jobs import ignore_progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback

_LEVELS = 256


@dataclass(frozen=True, slots=True)
class CurveScores:
    """What a curve of precision and recall amounts to.

    Attributes
    ----------
    average_precision
        Sum over the thresholds, from high to low, of the precision times the recall it adds. Nothing is interpolated,
        as in ``average_precision_score`` of scikit-learn. Where there is nothing to find it is 1 if nothing was found,
        and 0 otherwise.
    best_dice
        The highest Dice (of points: F1) at any threshold.
    best_threshold
        The lowest threshold that reaches it.
    """

    average_precision: float
    best_dice: float
    best_threshold: float


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Precision and recall of what reaches each threshold.

    Attributes
    ----------
    thresholds
        Ascending, shape (n,).
    precision
        Shape (n,); 1 where nothing reaches the threshold.
    recall
        Shape (n,); 1 where there is nothing to find.
    scores
        Its summary.
    """

    thresholds: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    scores: CurveScores


@dataclass(frozen=True, slots=True, eq=False)
class CurveCounts:
    """Histograms of a map; the sum of two is that of both images as one.

    Attributes
    ----------
    voxels
        How many voxels have each value, shape (256,): entry k counts values from k / 256 up to (k + 1) / 256.
    right
        How many of these are true, shape (256,).
    """

    voxels: NDArray[np.int64]
    right: NDArray[np.int64]

    def __add__(self, other: CurveCounts) -> CurveCounts:
        return CurveCounts(self.voxels + other.voxels, self.right + other.right)

    @classmethod
    def of(cls, values: NDArray[Any], truth: NDArray[Any]) -> CurveCounts:
        """Count the values of an array from 0 to 1; values outside are clipped, NaN counts as 0.

        Raises
        ------
        EvaluationError
            If the shapes differ.
        """
        if values.shape != truth.shape:
            raise EvaluationError(
                f"a map of shape {values.shape} and a truth of shape {truth.shape} cannot be compared"
            )
        levels = np.floor(np.nan_to_num(values, nan=0.0).clip(0, 1) * _LEVELS).astype(np.int64)
        levels = levels.clip(0, _LEVELS - 1).ravel()
        voxels = np.bincount(levels, minlength=_LEVELS)
        return cls(voxels, np.bincount(levels[truth.ravel() > 0], minlength=_LEVELS))

    def curve(self) -> Curve:
        """Precision and recall at the thresholds 0, 1/256, … 255/256."""
        found, right = (counts[::-1].cumsum()[::-1] for counts in (self.voxels, self.right))
        return make_curve(np.arange(_LEVELS) / _LEVELS, found, right, int(self.right.sum()))

    def scores(self) -> CurveScores:
        """What the curve amounts to."""
        return self.curve().scores


def make_curve(
    thresholds: NDArray[np.float64], found: NDArray[np.int64], right: NDArray[np.int64], actual: int
) -> Curve:
    """The curve of how much reaches each threshold.

    Parameters
    ----------
    thresholds
        Ascending, shape (n,).
    found, right
        How much reaches each threshold, and how much of that is right, shape (n,).
    actual
        How much there is to find.
    """
    precision = np.where(found > 0, right / np.maximum(found, 1), 1.0)
    recall = right / actual if actual else np.ones(len(right))
    totals = found + actual
    dice = np.where(totals > 0, 2 * right / np.maximum(totals, 1), 1.0)
    if not len(dice):
        return Curve(thresholds, precision, recall, CurveScores(float(not actual), float(not actual), 0.0))
    if actual:
        average = float(np.sum((recall - np.append(recall[1:], 0.0)) * precision))
    else:
        average = float(not found[0])
    best = int(np.argmax(dice))
    return Curve(thresholds, precision, recall, CurveScores(average, float(dice[best]), float(thresholds[best])))


def count_curve(values: Image, truth: Image, *, progress: ProgressCallback = ignore_progress) -> CurveCounts:
    """Count the values of a map in- and outside of a mask, block by block.

    Parameters
    ----------
    values
        Map from 0 to 1; values outside are clipped, NaN counts as 0.
    truth
        Mask of the same shape; every value above 0 is inside.
    progress
        Called after every block, with the stage ``"evaluate"``.

    Raises
    ------
    EvaluationError
        If the shapes differ.
    """
    return pool(CurveCounts.of(found, real) for found, real in pairs(values, truth, progress))


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
    scores = CurveCounts.of(values, truth).scores()
    return scores.best_dice, scores.best_threshold
