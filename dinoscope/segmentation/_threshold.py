"""The similarity from which a voxel belongs to a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from skimage.filters import threshold_otsu

from dinoscope.geometry import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.similarity import SimilarityMap

_SAMPLED_SECTIONS = 8


def choose_threshold(similarity: SimilarityMap, wanted: float | Literal["auto"]) -> float:
    """The given threshold, or one chosen from the map's own histogram."""
    return auto_threshold(similarity) if wanted == "auto" else float(wanted)


def auto_threshold(similarity: SimilarityMap) -> float:
    """The middle between the mean similarities of alike and unlike patches, told apart by Otsu's method."""
    best = sample_map(similarity).max(axis=0)
    if best.min() == best.max():
        return 0.5
    alike = best > threshold_otsu(best)
    return float((best[alike].mean() + best[~alike].mean()) / 2.0)


def sample_map(similarity: SimilarityMap) -> NDArray[np.float32]:
    """Similarities of some evenly spread sections, shape (K, n, gy, gx)."""
    sections, rows, columns = similarity.grid.shape
    chosen = np.unique(np.linspace(0, sections - 1, _SAMPLED_SECTIONS).round().astype(int))
    planes = [similarity.read(Region((z, 0, 0), (z + 1, rows, columns))) for z in chosen.tolist()]
    return np.concatenate(planes, axis=1)
