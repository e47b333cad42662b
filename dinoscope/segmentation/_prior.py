"""What the similarities of a map mean before anybody has looked at the image: what is ordinary, and what is alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.geometry import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.similarity import SimilarityMap

_SAMPLED_SECTIONS = 8
_SAMPLED_SIDE = 2048
"""Patches: with 8 sections at most 134 MB per class, however large the image."""

_ENOUGH = 2**20
"""Values per class from which a median is taken."""

_EVEN = 0.65
"""How far on the way from the ordinary to the examples inside and outside are equally likely, given the map alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """How likely a similarity is to be inside of an object.

    Attributes
    ----------
    evens
        The similarity of each class at which inside and outside are equally likely, shape (K,).
    span
        How far the examples are above what is ordinary, shape (K,); 0 where they are not.
    """

    evens: NDArray[np.float32]
    span: NDArray[np.float32]

    @classmethod
    def of(cls, similarity: SimilarityMap, known: Region | None = None) -> Prior:
        """What the patches (z, gy, gx) that were compared so far say; all by default."""
        usual = ordinary(similarity, known)
        evens: NDArray[np.float32] = (usual + _EVEN * (similarity.levels - usual)).astype(np.float32)
        return cls(evens, np.maximum(similarity.levels - usual, 0.0).astype(np.float32))


def ordinary(similarity: SimilarityMap, known: Region | None = None) -> NDArray[np.float32]:
    """The median of a map, or of the patches (z, gy, gx) of it that were compared so far, shape (K,)."""
    values = sample_map(similarity) if known is None else similarity.read(known)
    values = values.reshape(len(values), -1)
    usual: NDArray[np.float32] = np.median(values[:, :: 1 + values.shape[1] // _ENOUGH], axis=1)
    return usual


def sample_map(similarity: SimilarityMap) -> NDArray[np.float32]:
    """Similarities of the middle of some evenly spread sections, shape (K, n, gy, gx)."""
    sections, *plane = similarity.grid.shape
    start = [max(0, (size - _SAMPLED_SIDE) // 2) for size in plane]
    stop = [first + min(size, _SAMPLED_SIDE) for first, size in zip(start, plane, strict=True)]
    chosen = np.unique(np.linspace(0, sections - 1, _SAMPLED_SECTIONS).round().astype(int))
    planes = [similarity.read(Region((z, *start), (z + 1, *stop))) for z in chosen.tolist()]
    return np.concatenate(planes, axis=1)
