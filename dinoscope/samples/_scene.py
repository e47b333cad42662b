"""Where the cells and organelles of the phantom lie.

Space is a lattice, turned in the plane of the sections, with one jittered seed per cell. A place belongs to the seed
whose distance less its girth is least (an additively weighted Voronoi diagram: its walls are curved), and some pairs of
neighbours are one neurite. From a seed of girth ``a`` the wall to one of girth ``b`` at distance ``D`` is at least
``(D + a - b) / 2`` away. The ball of that radius holds one mitochondrion or a cluster of vesicles, so that organelles
never overlap. All lengths are in nm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.samples._look import Look
from dinoscope.samples._noise import hash_places, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

MITOCHONDRION, VESICLE, DECOY = 1, 2, 3
CLASS_NAMES = ("mitochondrion", "vesicle")
"""Names of class 1 and 2."""

_JITTER = 0.34
_GIRTH = 0.36  # of the pitch, at most
_TURN = np.deg2rad(28.0)
_PAD = 2  # cells around the phantom that reach into it
_WALL_NM = 45.0  # room for the membrane and its undulations
_JOINED = 0.45
_SMALLEST_MITOCHONDRION_NM = 90.0
_VESICLE_PITCH_NM, _VESICLE_JITTER_NM, _VESICLE_SHARE = 84.0, 11.0, 0.75
_VESICLE_RADII_NM = (18.0, 25.0)
_SLOTS_PER_AXIS = 7


@dataclass(frozen=True, slots=True, eq=False)
class Seeds:
    """Some seeds of the lattice.

    Attributes
    ----------
    cells
        Lattice indices, shape (n, d).
    places
        Positions, shape (n, d).
    girths
        How much farther than its neighbours each reaches, shape (n,).
    neurites
        Number of the neurite each belongs to, shape (n,).
    """

    cells: NDArray[np.int64]
    places: NDArray[np.float64]
    girths: NDArray[np.float64]
    neurites: NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Organelles:
    """Spheroids, of n organelles.

    Attributes
    ----------
    ids
        Positive and unique in the whole phantom, shape (n,).
    classes
        1 mitochondrion, 2 vesicle, 3 a body of no class, shape (n,).
    centres, directions
        Position, and unit vector of the long axis, shape (n, d).
    long, short
        Half axes along and across the direction, shape (n,).
    """

    ids: NDArray[np.uint64]
    classes: NDArray[np.uint8]
    centres: NDArray[np.float64]
    directions: NDArray[np.float64]
    long: NDArray[np.float64]
    short: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> Organelles:
        """Some of them."""
        return Organelles(
            self.ids[index],
            self.classes[index],
            self.centres[index],
            self.directions[index],
            self.long[index],
            self.short[index],
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """The whole arrangement.

    Attributes
    ----------
    seed
        Which one of all.
    extent_nm
        Size of the box that objects are numbered for, one entry per axis.
    look
        What kind of tissue it is.
    """

    seed: int
    extent_nm: tuple[float, ...]
    look: Look = field(default_factory=Look)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.extent_nm)

    @property
    def largest_id(self) -> int:
        """No organelle has a higher number."""
        _, counts = self._numbered_cells
        return math.prod(int(count) for count in counts) * self._slots

    @property
    def _slots(self) -> int:
        """Numbers set aside for the organelles of one cell."""
        return 1 + int(_SLOTS_PER_AXIS**self.ndim)

    def classes_of(self, ids: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Class of the organelle of each number, 0 for 0."""
        first = (ids - np.uint64(1)) % np.uint64(self._slots) == 0
        return np.where(ids == 0, 0, np.where(first, MITOCHONDRION, VESICLE)).astype(np.uint8)

    def key(self, purpose: int) -> int:
        """Key of one kind of random numbers."""
        return (self.seed * 1000 + purpose) % 2**64

    @property
    def _turned(self) -> NDArray[np.float64]:
        """Axes of the lattice as rows, in the axes of the phantom."""
        turned = np.eye(self.ndim)
        turned[-2:, -2:] = [[np.cos(_TURN), np.sin(_TURN)], [-np.sin(_TURN), np.cos(_TURN)]]
        return turned

    def _lattice_box(
        self, low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First and last cell along each axis of the lattice that a box may meet."""
        middle, half = self._turned @ ((low + high) / 2), np.abs(self._turned) @ ((high - low) / 2)
        first, last = np.floor((middle - half) / self.look.pitch_nm), np.floor((middle + half) / self.look.pitch_nm)
        return first.astype(np.int64), last.astype(np.int64)

    @property
    def _numbered_cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First cell, and number of cells, along each axis of the part of the lattice that may reach the phantom."""
        first, last = self._lattice_box(np.zeros(self.ndim), np.array(self.extent_nm))
        return first - _PAD, last - first + 1 + 2 * _PAD

    def seeds(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> Seeds:
        """The seeds of all lattice cells that a box meets, and a few more."""
        ranges = [np.arange(a, b + 1) for a, b in zip(*self._lattice_box(low, high), strict=True)]
        cells = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, self.ndim)
        places = self._places(cells)
        meets = ((places > low - self.look.pitch_nm) & (places < high + self.look.pitch_nm)).all(axis=1)
        cells = cells[meets]
        return Seeds(cells, places[meets], self._girths(cells), self._neurites(cells))

    def _neurites(self, cells: NDArray[np.int64]) -> NDArray[np.uint64]:
        pairs = cells.copy()
        pairs[:, -1] //= 2
        joined = uniform(self.key(2), *pairs.T) < _JOINED
        owner = np.where(joined[:, None], pairs * np.array([1] * (self.ndim - 1) + [2]), cells)
        return hash_places(self.key(3), *owner.T)

    def _places(self, cells: NDArray[np.int64]) -> NDArray[np.float64]:
        offsets = [uniform(self.key(10 + axis), *cells.T) for axis in range(self.ndim)]
        places: NDArray[np.float64] = (cells + 0.5 + (np.stack(offsets, axis=1) * 2 - 1) * _JITTER) * self.look.pitch_nm
        return places @ self._turned

    def _girths(self, cells: NDArray[np.int64]) -> NDArray[np.float64]:
        return uniform(self.key(5), *cells.T) * _GIRTH * self.look.pitch_nm

    def organelles(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> Organelles:
        """All organelles that a box may meet, in the order of their numbers."""
        seeds = self.seeds(low - self.look.pitch_nm, high + self.look.pitch_nm)
        room = self._room(seeds) - _WALL_NM
        kind = uniform(self.key(4), *seeds.cells.T)
        share = self.look.mitochondria
        mitochondria = self._mitochondria(seeds, room, kind < share)
        crowded = (kind >= share) & (kind < share + self.look.vesicle_cells)
        both = _concatenate(mitochondria, self._vesicles(seeds, room, crowded))
        near = ((both.centres + both.long[:, None] > low) & (both.centres - both.long[:, None] < high)).all(axis=1)
        chosen = np.flatnonzero(near)
        return both.select(chosen[np.argsort(both.ids[chosen])])

    def _room(self, seeds: Seeds) -> NDArray[np.float64]:
        """Distance from each seed to the nearest wall of its Voronoi cell, or less."""
        # The wall to a seed two cells away is at least this far, so only the adjacent cells need a look.
        room = np.full(len(seeds.cells), (2 - 2 * _JITTER - _GIRTH) * self.look.pitch_nm / 2)
        for step in product((-1, 0, 1), repeat=self.ndim):
            if any(step):
                cells = seeds.cells + np.array(step)
                apart = np.linalg.norm(self._places(cells) - seeds.places, axis=1)
                room = np.minimum(room, (apart + seeds.girths - self._girths(cells)) / 2)
        return room

    def _number(self, cells: NDArray[np.int64]) -> NDArray[np.uint64]:
        """First number of the organelles of a cell."""
        first, counts = self._numbered_cells
        number = np.zeros(len(cells), dtype=np.int64)
        for axis in range(self.ndim):
            number = number * counts[axis] + cells[:, axis] - first[axis]
        return (number * self._slots + 1).astype(np.uint64)

    def _directions(self, cells: NDArray[np.int64]) -> NDArray[np.float64]:
        angle = uniform(self.key(20), *cells.T) * 2 * np.pi
        flat = np.stack([np.sin(angle), np.cos(angle)], axis=1)
        if self.ndim == 2:
            return flat
        height = uniform(self.key(21), *cells.T) * 2 - 1
        return np.concatenate([height[:, None], flat * np.sqrt(1 - height**2)[:, None]], axis=1)

    def _mitochondria(self, seeds: Seeds, room: NDArray[np.float64], wanted: NDArray[np.bool_]) -> Organelles:
        cells = seeds.cells
        long = room * (0.85 + 0.15 * uniform(self.key(22), *cells.T))
        short = long * (0.45 + 0.4 * uniform(self.key(23), *cells.T))
        keep = wanted & (long > _SMALLEST_MITOCHONDRION_NM)
        is_decoy = uniform(self.key(24), *cells.T) < self.look.decoys
        classes = np.where(is_decoy, DECOY, MITOCHONDRION).astype(np.uint8)
        everywhere = Organelles(self._number(cells), classes, seeds.places, self._directions(cells), long, short)
        return everywhere.select(keep)

    def _vesicles(self, seeds: Seeds, room: NDArray[np.float64], wanted: NDArray[np.bool_]) -> Organelles:
        cells, places, radius = seeds.cells[wanted], seeds.places[wanted], room[wanted]
        half = _SLOTS_PER_AXIS // 2
        steps = np.array(list(product(range(-half, half + 1), repeat=self.ndim)))
        index = (np.repeat(cells, len(steps), axis=0), np.tile(np.arange(len(steps)), len(cells)))
        where = (*index[0].T, index[1])
        jitter = np.stack([uniform(self.key(30 + axis), *where) for axis in range(self.ndim)], axis=1) * 2 - 1
        offsets = np.tile(steps, (len(cells), 1)) * _VESICLE_PITCH_NM + jitter * _VESICLE_JITTER_NM
        smallest, largest = _VESICLE_RADII_NM
        radii = smallest + (largest - smallest) * uniform(self.key(40), *where)
        inside = np.linalg.norm(offsets, axis=1) + radii < np.repeat(radius, len(steps))
        keep = inside & (uniform(self.key(41), *where) < _VESICLE_SHARE)
        ids = self._number(index[0]) + np.uint64(1) + index[1].astype(np.uint64)
        centres = np.repeat(places, len(steps), axis=0) + offsets
        directions = np.zeros_like(centres)
        directions[:, -1] = 1
        classes = np.full(len(ids), VESICLE, dtype=np.uint8)
        return Organelles(ids, classes, centres, directions, radii, radii).select(keep)


def _concatenate(first: Organelles, second: Organelles) -> Organelles:
    return Organelles(
        np.concatenate([first.ids, second.ids]),
        np.concatenate([first.classes, second.classes]),
        np.concatenate([first.centres, second.centres]),
        np.concatenate([first.directions, second.directions]),
        np.concatenate([first.long, second.long]),
        np.concatenate([first.short, second.short]),
    )
