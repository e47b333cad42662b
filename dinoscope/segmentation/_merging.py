"""Basins of a depth map, made one unless the pass between them is a neck."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.segmentation._pieces import join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dinoscope.segmentation._rules import ObjectRules

_DENT = 1.0
"""Sides of a voxel: a pass that lies no deeper below a top is a dent of the rim, not a neck."""

_AT_ONCE = 2**16
"""Passes that are numbers of Python at the same time."""


@dataclass(frozen=True, slots=True, eq=False)
class Passes:
    """Ways between basins.

    Attributes
    ----------
    pairs
        Numbers of the two basins, the smaller first, shape (n, 2).
    heights
        Depth at the pass, shape (n,).
    places
        Where it is, a number that no other way has, shape (n,).
    """

    pairs: NDArray[np.int64]
    heights: NDArray[np.float32]
    places: NDArray[np.int64]

    @classmethod
    def concatenate(cls, parts: list[Passes], shift: int) -> Passes:
        """All ways of all parts, `shift` taken off the numbers of the basins."""
        return cls(
            np.concatenate([np.zeros((0, 2), np.int64), *(part.pairs - shift for part in parts)]),
            np.concatenate([np.zeros(0, np.float32), *(part.heights for part in parts)]),
            np.concatenate([np.zeros(0, np.int64), *(part.places for part in parts)]),
        )

    def highest(self) -> Passes:
        """Of the ways between the same two basins the highest, and of several such the first."""
        order = np.lexsort((self.places, -self.heights, self.pairs[:, 1], self.pairs[:, 0]))
        pairs = self.pairs[order]
        new = np.ones(len(pairs), bool)
        new[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
        best = order[new]
        return Passes(self.pairs[best], self.heights[best], self.places[best])

    def between(self, group: NDArray[np.int64]) -> Passes:
        """The ways between groups of basins."""
        pairs = np.sort(group[self.pairs], axis=1)
        apart = pairs[:, 0] != pairs[:, 1]
        return Passes(pairs[apart], self.heights[apart], self.places[apart]).highest()


def merge_basins(
    tops: NDArray[np.float32],
    voxels: NDArray[np.int64],
    same: NDArray[np.int64],
    passes: Passes,
    rules: ObjectRules,
) -> NDArray[np.int64]:
    """Group of each basin, the basins of a group being one object.

    The passes are taken from the highest to the lowest. Two groups become one if the pass between them is at least
    `rules.split` times as high as the lower one of their tops, if it is a dent, or if one of them has fewer voxels than
    `rules.min_part`.

    Parameters
    ----------
    tops, voxels
        Greatest depth and size of each basin; row 0 is no basin.
    same
        Pairs of basins that a block cut, shape (n, 2).
    passes
        Between basins that touch.
    rules
        What a neck is.
    """
    group = join(len(tops), same)
    count = int(group.max()) + 1
    top = np.zeros(count, np.float32)
    np.maximum.at(top, group, tops)
    size = np.bincount(group, weights=voxels, minlength=count).astype(np.float64)
    ways = passes.between(group)
    order = np.lexsort((ways.places, -ways.heights))
    merged = _merge(ways.pairs[order], ways.heights[order], top, size, rules)
    return join(count, ways.pairs[order[merged]])[group]


def _merge(
    pairs: NDArray[np.int64],
    heights: NDArray[np.float32],
    tops: NDArray[np.float32],
    sizes: NDArray[np.float64],
    rules: ObjectRules,
) -> NDArray[np.bool_]:
    """Which pairs are made one, in this order of the passes, as Kruskal's algorithm does with a union of sets."""
    parent, top, size = array("q", range(len(tops))), array("d", tops), array("d", sizes)

    def find(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    merged = np.zeros(len(pairs), bool)
    for row, (first, second, height) in enumerate(_rows(pairs, heights)):
        a, b = find(first), find(second)
        lower = min(top[a], top[b])
        neck = height < rules.split * lower and height < lower - _DENT
        if a != b and not (neck and min(size[a], size[b]) >= rules.min_part):
            if size[a] < size[b]:
                a, b = b, a
            parent[b] = a
            top[a], size[a] = max(top[a], top[b]), size[a] + size[b]
            merged[row] = True
    return merged


def _rows(pairs: NDArray[np.int64], heights: NDArray[np.float32]) -> Iterator[tuple[int, int, float]]:
    """The passes one by one, few of them in memory as numbers of Python."""
    for start in range(0, len(pairs), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        yield from zip(pairs[part, 0].tolist(), pairs[part, 1].tolist(), heights[part].tolist(), strict=True)
