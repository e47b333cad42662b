"""Texts, and texts with clicks: the cosine, which is what text encoders are trained for.

What is usual around the examples, which the other methods reckon with, a text has not. So whatever the method in the
settings, a reference with a text in it is compared by the plain cosine of features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from dinoscope.similarity._windows import unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.settings import SimilaritySettings

TEXT_METHOD = "text"
"""What the settings' method becomes where there are texts."""

_TEMPERATURE = 0.07
"""Difference of cosines that counts for one unit of log-odds: where dino.txt, SimZSS and CLIP begin their training."""


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """Directions in feature space.

    Attributes
    ----------
    wanted
        Of every class, shape (K, C), each of length 1.
    unwanted
        Of what each class is not, K arrays of shape (Q, C), each row of length 1.
    """

    wanted: NDArray[np.float32]
    unwanted: tuple[NDArray[np.float32], ...]

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Half of one plus the cosine to every class, shape (N, K).

        Of it is left what counter-examples and the other classes leave: ``min(1, 2 p)`` with the probability p of the
        class against the nearest of them, the softmax of the two cosines. So a patch that is nearer to the background,
        where that is named, is soon unlike everything.
        """
        patches = unit(features)
        cosines = patches @ self.wanted.T  # N K
        left = [_share(patches, cosines[:, k], others) for k, others in enumerate(self.unwanted)]
        similar: NDArray[np.float32] = np.clip((1.0 + cosines) / 2.0 * np.stack(left, axis=1), 0.0, 1.0)
        return similar.astype(np.float32)


def fit_directions(reference: Reference, settings: SimilaritySettings, like: Directions | None = None) -> Directions:
    """The directions of all classes, of texts and of clicks alike.

    That of a class is the mean of its positive examples, each of length 1, where a text counts for as many clicks as
    its weight says: the similarity is, but for a factor, the weighted mean of the cosines to all of them.
    """
    scale = np.where(reference.is_text, np.linalg.norm(reference.vectors, axis=1), 1.0).astype(np.float32)
    weighted = unit(reference.vectors) * scale[:, np.newaxis]
    classes = range(len(reference.classes))
    mine = [reference.class_index == k for k in classes]
    wanted = [weighted[own & reference.positive].sum(axis=0) for own in mine]
    directions = unit(np.stack(wanted))
    unwanted = []
    for k in classes:
        against = unit(reference.vectors[mine[k] & ~reference.positive])
        unwanted.append(np.concatenate([against, np.delete(directions, k, axis=0)]))
    return Directions(directions, tuple(unwanted))


def _share(
    patches: NDArray[np.float32], cosines: NDArray[np.float32], unwanted: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What is left of the similarity of patches (N, C) to a class, whose cosines (N,) are known, shape (N,)."""
    if not len(unwanted):
        return np.ones(len(patches), np.float32)
    nearest = (patches @ unwanted.T).max(axis=1)
    share: NDArray[np.float32] = np.minimum(1.0, 2.0 * expit((cosines - nearest) / _TEMPERATURE)).astype(np.float32)
    return share
