"""The similarity from which a voxel belongs to a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from dinoscope.geometry import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.similarity import SimilarityMap

_SAMPLED_SECTIONS = 8
_SAMPLED_SIDE = 2048
"""Patches: with 8 sections at most 134 MB per class, however large the image."""

_WAY = 0.6
"""How far the threshold lies on the way from the image's ordinary similarity to that of the examples."""


_ENOUGH = 2**20
"""Values per class from which a median is taken."""


def choose_thresholds(
    similarity: SimilarityMap, wanted: float | Literal["auto"], known: Region | None = None
) -> NDArray[np.float32]:
    """The given threshold for every class, or one per class chosen from the map, shape (K,)."""
    if wanted == "auto":
        return auto_thresholds(similarity, known)
    return np.full(len(similarity.classes), wanted, np.float32)


def auto_thresholds(similarity: SimilarityMap, known: Region | None = None) -> NDArray[np.float32]:
    """A threshold per class between what is ordinary in the image and what the examples reach, shape (K,).

    Parameters
    ----------
    similarity
        The map.
    known
        The patches (z, gy, gx) that were compared so far; all by default.

    Notes
    -----
    Ordinary is the median of the map, so the objects sought should fill less than half of the image. How alike the
    rest of an image is varies far too much between encoders and images for a fixed threshold.
    """
    values = sample_map(similarity) if known is None else similarity.read(known)
    values = values.reshape(len(values), -1)
    ordinary = np.median(values[:, :: 1 + values.shape[1] // _ENOUGH], axis=1)
    thresholds: NDArray[np.float32] = (ordinary + _WAY * (similarity.levels - ordinary)).astype(np.float32)
    return thresholds


def sample_map(similarity: SimilarityMap) -> NDArray[np.float32]:
    """Similarities of the middle of some evenly spread sections, shape (K, n, gy, gx)."""
    sections, *plane = similarity.grid.shape
    start = [max(0, (size - _SAMPLED_SIDE) // 2) for size in plane]
    stop = [first + min(size, _SAMPLED_SIDE) for first, size in zip(start, plane, strict=True)]
    chosen = np.unique(np.linspace(0, sections - 1, _SAMPLED_SECTIONS).round().astype(int))
    planes = [similarity.read(Region((z, *start), (z + 1, *stop))) for z in chosen.tolist()]
    return np.concatenate(planes, axis=1)
