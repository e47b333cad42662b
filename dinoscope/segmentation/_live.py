"""What a map says at a threshold, worked out where and when somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dinoscope.geometry import Region
from dinoscope.image import LazyArray
from dinoscope.segmentation._fine import FineMap
from dinoscope.segmentation._segment import label_region

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dinoscope.similarity import SimilarityMap

_WHOLE = 2048
"""Voxels: where no side is longer than this, there is one level."""

_COARSEST = 512
"""Voxels: other pyramids end with the first level whose sides are no longer than this. Viewers read that one whole."""


class _LazyMask(LazyArray):
    """Class labels of every `step`-th voxel, in the axes (z, y, x) or (y, x)."""

    def __init__(
        self, similarity: SimilarityMap | FineMap, thresholds: NDArray[np.float32], step: int, stacked: bool
    ) -> None:
        sections, *plane = similarity.grid.voxels
        shape = tuple(max(1, size // step) for size in plane)
        super().__init__((sections, *shape) if stacked else shape, np.uint8)
        self._similarity, self._thresholds, self._step = similarity, thresholds, step

    def is_quick(self, bounds: tuple[slice, ...]) -> bool:
        """Whether a part can be read without working out where borders lie."""
        similarity = self._similarity
        return not isinstance(similarity, FineMap) or similarity.is_quick(self._region(bounds), self._step)

    def roughly(self, bounds: tuple[slice, ...]) -> NDArray[np.uint8]:
        """A part as the map alone shows it, between patches."""
        similarity = self._similarity
        return self._labels(similarity.similarity if isinstance(similarity, FineMap) else similarity, bounds)

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[np.uint8]:
        return self._labels(self._similarity, bounds)

    def _labels(self, similarity: SimilarityMap | FineMap, bounds: tuple[slice, ...]) -> NDArray[np.uint8]:
        labels = label_region(similarity, self._region(bounds), self._thresholds, self._step)
        return labels if self.ndim == 3 else labels[0]

    def _region(self, bounds: tuple[slice, ...]) -> Region:
        """The voxels (z, y, x) that decide a part."""
        box = bounds if self.ndim == 3 else (slice(0, 1), *bounds)
        steps = (1, self._step, self._step)
        region = Region(
            tuple(part.start * step for part, step in zip(box, steps, strict=True)),
            tuple(part.stop * step for part, step in zip(box, steps, strict=True)),
        )
        return region.intersect(Region.of_shape(self._similarity.grid.voxels))


class _HastyMask(LazyArray):
    """A mask that keeps nobody waiting: where borders are not worked out yet, it is that of the map alone."""

    def __init__(self, mask: _LazyMask, missed: Callable[[], None]) -> None:
        super().__init__(mask.shape, mask.dtype)
        self._mask, self._missed = mask, missed

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[np.uint8]:
        if self._mask.is_quick(bounds):
            labels: NDArray[np.uint8] = self._mask[bounds]
            return labels
        self._missed()
        return self._mask.roughly(bounds)


def hasty_mask(levels: Sequence[LazyArray], missed: Callable[[], None]) -> list[LazyArray]:
    """A mask for a window that must not wait: all but its finest level are rough before they have been read once.

    Parameters
    ----------
    levels
        What `lazy_mask` gives; the finest one stays as it is.
    missed
        Called, in the thread that reads, whenever a part is rough that will be finer once `levels` have been read
        there.
    """
    finest, *coarser = levels
    return [finest, *(_HastyMask(level, missed) if isinstance(level, _LazyMask) else level for level in coarser)]


def lazy_mask(similarity: SimilarityMap | FineMap, thresholds: NDArray[np.float32], stacked: bool) -> list[LazyArray]:
    """The mask of a map at some thresholds, as a pyramid of lazy arrays. Making it computes nothing.

    Parameters
    ----------
    similarity
        The map; a view of it, so that what is compared later shows up.
    thresholds
        One per class, shape (K,).
    stacked
        Whether the mask has an axis z.

    Returns
    -------
    Class labels, uint8, shape (z, y, x) or (y, x): k + 1 for class k. Each level has half the size of the one before.
    The coarsest of several, which is for thumbnails, is that of the map alone, and reads nothing of an image.
    """
    longest, steps = max(similarity.grid.voxels[1:]), [1]
    while longest > _WHOLE and longest // steps[-1] > _COARSEST:
        steps.append(steps[-1] * 2)
    rough = similarity.similarity if isinstance(similarity, FineMap) else similarity
    coarsest = steps[-1] if len(steps) > 1 else 0
    return [_LazyMask(rough if step == coarsest else similarity, thresholds, step, stacked) for step in steps]


class _LazyPatches(LazyArray):
    """A picture made from the similarities of each patch, in the axes (z, gy, gx) or (gy, gx)."""

    def __init__(
        self, similarity: SimilarityMap, stacked: bool, look: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    ) -> None:
        super().__init__(similarity.grid.shape if stacked else similarity.grid.shape[1:], np.float32)
        self._similarity, self._look = similarity, look

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[np.float32]:
        z, y, x = bounds if self.ndim == 3 else (slice(0, 1), *bounds)
        picture = self._look(self._similarity.read(Region((z.start, y.start, x.start), (z.stop, y.stop, x.stop))))
        return picture if self.ndim == 3 else picture[0]


def lazy_map(similarity: SimilarityMap, index: int, stacked: bool) -> LazyArray:
    """The map of the class with this index, shape (z, gy, gx) or (gy, gx)."""
    return _LazyPatches(similarity, stacked, lambda values: values[index])


def lazy_uncertainty(similarity: SimilarityMap, thresholds: NDArray[np.float32], stacked: bool) -> LazyArray:
    """The `uncertainty` of every patch, shape (z, gy, gx) or (gy, gx)."""
    return _LazyPatches(similarity, stacked, lambda values: uncertainty(values, thresholds))


def uncertainty(values: NDArray[np.float32], thresholds: NDArray[np.float32]) -> NDArray[np.float32]:
    """How little it would take to change a voxel's label: 1 at a threshold, 0 as far from all of them as can be.

    Parameters
    ----------
    values
        Similarities, shape (K, ...).
    thresholds
        One per class, shape (K,).

    Returns
    -------
    Array of shape (...), in [0, 1].
    """
    level = thresholds.reshape(-1, *(1,) * (values.ndim - 1)).astype(np.float64)
    room = np.maximum(np.where(values >= level, 1.0 - level, level), np.finfo(np.float64).tiny)
    doubt: NDArray[np.float32] = (1.0 - np.abs(values - level) / room).max(axis=0).astype(np.float32)
    return doubt
