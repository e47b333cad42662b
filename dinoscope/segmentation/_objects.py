"""Objects of a mask that is never in memory as a whole.

Every block is labelled by itself and labels that meet at a seam are joined; then touching objects are split, sections
are linked, and what is too small or too large is dropped. No result depends on the size of the blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.jobs import ignore_progress
from dinoscope.segmentation._linking import link_sections
from dinoscope.segmentation._pieces import Collector, Found
from dinoscope.segmentation._rules import ObjectRules
from dinoscope.segmentation._splitting import split_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from dinoscope.geometry import Region
    from dinoscope.jobs import ProgressCallback
    from dinoscope.similarity import WritableArray

_SOLID = ObjectRules()


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Objects as they were found block by block. Piece 0 is the background.

    Attributes
    ----------
    object_of
        Final id of each piece, 0 where it was dropped, shape (pieces + 1,).
    class_of
        Class label of each object, shape (objects + 1,).
    voxels
        Size of each object in voxels, shape (objects + 1,).
    """

    object_of: NDArray[np.uint32]
    class_of: NDArray[np.uint8]
    voxels: NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of objects."""
        return len(self.class_of) - 1


def find_objects(
    blocks: Iterable[Region],
    read: Callable[[Region], NDArray[np.integer]],
    scratch: WritableArray,
    rules: ObjectRules = _SOLID,
    progress: ProgressCallback = ignore_progress,
) -> Pieces:
    """Find the objects of a mask, block by block. They are numbered in the order of their first voxels.

    Parameters
    ----------
    blocks
        Boxes (z, y, x) that partition the image, in C order.
    read
        Gives the class labels of a block, negative where they are uncertain: an object has a certain voxel. Voxels of
        different classes never join.
    scratch
        Shape of the image, uint32: receives piece numbers; `Pieces.object_of` turns them into objects.
    rules
        What makes an object; by default, voxels of one class that touch.
    progress
        Called after every block that is split, with the stage ``"split"``, and after every one in which sections are
        linked, with the stage ``"link"``.
    """
    collector = Collector(scratch, rules.flat, rules.hole_voxels > 0)
    for block in blocks:
        collector.add(block, read(block))
    found = collector.join(rules.hole_voxels)
    if rules.split > 0:
        found = split_objects(scratch, found, rules, progress)
    if rules.linked:
        found = link_sections(scratch, found, rules, progress)
    return _keep(found, rules)


def _keep(found: Found, rules: ObjectRules) -> Pieces:
    """Drop what is too small, too large or nowhere certain, and number the rest."""
    facts = found.facts
    kept = facts.certain & (facts.voxels >= max(1.0, rules.min_voxels)) & (facts.voxels <= rules.max_voxels)
    kept &= facts.classes > 0
    chosen = np.flatnonzero(kept)
    chosen = chosen[np.argsort(facts.places[chosen])]
    number = np.zeros(len(facts), np.uint32)
    number[chosen] = np.arange(1, len(chosen) + 1)
    rows = np.concatenate([[0], chosen])
    voxels = facts.voxels[rows]
    voxels[0] = 0
    return Pieces(number[found.object_of], facts.classes[rows], voxels)
