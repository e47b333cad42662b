"""The yardstick for masks: our own methods with nothing rounded to save time."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

from dinoscope.similarity import _knn
from dinoscope.similarity._steps import _GROUPS, _LARGEST, _REACH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_ONE = (_REACH / _LARGEST) ** 2
"""What one more of the squares in steps is: who is at the radius counts that."""


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
        groups, queries = min(_GROUPS, len(self.features)), features.astype(np.float64)
        lengths = [np.square(part).sum(axis=1) for part in (queries, self.features)]
        squares = lengths[0][:, np.newaxis] + lengths[1] - 2.0 * queries @ self.features.T
        least = np.stack([squares[:, group::groups].min(axis=1) for group in range(groups)], axis=1)
        radius = np.sort(least, axis=1)[:, min(self.neighbours, groups) - 1, np.newaxis]
        weights = np.maximum(radius - squares, 0.0) + np.isclose(squares, radius) * _ONE
        mean: NDArray[np.float64] = weights @ self.labels / weights.sum(axis=1, keepdims=True)
        return mean.astype(np.float32)
