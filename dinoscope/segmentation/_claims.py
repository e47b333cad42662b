"""Who has a voxel in the end, whatever the order in which outlines are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Claims:
    """What the numbers in a scratch array mean: who had a voxel before, and the best of those who claim it since.

    Of several that claim a voxel the one that had it before has it; among others, the one whose outline agrees best
    with what it had, and of equals the one of the lowest id. So nothing depends on who comes first. What nobody claims
    becomes background.

    Parameters
    ----------
    object_of
        Object id of each number so far, 0 for none.
    """

    def __init__(self, object_of: NDArray[np.uint32]) -> None:
        self._count = len(object_of)
        self._before = object_of.copy()
        self._now = np.zeros(self._count, np.uint32)
        self._agreement = np.zeros(self._count, np.float64)

    @property
    def object_of(self) -> NDArray[np.uint32]:
        """Object id of each number now."""
        return self._now[: self._count]

    def before(self, numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """The object ids of voxels before anybody claimed them."""
        return self._before[numbers]

    def claim(self, numbers: NDArray[np.uint32], mask: NDArray[np.bool_], claimant: int, agreement: float) -> None:
        """Let an object claim voxels.

        Parameters
        ----------
        numbers
            Of voxels; changed in place.
        mask
            Those that are claimed.
        claimant
            Id of the object.
        agreement
            How well its outline agrees with what it had, 0 to 1.
        """
        asked = numbers[mask]
        better = self._beats(claimant, agreement, asked)
        had, which = np.unique(self._before[asked[better]], return_inverse=True)
        first = self._count
        self._grow(had, claimant, agreement)
        asked[better] = (first + which).astype(np.uint32)
        numbers[mask] = asked

    def _beats(self, claimant: int, agreement: float, asked: NDArray[np.uint32]) -> NDArray[np.bool_]:
        had, has, agrees = self._before[asked], self._now[asked], self._agreement[asked]
        mine, theirs = had == claimant, had == has
        closer = (agreement > agrees) | ((agreement == agrees) & (claimant < has))
        better: NDArray[np.bool_] = (has == 0) | (mine & ~theirs) | ((mine == theirs) & closer)
        return better

    def _grow(self, had: NDArray[np.uint32], claimant: int, agreement: float) -> None:
        """Append a number for each object that had some of the voxels."""
        first, self._count = self._count, self._count + len(had)
        if self._count > len(self._before):
            room = 2 * self._count
            for name in ("_before", "_now", "_agreement"):
                grown = np.zeros(room, getattr(self, name).dtype)
                grown[:first] = getattr(self, name)[:first]
                setattr(self, name, grown)
        self._before[first : self._count] = had
        self._now[first : self._count] = claimant
        self._agreement[first : self._count] = agreement
