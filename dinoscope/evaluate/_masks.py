"""Overlap of masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.evaluate._counts import pool, share, shares
from dinoscope.evaluate._pairs import pairs
from dinoscope.jobs import ignore_progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback


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
class MaskCounts:
    """Voxels of two masks; the sum of two is that of both images as one.

    Attributes
    ----------
    both
        Voxels in the prediction and in the truth.
    predicted, actual
        Voxels in either.
    """

    both: int
    predicted: int
    actual: int

    def __add__(self, other: MaskCounts) -> MaskCounts:
        return MaskCounts(self.both + other.both, self.predicted + other.predicted, self.actual + other.actual)

    @classmethod
    def of(cls, pred: NDArray[Any], truth: NDArray[Any]) -> MaskCounts:
        """Count voxels of two arrays of one shape; what is above 0 is inside."""
        inside, wanted = pred > 0, truth > 0
        counts = (np.count_nonzero(each) for each in (inside & wanted, inside, wanted))
        return cls(*(int(count) for count in counts))

    def scores(self) -> Scores:
        """What the counts amount to."""
        dice, precision, recall = shares(self.both, self.predicted, self.actual)
        return Scores(dice, share(self.both, self.predicted + self.actual - self.both), precision, recall)


def count_masks(pred: Image, truth: Image, *, progress: ProgressCallback = ignore_progress) -> MaskCounts:
    """Count the voxels of two masks, block by block; every value above 0 is inside.

    Raises
    ------
    EvaluationError
        If the shapes differ.
    """
    return pool(MaskCounts.of(found, real) for found, real in pairs(pred, truth, progress))


def evaluate_masks(pred: Image, truth: Image, *, progress: ProgressCallback = ignore_progress) -> Scores:
    """Compare two masks; every value above 0 is inside.

    Raises
    ------
    EvaluationError
        If the shapes differ.
    """
    return count_masks(pred, truth, progress=progress).scores()
