"""A simulated person who looks at the mask and corrects the worst error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from dinoscope.errors import EvaluationError
from dinoscope.evaluate._clicks import deepest_point
from dinoscope.evaluate._masks import MaskCounts
from dinoscope.prompts import PointPrompt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Segment = Callable[[list[PointPrompt]], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How many clicks a mask took.

    Attributes
    ----------
    targets
        The Dice that were asked for, in ascending order.
    clicks
        Clicks until each of them was reached, NoC; the allowed number where it was not.
    reached
        Whether each of them was.
    dice
        After every click.
    prompts
        The clicks.
    """

    targets: tuple[float, ...]
    clicks: tuple[int, ...]
    reached: tuple[bool, ...]
    dice: tuple[float, ...]
    prompts: tuple[PointPrompt, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Error:
    """A connected wrong region of one section."""

    size: int
    section: int
    positive: bool
    corner: tuple[int, int]
    inside: NDArray[np.bool_]


def next_click(
    found: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    before: Sequence[PointPrompt] = (),
    *,
    positives_only: bool = False,
) -> PointPrompt | None:
    """The click with which a careful person corrects a mask: the deepest point of the largest wrong region.

    A region is connected (faces touching) within one section, and either missing, which gives a positive click, or too
    much, which gives a counter-example. Of regions of equal size the first section's is taken, and there what is
    missing; of several deepest points the first in C order.

    Parameters
    ----------
    found, truth
        Masks of one shape, (y, x) or (z, y, x).
    before
        Earlier clicks. They count as outside of the region, since nobody clicks at the same place again: RITM skips
        only the voxel itself.
    positives_only
        Whether the person has no counter-examples, and so can do nothing about what is too much.

    Returns
    -------
    The click in coordinates (z, y, x), or None where nothing is left that the person can correct.

    Raises
    ------
    EvaluationError
        If the shapes differ, or are neither (y, x) nor (z, y, x).

    References
    ----------
    Xu et al., Deep interactive object selection, CVPR 2016. Sofiiuk et al., Reviving iterative training with mask
    guidance for interactive segmentation (RITM), ICIP 2022.
    """
    if found.shape != truth.shape or truth.ndim not in (2, 3):
        raise EvaluationError(
            f"a mask of shape {found.shape} and a truth of shape {truth.shape}: expected one shape (y, x) or (z, y, x)"
        )
    stack = (-1, *truth.shape[-2:])
    masks = zip(found.reshape(stack), truth.reshape(stack), strict=True)
    worst: _Error | None = None
    for section, (mask, real) in enumerate(masks):
        free = _not_clicked(real.shape, section, before)
        wrongs = ((True, real & ~mask), (False, mask & ~real))[: 1 if positives_only else 2]
        for positive, wrong in wrongs:
            error = _largest(wrong, free, section, positive)
            if error is not None and (worst is None or error.size > worst.size):
                worst = error
    if worst is None:
        return None
    y, x = (at + corner for at, corner in zip(deepest_point(worst.inside), worst.corner, strict=True))
    return PointPrompt((float(worst.section), float(y), float(x)), positive=worst.positive)


def clicks_to_reach(
    segment: Segment,
    truth: NDArray[np.bool_],
    targets: Sequence[float] = (0.7, 0.8),
    at_most: int = 20,
    *,
    positives_only: bool = False,
) -> Effort:
    """Count the clicks that a simulated person needs until the mask is good enough (NoC).

    Parameters
    ----------
    segment
        Gives the mask for all clicks so far; of the shape of `truth`.
    truth
        What the person wants, shape (y, x) or (z, y, x), not empty.
    targets
        Dice from 0 to 1; NoC@70 and NoC@80 by default.
    at_most
        The person gives up after so many clicks, which then is the count.
    positives_only
        As for `next_click`. Where nothing is missing any more such a person gives up, too.

    Raises
    ------
    EvaluationError
        If the truth is empty, no click is allowed, or a mask has another shape.

    References
    ----------
    As for `next_click`. There the targets are IoUs; 20 clicks at most are usual.
    """
    if not truth.any() or at_most < 1 or not targets:
        raise EvaluationError(
            f"clicks cannot be counted towards Dice {tuple(targets)} in {np.count_nonzero(truth)} voxels with "
            f"{at_most} clicks at most: expected a target, a truth that is not empty, and 1 click or more"
        )
    wanted = tuple(sorted(targets))
    prompts: list[PointPrompt] = []
    dice: list[float] = []
    found: NDArray[np.bool_] = np.zeros(truth.shape, bool)
    while len(prompts) < at_most and (not dice or max(dice) < wanted[-1]):
        click = next_click(found, truth, prompts, positives_only=positives_only)
        if click is None:
            break
        prompts.append(click)
        found = segment(list(prompts))
        dice.append(MaskCounts.of(found, truth).scores().dice)
    first = [next((n for n, value in enumerate(dice, start=1) if value >= target), None) for target in wanted]
    return Effort(
        wanted,
        tuple(at_most if n is None else n for n in first),
        tuple(n is not None for n in first),
        tuple(dice),
        tuple(prompts),
    )


def _not_clicked(shape: tuple[int, ...], section: int, before: Sequence[PointPrompt]) -> NDArray[np.bool_]:
    free = np.ones(shape, bool)
    for prompt in before:
        z, y, x = (int(np.floor(at + 0.5)) for at in prompt.position)
        if z == section:
            free[y, x] = False
    return free


def _largest(wrong: NDArray[Any], free: NDArray[np.bool_], section: int, positive: bool) -> _Error | None:
    """The largest component of a wrong region, and its voxels that were not clicked; None where all were."""
    labels, count = ndimage.label(wrong)
    sizes = np.bincount(labels[free], minlength=count + 1)
    sizes[0] = 0
    largest = int(np.argmax(sizes))
    if not sizes[largest]:
        return None
    rows, columns = ndimage.find_objects(labels, max_label=largest)[-1]
    inside = (labels[rows, columns] == largest) & free[rows, columns]
    return _Error(int(sizes[largest]), section, positive, (rows.start, columns.start), inside)
