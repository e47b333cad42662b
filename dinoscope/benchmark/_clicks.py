"""Clicks drawn from a truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from dinoscope.evaluate import draw_clicks, draw_points
from dinoscope.prompts import PointPrompt

if TYPE_CHECKING:
    from numpy.typing import NDArray


def examples(labels: NDArray[Any], section: int, count: int, seed: int) -> list[PointPrompt]:
    """Clicks on what is sought: the deepest points of objects drawn at random.

    Where most of a mask hangs together, as membranes do, or there are fewer objects than clicks, they are any points of
    the middle lines.

    Parameters
    ----------
    labels
        Objects as numbers, or a mask whose connected components are the objects, shape (y, x).
    section
        Index z of the clicks.
    count, seed
        As for `draw_clicks`.

    Raises
    ------
    EvaluationError
        If there is too little to click on.
    """
    numbers = ndimage.label(labels)[0] if labels.dtype == bool else labels
    sizes = np.unique(numbers[numbers > 0], return_counts=True)[1]
    network = labels.dtype == bool and 2 * sizes.max(initial=0) > sizes.sum() and len(sizes) > 1
    if network or len(sizes) < count:
        return _prompts(draw_points(skeletonize(labels > 0), count, seed), section, True)
    return _prompts(draw_clicks(labels, count, seed), section, True)


def counter_examples(labels: NDArray[Any], section: int, count: int, seed: int) -> list[PointPrompt]:
    """Clicks on what is not sought, each place outside equally likely."""
    return _prompts(draw_points(labels == 0, count, seed), section, False)


def _prompts(places: NDArray[np.float64], section: int, positive: bool) -> list[PointPrompt]:
    return [PointPrompt((float(section), float(y), float(x)), positive=positive) for y, x in places]
