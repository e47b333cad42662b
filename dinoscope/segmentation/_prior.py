"""What the similarities of a map mean before anybody has looked at the image: what is ordinary, and what is alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.geometry import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.similarity import SimilarityMap
    from dinoscope.tiling import PatchGrid

_SAMPLED_SECTIONS = 8
_SAMPLED_SIDE = 2048
"""Patches: at most 17 MB per class and section, however large the image."""

_ENOUGH = 2**20
"""Values per class from which a median is taken."""

_HIGHEST = 0.995
"""Share of the patches that are less alike than what is sought by its name alone."""

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
        usual, levels = ordinary(similarity, known), reached(similarity, known)
        evens: NDArray[np.float32] = (usual + _EVEN * (levels - usual)).astype(np.float32)
        return cls(evens, np.maximum(levels - usual, 0.0).astype(np.float32))


def ordinary(similarity: SimilarityMap, known: Region | None = None) -> NDArray[np.float32]:
    """The median of a map, or of the patches (z, gy, gx) of it that were compared so far, shape (K,)."""
    usual: NDArray[np.float32] = np.median(_sample(similarity, known), axis=1)
    return usual


def reached(similarity: SimilarityMap, known: Region | None = None) -> NDArray[np.float32]:
    """What similarity what is sought can be expected to reach, shape (K,).

    Where no example tells, as with texts, it is what the most alike patches (z, gy, gx) of those compared so far reach.
    """
    told = np.isfinite(similarity.levels)
    if told.all():
        return similarity.levels
    highest = np.quantile(_sample(similarity, known), _HIGHEST, axis=1)
    levels: NDArray[np.float32] = np.where(told, similarity.levels, highest).astype(np.float32)
    return levels


def _sample(similarity: SimilarityMap, known: Region | None) -> NDArray[np.float32]:
    """Values of a map, or of what of it was compared so far, shape (K, n)."""
    start, stop = (known or similarity.grid.extent).start, (known or similarity.grid.extent).stop
    every = [Region((z, *start[1:]), (z + 1, *stop[1:])) for z in range(start[0], stop[0])]
    sections = sample_sections(similarity.grid) if known is None else every
    step = 1 + sum(section.size for section in sections) // _ENOUGH
    kept, seen = [], 0
    for section in sections:
        values = similarity.read(section).reshape(len(similarity.classes), -1)
        kept.append(values[:, -seen % step :: step].copy())
        seen += section.size
    return np.concatenate(kept, axis=1)


def sample_sections(grid: PatchGrid) -> list[Region]:
    """The middle (z, gy, gx) of some evenly spread sections, each a region."""
    sections, *plane = grid.shape
    start = [max(0, (size - _SAMPLED_SIDE) // 2) for size in plane]
    stop = [first + min(size, _SAMPLED_SIDE) for first, size in zip(start, plane, strict=True)]
    chosen = np.unique(np.linspace(0, sections - 1, _SAMPLED_SECTIONS).round().astype(int))
    return [Region((z, *start), (z + 1, *stop)) for z in chosen.tolist()]
