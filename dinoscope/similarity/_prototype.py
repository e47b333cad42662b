"""Prototypes: the cosine to the mean of the examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.similarity._windows import Surroundings, examples_of, share_left, surroundings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.settings import SimilaritySettings

_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Prototypes:
    """Places in feature space, seen from what is usual around the examples.

    Attributes
    ----------
    usual
        The patches around the examples.
    wanted
        The mean example of every class, standardised, shape (K, C).
    unwanted
        What each class is not, K arrays of shape (Q, C).
    """

    usual: Surroundings
    wanted: NDArray[np.float32]
    unwanted: tuple[NDArray[np.float32], ...]

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Half of one plus the cosine to the mean example of every class, shape (N, K).

        Patches that are nearer to a counter-example get less: the rule that DINOSim's pseudo-labels follow.
        """
        patches = self.usual.standardise(features)
        values = (1.0 + _unit(patches) @ _unit(self.wanted).T) / 2.0  # N K
        for k, (wanted, unwanted) in enumerate(zip(self.wanted, self.unwanted, strict=True)):
            values[:, k] *= share_left(patches, wanted, unwanted)
        clipped: NDArray[np.float32] = np.clip(values, 0.0, 1.0).astype(np.float32)
        return clipped


def fit_prototypes(reference: Reference, settings: SimilaritySettings) -> Prototypes:
    """One prototype per class."""
    usual = surroundings(reference)
    pairs = [examples_of(reference, k) for k in range(len(reference.classes))]
    means = np.stack([usual.standardise(wanted).mean(axis=0) for wanted, _ in pairs])
    return Prototypes(usual, means, tuple(usual.standardise(against) for _, against in pairs))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _TINY)
    return scaled
