"""The yardstick for masks: our own methods with nothing rounded to save time."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

from dinoscope.similarity import _knn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_QUERIES = 2048


@contextmanager
def exactly() -> Iterator[None]:
    """Within it votes go by distances in double precision, and not in steps of eight bits."""
    with patch.object(_knn, "SteppedBank", ExactBank), patch.object(_knn, "in_steps", lambda features: features):
        yield


@dataclass(frozen=True, slots=True, eq=False)
class ExactBank:
    """Reference patches with labels, as they are.

    Attributes
    ----------
    features
        Standardised, shape (M, C), float64.
    labels
        Shape (M, K).
    neighbours
        How many of them vote.
    """

    features: NDArray[np.float64]
    labels: NDArray[np.float32]
    neighbours: int

    @classmethod
    def of(cls, features: NDArray[np.float32], labels: NDArray[np.float32], neighbours: int) -> ExactBank:
        """Of standardised features (M, C) and their labels (M, K)."""
        return cls(features.astype(np.float64), labels, neighbours)

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean label of the patches nearest (L2) to each of some standardised features (N, C), shape (N, K)."""
        k = min(self.neighbours, len(self.features))
        lengths = np.square(self.features).sum(axis=1)
        votes = []
        for start in range(0, len(features), _QUERIES):
            part = features[start : start + _QUERIES].astype(np.float64)
            order = lengths - 2.0 * part @ self.features.T  # n M: as the squares of distances, which are the same more
            votes.append(self.labels[np.argpartition(order, k - 1, axis=1)[:, :k]].mean(axis=1))
        found: NDArray[np.float32] = np.concatenate(votes).astype(np.float32)
        return found
