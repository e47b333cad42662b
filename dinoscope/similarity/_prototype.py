"""Prototypes: the cosine to the mean of the examples, or of the groups that they form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.vq import kmeans2

from dinoscope.similarity._windows import Surroundings, examples_of, share_left, surroundings, unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.settings import SimilaritySettings

_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Prototypes:
    """Places in feature space, seen from what is usual around the examples.

    Attributes
    ----------
    usual
        The patches around the examples.
    wanted
        The mean examples of every class, standardised, K arrays of shape (n, C).
    unwanted
        What each class is not, K arrays of shape (Q, C).
    """

    usual: Surroundings
    wanted: tuple[NDArray[np.float32], ...]
    unwanted: tuple[NDArray[np.float32], ...]

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Half of one plus the cosine to the most alike mean example of every class, shape (N, K).

        Patches that are nearer to a counter-example get less: the rule that DINOSim's pseudo-labels follow.
        """
        patches = self.usual.standardise(features)
        columns = [_alike(patches, *pair) for pair in zip(self.wanted, self.unwanted, strict=True)]
        return np.stack(columns, axis=1)


def fit_prototypes(reference: Reference, settings: SimilaritySettings, like: Prototypes | None = None) -> Prototypes:
    """The mean of each class, or the means of the groups that its examples form; what is usual as in another one."""
    usual = surroundings(reference, settings.remove) if like is None else like.usual
    pairs = [[usual.standardise(part) for part in examples_of(reference, k)] for k in range(len(reference.classes))]
    means = tuple(_means(wanted, settings.prototypes) for wanted, _ in pairs)
    return Prototypes(usual, means, tuple(against for _, against in pairs))


def _means(examples: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Means of at most `count` groups of examples (P, C), by k-means, shape (n, C)."""
    if count == 1 or len(examples) == 1:
        mean: NDArray[np.float32] = examples.mean(axis=0, keepdims=True)
        return mean
    groups = min(count, len(np.unique(examples, axis=0)))
    ordered = examples[np.lexsort(examples.T)]  # so that the order of clicks is no matter
    means, _ = kmeans2(ordered.astype(np.float64), groups, minit="++", rng=_SEED)
    found: NDArray[np.float32] = means.astype(np.float32)
    return found


def _alike(
    patches: NDArray[np.float32], wanted: NDArray[np.float32], unwanted: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Similarity of patches (N, C) to one class, shape (N,)."""
    nearest = (unit(patches) @ unit(wanted).T).max(axis=1)
    left = np.max([share_left(patches, mean, unwanted) for mean in wanted], axis=0)
    clipped: NDArray[np.float32] = np.clip((1.0 + nearest) / 2.0 * left, 0.0, 1.0).astype(np.float32)
    return clipped
