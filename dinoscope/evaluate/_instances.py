"""Matches of numbered objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.errors import EvaluationError
from dinoscope.evaluate._contingency import count_matches, overlaps
from dinoscope.evaluate._counts import share, shares
from dinoscope.jobs import ignore_progress

if TYPE_CHECKING:
    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback

AP_IOUS = tuple(percent / 100 for percent in range(50, 100, 5))
"""The overlaps 0.50, 0.55, … 0.95 over which the mean of AP is taken."""


@dataclass(frozen=True, slots=True)
class InstanceScores:
    """Matches of predicted with true objects. With no objects on either side all shares are 1.

    Attributes
    ----------
    f1, precision, recall
        ``2 TP / (2 TP + FP + FN)``, ``TP / (TP + FP)`` and ``TP / (TP + FN)`` at the chosen IoU.
    ap
        ``TP / (TP + FP + FN)`` at the chosen IoU, as in the Data Science Bowl 2018 (Caicedo et al., Nat. Methods 2019),
        StarDist (Schmidt et al., MICCAI 2018) and Cellpose (Stringer et al., Nat. Methods 2021). Label images carry no
        scores by which objects could be ranked, so this is not the area under a curve.
    mean_ap
        Mean of the same over the IoUs 0.50, 0.55, … 0.95.
    pq
        Panoptic quality ``sq * rq`` (Kirillov et al., CVPR 2019), always at an IoU above 0.5.
    sq
        Segmentation quality, the mean IoU of the matched pairs; 0 where objects are but none match.
    rq
        Recognition quality, the F1 at an IoU above 0.5.
    matched, predicted, actual
        TP at the chosen IoU, and the number of objects in the prediction and in the truth.
    """

    f1: float
    precision: float
    recall: float
    ap: float
    mean_ap: float
    pq: float
    sq: float
    rq: float
    matched: int
    predicted: int
    actual: int


@dataclass(frozen=True, slots=True)
class InstanceCounts:
    """Objects and their matches; the sum of two is that of both images as one.

    Attributes
    ----------
    iou
        The chosen overlap.
    matched
        Pairs above it.
    matched_at
        Pairs above each of `AP_IOUS`.
    overlap
        Sum of the IoU of all pairs above 0.5.
    predicted, actual
        Number of objects.
    """

    iou: float
    matched: int
    matched_at: tuple[int, ...]
    overlap: float
    predicted: int
    actual: int

    def __add__(self, other: InstanceCounts) -> InstanceCounts:
        if self.iou != other.iou:
            raise EvaluationError(f"matches at an IoU above {self.iou} and above {other.iou} cannot be pooled")
        return InstanceCounts(
            self.iou,
            self.matched + other.matched,
            tuple(a + b for a, b in zip(self.matched_at, other.matched_at, strict=True)),
            self.overlap + other.overlap,
            self.predicted + other.predicted,
            self.actual + other.actual,
        )

    def ap_at(self) -> tuple[float, ...]:
        """``TP / (TP + FP + FN)`` at each of `AP_IOUS`."""
        return tuple(share(matched, self.predicted + self.actual - matched) for matched in self.matched_at)

    def scores(self) -> InstanceScores:
        """What the counts amount to."""
        ap = share(self.matched, self.predicted + self.actual - self.matched)
        pairs = self.matched_at[0]
        rq = shares(pairs, self.predicted, self.actual)[0]
        sq = self.overlap / pairs if pairs else float(self.predicted == self.actual == 0)
        return InstanceScores(
            *shares(self.matched, self.predicted, self.actual),
            ap=ap,
            mean_ap=float(np.mean(self.ap_at())),
            pq=sq * rq,
            sq=sq,
            rq=rq,
            matched=self.matched,
            predicted=self.predicted,
            actual=self.actual,
        )


def count_instances(
    pred: Image, truth: Image, *, iou: float = 0.5, progress: ProgressCallback = ignore_progress
) -> InstanceCounts:
    """Match the objects of two label images, block by block; only the pairs of labels that meet are kept.

    Parameters
    ----------
    pred, truth
        Label images whose values number objects, 0 being none.
    iou
        A predicted and a true object match if their IoU exceeds it. From 0.5 on an object can match one other at most;
        below, the largest possible number of one-to-one matches counts.
    progress
        Called after every block, with the stage ``"evaluate"``.

    Raises
    ------
    EvaluationError
        If the shapes differ, or `iou` is not from 0 up to 1.
    """
    if not 0 <= iou < 1:
        raise EvaluationError(f"objects cannot match at an IoU above {iou}: expected a value from 0 up to 1")
    table = overlaps(pred, truth, progress)
    predicted, actual = table.shape
    return InstanceCounts(
        iou,
        count_matches(table, iou),
        tuple(count_matches(table, each) for each in AP_IOUS),
        float(table.data[table.data > AP_IOUS[0]].sum()),
        predicted,
        actual,
    )


def evaluate_instances(
    pred: Image, truth: Image, *, iou: float = 0.5, progress: ProgressCallback = ignore_progress
) -> InstanceScores:
    """Compare two label images whose values number objects; see `count_instances`.

    Raises
    ------
    EvaluationError
        If the shapes differ, or `iou` is not from 0 up to 1.
    """
    return count_instances(pred, truth, iou=iou, progress=progress).scores()
