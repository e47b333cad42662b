"""The similarity from which a voxel belongs to a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from dinoscope.segmentation._fine import FineMap
from dinoscope.segmentation._prior import Prior, ordinary, reached

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.geometry import Region
    from dinoscope.settings import SegmentationSettings
    from dinoscope.similarity import SimilarityMap

_WAY = 0.6
"""How far the threshold lies on the way from the image's ordinary similarity to that of the examples."""


def choose_thresholds(
    similarity: SimilarityMap | FineMap, wanted: float | Literal["auto"], known: Region | None = None
) -> NDArray[np.float32]:
    """The given threshold for every class, or one per class chosen from the map, shape (K,).

    Where the image refines the map, it is the similarity at which inside and outside are equally likely.
    """
    if wanted != "auto":
        return np.full(len(similarity.classes), wanted, np.float32)
    if isinstance(similarity, FineMap):
        evidence = similarity.evidence
        return auto_thresholds(similarity.similarity, known) if evidence is None else evidence.prior.evens
    return auto_thresholds(similarity, known)


def mask_thresholds(
    similarity: SimilarityMap, settings: SegmentationSettings, known: Region | None = None
) -> NDArray[np.float32]:
    """The thresholds at which these settings cut a map, once an image has refined it if they want that, shape (K,)."""
    if settings.refine == "none" or settings.threshold != "auto":
        return choose_thresholds(similarity, settings.threshold, known)
    return Prior.of(similarity, known).evens


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
    usual = ordinary(similarity, known)
    thresholds: NDArray[np.float32] = (usual + _WAY * (reached(similarity, known) - usual)).astype(np.float32)
    return thresholds
