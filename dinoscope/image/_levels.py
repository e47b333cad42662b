"""The same pixels at several resolutions: which arrays fit, and views that all of them are given alike."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from dinoscope.errors import AxesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dinoscope.image._image import ArrayLike, Image
    from dinoscope.image._opened import Opened

Levelled = TypeVar("Levelled", "Image", "Opened")

SAMPLE_KINDS = "biuf"
"""NumPy's kinds of the samples an image may have: bool, integers, floats."""

_NEVER_COARSER = "tcs"

_NEARLY = 1.01
"""A level counts as one of step 4 if its sizes say 4.02, because sizes are whole numbers."""


def map_levels(levelled: Levelled, view: Callable[[ArrayLike], ArrayLike], **changes: Any) -> Levelled:
    """Look at the data and at every coarser level in the same way.

    Parameters
    ----------
    levelled
        What has the fields `data` and `coarser`.
    view
        Makes a lazy view of an array.
    changes
        Further fields that change along, such as the axes.
    """
    coarser = tuple(view(level) for level in levelled.coarser)
    return replace(levelled, data=view(levelled.data), coarser=coarser, **changes)


def check_levels(names: str, arrays: Sequence[ArrayLike], what: str) -> None:
    """Refuse arrays that are no levels of one image.

    Parameters
    ----------
    names
        Axis names of the first array.
    arrays
        Finest first.
    what
        The image, for the message.

    Raises
    ------
    AxesError
        If an array has other axes than the first, or is larger than the one before it.
    """
    shapes = [tuple(array.shape) for array in arrays]
    for number, (finer, shape) in enumerate(pairwise(shapes), start=1):
        reason = _misfit(names, finer, shape)
        if reason is not None:
            raise AxesError(
                f"level {number} of {what} has shape {shape}, the level before it {finer}: {reason}; give the levels "
                f"finest first, all with the axes {names!r}, of which only z, y and x may become shorter, or leave "
                "this one out"
            )


def fitting_levels(names: str, data: ArrayLike, candidates: Iterable[ArrayLike]) -> tuple[ArrayLike, ...]:
    """Those of a file's coarser levels that are of use: of the same axes, and smaller than the one before."""
    kept: list[ArrayLike] = []
    finer = tuple(data.shape)
    for level in candidates:
        shape = tuple(level.shape)
        real = np.dtype(level.dtype).kind in SAMPLE_KINDS
        if real and shape != finer and _misfit(names, finer, shape) is None:
            kept.append(level)
            finer = shape
    return tuple(kept)


def coarsest_level(levels: Sequence[ArrayLike], y_axis: int, step: float) -> tuple[ArrayLike, tuple[float, float]]:
    """The coarsest level that is fine enough for pixels of a size.

    Parameters
    ----------
    levels
        Finest first.
    y_axis
        Which of their axes is y; x comes next.
    step
        Voxels of the first level per pixel.

    Returns
    -------
    The level, and how many voxels (y, x) of the first level one of its voxels stands for.
    """
    finest = levels[0].shape[y_axis : y_axis + 2]
    found: tuple[ArrayLike, tuple[float, float]] = levels[0], (1.0, 1.0)
    for level in levels[1:]:
        height, width = level.shape[y_axis : y_axis + 2]
        factors = finest[0] / height, finest[1] / width
        if max(factors) <= step * _NEARLY:
            found = level, factors
    return found


def _misfit(names: str, finer: tuple[int, ...], shape: tuple[int, ...]) -> str | None:
    """Why an array of this shape cannot follow a finer one, or None where it can."""
    if len(shape) != len(names):
        return f"it has {len(shape)} axes, expected {len(names)}"
    for name, fine, size in zip(names, finer, shape, strict=True):
        if name in _NEVER_COARSER and size != fine:
            return f"axis {name} has size {size}, expected {fine}"
        if not 1 <= size <= fine:
            return f"axis {name} has size {size}, expected 1 to {fine}"
    return None
