"""Objects of neighbouring sections, linked by their overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dinoscope.geometry import Region
from dinoscope.jobs import counted
from dinoscope.segmentation._pieces import count_pairs
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.jobs import ProgressCallback
    from dinoscope.segmentation._pieces import Facts, Found
    from dinoscope.segmentation._rules import ObjectRules
    from dinoscope.similarity import WritableArray

_BLOCK = (1, 2048, 2048)


def link_sections(scratch: WritableArray, found: Found, rules: ObjectRules, progress: ProgressCallback) -> Found:
    """Make one object of those that lie on top of each other best, from section to section.

    Every object is linked with one object at most above it and one below, so that two that barely touch stay two. First
    neighbouring sections are linked; what found no partner there may have one beyond `rules.bridge` sections.

    Parameters
    ----------
    scratch
        Piece numbers, shape (z, y, x).
    found
        Objects, each in one section.
    rules
        How much two must overlap, and how many sections may lie between them.
    progress
        Called after every block, with the stage ``"link"``.

    Notes
    -----
    Of an object that forks from one section to the next only the best branch keeps its id.
    """
    todo = list(blocks(Region.of_shape(scratch.shape), _BLOCK))
    met: list[list[NDArray[np.int64]]] = [[] for _ in range(1 + rules.bridge)]
    for block in counted(todo, "link", progress):
        here = found.object_of[np.asarray(scratch[block.slices])]
        for gap, pairs in enumerate(met):
            if block.start[0] > gap and here.any():
                below = block.shift((-1 - gap, 0, 0))
                pairs.append(_count(found.object_of[np.asarray(scratch[below.slices])], here))
    return found.joined(best_links([_total(pairs) for pairs in met], found.facts, rules.min_overlap))


def best_links(met: list[NDArray[np.int64]], facts: Facts, min_overlap: float) -> NDArray[np.int64]:
    """Pairs of objects that are one, each object having one partner at most on either side, shape (n, 2).

    Parameters
    ----------
    met
        Rows (lower, upper, voxels in common) for neighbouring sections, then for those with one between them, and so
        on. Of all pairs that are still free, the one of the largest IoU is taken first.
    facts
        Of the objects.
    min_overlap
        Share of the smaller object that a pair has in common at least.
    """
    free_above, free_below = np.ones(len(facts), bool), np.ones(len(facts), bool)
    links: list[tuple[int, int]] = []
    for rows in met:
        for lower, upper in _ranked(rows, facts, min_overlap).tolist():
            if free_above[lower] and free_below[upper]:
                free_above[lower] = free_below[upper] = False
                links.append((lower, upper))
    return np.array(links, np.int64).reshape(-1, 2)


def _ranked(rows: NDArray[np.int64], facts: Facts, min_overlap: float) -> NDArray[np.int64]:
    """The pairs (lower, upper) of one class that overlap enough, the best first."""
    lower, upper, common = rows.T
    sizes = facts.voxels[[lower, upper]]
    enough = (common >= min_overlap * sizes.min(axis=0)) & (facts.classes[lower] == facts.classes[upper])
    iou = common / (sizes.sum(axis=0) - common)
    # Of equal pairs, the first in the image: numbers depend on the blocks, places do not.
    order = np.lexsort((facts.places[upper], facts.places[lower], -iou))
    return rows[order[enough[order]], :2]


def _count(lower: NDArray[np.int64], upper: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows (lower, upper, voxels in common) of the objects that lie on top of each other."""
    both = (lower > 0) & (upper > 0)
    pairs, common = count_pairs(lower[both], upper[both])
    return np.concatenate([pairs, common[:, np.newaxis]], axis=1)


def _total(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The rows of all blocks, those of the same pair added up."""
    rows = np.concatenate([np.zeros((0, 3), np.int64), *parts])
    pairs, inverse = np.unique(rows[:, :2], axis=0, return_inverse=True)
    common = np.bincount(inverse.ravel(), weights=rows[:, 2], minlength=len(pairs)).astype(np.int64)
    return np.concatenate([pairs, common[:, np.newaxis]], axis=1)
