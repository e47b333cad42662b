"""Where the next example would help most."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from dinoscope.geometry import Region
from dinoscope.prompts import placed
from dinoscope.segmentation._prior import ordinary, reached

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from dinoscope.prompts import Prompt
    from dinoscope.similarity import SimilarityMap
    from dinoscope.tiling import PatchGrid

_LOOKED_AT = 2**19
"""Patches: of a larger map only some evenly spread windows are looked at."""

_WINDOW = 256
"""Patches per side of such a window."""

_RIM = 0.5
"""How far on the way from the ordinary to the threshold what may be an object begins."""

_CORE = 0.25
"""Share of an object, its most alike patches, that tells how alike it is: its rim says nothing."""

_EVEN = 0.3
"""How far on the way from the threshold to the examples an answer is least predictable.

Of what only just reaches the threshold most is none: to ask there gives counter-examples only.
"""

_APART = 3.0
"""Patches around an example, and around another suggestion, in which nothing is suggested."""

_UNKNOWN = 0.75
"""Share of an object that must be farther than that from all examples: otherwise it is one of them."""

_LEAST_ROOM = 0.05
"""Similarity: doubt reaches at least so far to either side."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A place where it helps to say whether it is one.

    Attributes
    ----------
    position
        Voxel coordinates (z, y, x).
    class_name
        What it may be one of.
    doubt
        How unpredictable the answer is, 0 to 1.
    found
        Whether it counts as one by now.
    """

    position: tuple[float, float, float]
    class_name: str
    doubt: float
    found: bool


@dataclass(frozen=True, slots=True, order=True)
class _Candidate:
    """What may be an object, with its deepest patch; sorts by place."""

    patch: tuple[int, int, int]
    index: int
    area: int
    core: float
    found: bool


def suggest(
    similarity: SimilarityMap,
    thresholds: NDArray[np.float32],
    given: Sequence[Prompt] = (),
    known: Region | None = None,
    view: Region | None = None,
    count: int = 1,
) -> list[Suggestion]:
    """Places where another example, or counter-example, would change most; the best first.

    The least certain patch of all is worth nothing: it lies on the rim of some object. So whole objects are judged,
    down to half of what the threshold asks: by how uncertain their cores are, and by their size. Suggested is the point
    of such an object that is farthest from its outside, where a person would click.

    Parameters
    ----------
    similarity
        The map.
    thresholds
        One per class, shape (K,).
    given
        Examples and counter-examples on this image: nothing is suggested close to one.
    known
        The patches (z, gy, gx) that were compared so far; all by default.
    view
        Voxels (z, y, x) that are looked at: of a map too large to be looked at as a whole they are always.
    count
        How many, at most.

    Returns
    -------
    At most `count` suggestions, apart from one another; none where nothing is in doubt.
    """
    scale = _Scale.of(reached(similarity, known), thresholds, ordinary(similarity, known))
    windows = _windows(similarity.grid, known or similarity.grid.extent, view)
    found = {candidate for window in windows for candidate in _candidates(similarity, window, scale, given)}
    chosen: list[_Candidate] = []
    for candidate in _by_worth(found, scale):
        if len(chosen) == count:
            break
        if all(_are_apart(candidate.patch, other.patch) for other in chosen):
            chosen.append(candidate)
    return [_suggestion(similarity, candidate, scale) for candidate in chosen]


@dataclass(frozen=True, slots=True, eq=False)
class _Scale:
    """What the similarities of each class mean, shape (K,): where objects end, are found, and are even odds."""

    rims: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    evens: NDArray[np.float32]
    reach: NDArray[np.float32]

    @classmethod
    def of(cls, levels: NDArray[np.float32], thresholds: NDArray[np.float32], usual: NDArray[np.float32]) -> _Scale:
        """From what the examples reach, the threshold, and what is ordinary."""
        reach = np.maximum(levels - thresholds, _LEAST_ROOM)
        rims = np.minimum(usual + _RIM * (thresholds - usual), thresholds)
        return cls(rims, thresholds, thresholds + _EVEN * reach, reach)

    def doubt(self, candidate: _Candidate) -> float:
        """1 where the answer is least predictable, 0 where it is certain."""
        index = candidate.index
        return max(0.0, 1.0 - abs(candidate.core - float(self.evens[index])) / float(self.reach[index]))


def _by_worth(found: Collection[_Candidate], scale: _Scale) -> list[_Candidate]:
    """What is in doubt, the most worthwhile first; of what is equal the first in the image."""
    large = _large(np.sort([candidate.area for candidate in found]))
    worth = {c: scale.doubt(c) * min(1.0, c.area / large) for c in found}
    return sorted((c for c in found if worth[c] > 0), key=lambda c: (-worth[c], c))


def _large(areas: NDArray[np.int64]) -> float:
    """The area from which on objects make up half of the area of all; areas are given in order. Specks count little."""
    covered = np.cumsum(areas)
    return float(areas[np.searchsorted(covered, covered[-1] / 2)]) if len(areas) else 1.0


def _windows(grid: PatchGrid, known: Region, view: Region | None) -> Iterator[Region]:
    """Pieces of single sections that are looked at: all that is known, or some that are spread evenly over it."""
    sections, *plane = known.shape
    if known.size <= _LOOKED_AT:
        for z in range(known.start[0], known.stop[0]):
            yield Region((z, *known.start[1:]), (z + 1, *known.stop[1:]))
        return
    side = [min(_WINDOW, size) for size in plane]
    number = _LOOKED_AT // math.prod(side)
    abreast = min(4, math.prod(size // part for size, part in zip(plane, side, strict=True)))
    layers = _spread(sections, 1, max(1, number // abreast))
    each = math.isqrt(max(1, number // len(layers)))
    rows, columns = (_spread(size, part, each) for size, part in zip(plane, side, strict=True))
    corners = [(z, y, x) for z in layers for y in rows for x in columns]
    for corner in corners:
        start = tuple(a + b for a, b in zip(corner, known.start, strict=True))
        yield Region(start, tuple(a + b for a, b in zip(start, (1, *side), strict=True)))
    if view is not None:
        seen = grid.patches_around(view.intersect(Region.of_shape(grid.voxels))).intersect(known)
        if seen.size:
            yield _middle(seen)


def _spread(size: int, part: int, at_most: int) -> list[int]:
    """Where some evenly spread parts of an axis begin, which touch at most."""
    number = min(at_most, max(1, size // part))
    return sorted({round(start) for start in np.linspace(0, size - part, number).tolist()})


def _middle(region: Region) -> Region:
    """The first section of a region, and of that the middle."""
    inset = [max(0, (size - _WINDOW) // 2) for size in region.shape[1:]]
    start = [a + i for a, i in zip(region.start[1:], inset, strict=True)]
    stop = [min(b, a + _WINDOW) for a, b in zip(start, region.stop[1:], strict=True)]
    return Region((region.start[0], *start), (region.start[0] + 1, *stop))


def _candidates(
    similarity: SimilarityMap, window: Region, scale: _Scale, given: Sequence[Prompt]
) -> Iterator[_Candidate]:
    """What may be objects in a piece of a section, of every class, unless an example says already what it is."""
    values = similarity.read(window)[:, 0]
    free = _far_from(given, similarity.grid, window)
    for index, plane in enumerate(values):
        inside = plane >= scale.rims[index]
        objects, number = ndimage.label(inside)
        numbers = np.arange(1, number + 1)
        areas = np.bincount(objects.ravel(), minlength=number + 1)[1:]
        unknown = ndimage.sum_labels(free, objects, numbers) > _UNKNOWN * areas
        depth = ndimage.distance_transform_edt(np.pad(inside & free, 1))[1:-1, 1:-1]
        places = np.array(ndimage.maximum_position(depth, objects, numbers), np.int64).reshape(-1, 2)
        cores = _cores(plane[inside], objects[inside], areas)
        for row in np.flatnonzero(unknown).tolist():
            y, x = (int(at) + start for at, start in zip(places[row], window.start[1:], strict=True))
            core = float(cores[row])
            is_found = core >= float(scale.thresholds[index])
            yield _Candidate((window.start[0], y, x), index, int(areas[row]), core, is_found)


def _cores(values: NDArray[np.float32], objects: NDArray[np.int32], areas: NDArray[np.int64]) -> NDArray[np.float64]:
    """How alike the cores of objects are, shape (n,), from the values and the numbers, 1 to n, of all their patches."""
    ranked = values[np.lexsort((-values, objects))].astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(ranked)])
    first = np.cumsum(areas) - areas
    counts = np.ceil(_CORE * areas).astype(np.int64)
    means: NDArray[np.float64] = (sums[first + counts] - sums[first]) / np.maximum(counts, 1)
    return means


def _far_from(given: Sequence[Prompt], grid: PatchGrid, window: Region) -> NDArray[np.bool_]:
    """Which patches of a piece of a section are far enough from all examples, shape (gy, gx)."""
    near = np.zeros(window.shape[1:], bool)
    rows, columns = (np.arange(window.start[axis], window.stop[axis])[:, np.newaxis] for axis in (1, 2))
    for prompt in placed(given):
        low, high = prompt.bounds
        if not round(low[0]) <= window.start[0] <= round(high[0]):
            continue
        away = [
            np.maximum(0.0, np.maximum(grid.to_patch(low[axis]) - at, at - grid.to_patch(high[axis])))
            for axis, at in ((1, rows), (2, columns))
        ]
        near |= np.hypot(away[0], away[1].T) <= _APART
    return ~near


def _are_apart(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return one[0] != other[0] or math.dist(one[1:], other[1:]) > _APART


def _suggestion(similarity: SimilarityMap, candidate: _Candidate, scale: _Scale) -> Suggestion:
    """A candidate as people understand it: in voxels, and inside of the image."""
    grid = similarity.grid
    z, *patch = candidate.patch
    y, x = (min(float(grid.to_voxel(at)), size - 1.0) for at, size in zip(patch, grid.voxels[1:], strict=True))
    name = similarity.classes[candidate.index]
    return Suggestion((float(z), y, x), name, scale.doubt(candidate), candidate.found)
