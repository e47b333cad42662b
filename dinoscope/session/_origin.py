"""Which of the examples of a session is why something is found at a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from dinoscope.errors import NotReadyError, PromptError
from dinoscope.geometry import Region

if TYPE_CHECKING:
    from dinoscope.reference import Example, Reference
    from dinoscope.session._gestures import Position
    from dinoscope.session._session import Session
    from dinoscope.similarity import Origins
    from dinoscope.tiling import PatchGrid

_LAST: WeakKeyDictionary[Session, tuple[Reference, Origins]] = WeakKeyDictionary()
"""What the last reference of every session tells: people ask of one object after the other."""


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The example that a place resembles most.

    Attributes
    ----------
    example
        Which one; its number is that in `Session.examples`.
    similarity
        To it, in [0, 1]: half of one plus the cosine, see `dinoscope.similarity.nearest_examples`.
    """

    example: Example
    similarity: float

    def __str__(self) -> str:
        """Such as ``most like example 3 of stack.tif (point at z 0, y 48, x 48): 0.93``."""
        example = self.example
        return f"most like example {example.number} of {example.image_name} ({example.place}): {self.similarity:.2f}"


def origin_at(session: Session, position: Position) -> Origin:
    """The example that is why the map says what it says at a voxel position (z, y, x).

    It is an example of the class that the place is most similar to.

    Raises
    ------
    NotReadyError
        If there is no map, or none of this place yet.
    PromptError
        If the place is not in the image.
    """
    similarity, known = session.map_so_far
    reference, lead, grid = session.result("reference"), session.lead, similarity.grid
    here = _patch_at(grid, position)
    if not grid.extent.contains(here):
        raise PromptError(f"(z, y, x) = {position} lies outside of the image of {grid.voxels} voxels")
    seen = _patch_at(lead.store.grid, lead.position(position))
    if not known.contains(here) or lead.store.pending(seen):
        raise NotReadyError(f"nothing is compared at (z, y, x) = {position} yet: look there, or wait")
    k = int(similarity.read(here).ravel().argmax())
    indices, values = _origins(session, reference).nearest(lead.store.read(seen).reshape(1, -1), k)
    return Origin(_heard(session)[int(indices[0])], float(values[0]))


def _heard(session: Session) -> list[Example]:
    """The example behind each row of the reference, in which prompts are once per axis that the image is cut across."""
    examples, muted = session.examples, session.muted
    known = len(examples) - len(session.prompts)
    rows = examples[:known] + examples[known:] * len(session.settings.tiling.cut_axes)
    return [example for example in rows if example.number not in muted]


def _patch_at(grid: PatchGrid, position: tuple[float, ...]) -> Region:
    """The patch at a voxel position (z, y, x), which may lie outside."""
    z, y, x = round(position[0]), int(grid.patch_index(position[1], 1)), int(grid.patch_index(position[2], 2))
    return Region((z, y, x), (z + 1, y + 1, x + 1))


def describe_origin(session: Session, position: Position) -> str:
    """What `origin_at` tells, in words; empty where there is nothing to tell."""
    try:
        return str(origin_at(session, position))
    except (NotReadyError, PromptError):
        return ""


def _origins(session: Session, reference: Reference) -> Origins:
    from dinoscope.similarity import origins_of  # loads torch, which comparing has loaded by now

    before, last = _LAST.get(session, (None, None))
    if last is None or before is not reference:
        last = origins_of(reference)
        _LAST[session] = (reference, last)
    return last
