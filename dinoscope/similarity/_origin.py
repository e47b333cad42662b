"""Which example is why something is found: the one that it resembles most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.geometry import Region
from dinoscope.similarity._windows import Surroundings, as_they_are, surroundings, unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from dinoscope.features import FeatureStore
    from dinoscope.reference import Reference


@dataclass(frozen=True, slots=True, eq=False)
class Origins:
    """The positive examples, seen from what is usual around them.

    Attributes
    ----------
    usual
        The patches around the examples.
    examples
        The vectors of all of them, standardised and of length 1, shape (P, C).
    classes
        Class that each speaks for, shape (P,); -1 of a counter-example.
    """

    usual: Surroundings
    examples: NDArray[np.float32]
    classes: NDArray[np.int64]

    def nearest(self, features: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `nearest_examples`."""
        speaking = np.flatnonzero(self.classes == k)
        cosines = unit(self.usual.standardise(features)) @ self.examples[speaking].T  # N p
        best = cosines.argmax(axis=1)
        similarity: NDArray[np.float32] = np.clip((1.0 + cosines.max(axis=1)) / 2.0, 0.0, 1.0)
        return speaking[best], similarity


def origins_of(reference: Reference) -> Origins:
    """What tells of features which example they resemble; good for many questions."""
    usual = surroundings(reference) if not reference.is_text.any() else as_they_are(reference.encoder.channels)
    classes = np.where(reference.positive, reference.class_index, -1)
    return Origins(usual, unit(usual.standardise(reference.vectors)), classes)


def nearest_examples(
    reference: Reference, features: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Which example of class `k` each of some features resembles most.

    It is the one with the highest cosine where all features are relative to what is usual around the examples, which
    is how prototypes and the nearest neighbours of the other methods see them. Counter-examples find nothing, so they
    are not asked.

    Parameters
    ----------
    reference
        The examples.
    features
        Shape (N, C).
    k
        Index of the class.

    Returns
    -------
    Indices of examples of the reference, shape (N,), and half of one plus the cosine to each, in [0, 1], shape (N,).
    """
    return origins_of(reference).nearest(features, k)


def examples_at(
    reference: Reference, store: FeatureStore, places: NDArray[np.float64], classes: Sequence[str]
) -> NDArray[np.int64]:
    """Which example of its class each of some places in an image resembles most, shape (n,), see `nearest_examples`.

    Parameters
    ----------
    reference
        The examples.
    store
        Features of the image, from the same encoder; done at the places.
    places
        Voxel positions (z, y, x), shape (n, 3).
    classes
        The class of what is at each of them, n names of the reference.

    Raises
    ------
    StoreError
        If features are missing.
    """
    origins, grid = origins_of(reference), store.grid
    numbers = np.array([reference.classes.index(name) for name in classes], np.int64)
    patches = np.stack([np.rint(places[:, 0]), *(grid.patch_index(places[:, axis], axis) for axis in (1, 2))], axis=1)
    patches = np.clip(patches.astype(np.int64), 0, np.array(grid.shape) - 1)
    found = np.zeros(len(places), np.int64)
    for near in _neighbourhoods(patches, store.manifest.tiles.core):
        low, high = patches[near].min(axis=0), patches[near].max(axis=0) + 1
        read = store.read(Region(tuple(low.tolist()), tuple(high.tolist())))
        features = read[tuple((patches[near] - low).T)]
        for k in np.unique(numbers[near]):
            mine = numbers[near] == k
            found[near[mine]] = origins.nearest(features[mine], int(k))[0]
    return found


def _neighbourhoods(patches: NDArray[np.int64], side: int) -> Iterator[NDArray[np.int64]]:
    """Indices of the patches (n, 3) that lie in the same square of so many patches per side, square by square."""
    squares = patches // (1, side, side)
    order = np.lexsort(squares.T)
    changes = 1 + np.flatnonzero((np.diff(squares[order], axis=0) != 0).any(axis=1))
    yield from (part for part in np.split(order, changes) if len(part))
