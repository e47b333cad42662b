"""A section of any size, as small as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dinoscope.geometry import Region
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_BLOCK = 2048
"""Pixels per side that are read at once."""


class Plane(Protocol):
    """Pixels (h, w) of one section, in memory or not."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width."""
        ...

    def __getitem__(self, index: Any) -> Any:
        """Part of the section, for two slices with step 1."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Shrunk:
    """A section at a coarser step.

    Attributes
    ----------
    grey
        Mean of every cell, shape (h, w).
    labels
        The label in its middle, of the same shape, or None.
    shares
        Share of the pixels of the whole section that have label 1, 2, …
    """

    grey: NDArray[Any]
    labels: NDArray[Any] | None
    shares: tuple[float, ...] = ()


def shrink(grey: Plane, labels: Plane | None, step: int, classes: int) -> Shrunk:
    """Read a section block by block, and keep one pixel of every cell.

    Parameters
    ----------
    grey
        Pixels of the section.
    labels
        Its labels, of the same shape, or None.
    step
        Side of a cell; those at the far border may be smaller.
    classes
        How many labels are counted.
    """
    means = np.asarray(grey[:, :]) if step == 1 else _each_block(grey, step, _mean, np.float32)
    if labels is None:
        return Shrunk(means, None)
    counts = np.zeros(classes, np.int64)

    def look(block: NDArray[Any], step: int) -> NDArray[Any]:
        for index in range(classes):
            counts[index] += np.count_nonzero(block == index + 1)
        return _middle(block, step)

    middles = _each_block(labels, step, look, np.asarray(labels[:1, :1]).dtype)
    size = max(1, labels.shape[0] * labels.shape[1])
    return Shrunk(means, middles, tuple((counts / size).tolist()))


def _each_block(plane: Plane, step: int, look: Callable[[NDArray[Any], int], NDArray[Any]], dtype: Any) -> NDArray[Any]:
    side = step * max(1, _BLOCK // step)
    found = np.zeros([-(-size // step) for size in plane.shape], dtype)
    for block in blocks(Region.of_shape(plane.shape), (side, side)):
        cells = tuple(slice(part.start // step, -(-part.stop // step)) for part in block.slices)
        found[cells] = look(np.asarray(plane[block.slices]), step)
    return found


def _mean(block: NDArray[Any], step: int) -> NDArray[np.float64]:
    sums, counts = block.astype(np.float64), np.ones(1)
    for axis in (0, 1):
        starts = np.arange(0, block.shape[axis], step)
        with np.errstate(invalid="ignore"):  # what is infinite is not shown
            sums = np.add.reduceat(sums, starts, axis=axis)
        widths = np.diff(starts, append=block.shape[axis])
        counts = counts * (widths[:, np.newaxis] if axis == 0 else widths)
    means: NDArray[np.float64] = sums / counts
    return means


def _middle(block: NDArray[Any], step: int) -> NDArray[Any]:
    rows, columns = (np.minimum(np.arange(0, n, step) + step // 2, n - 1) for n in block.shape)
    return block[np.ix_(rows, columns)]
