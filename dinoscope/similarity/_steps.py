"""The vote of the nearest patches on features in steps of eight bits: four times faster, and the same on any machine.

Distances between whole numbers are whole numbers. No order of summing, no block and no processor changes them, so that
neither changes a vote.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST = 127
"""Steps to either side of what is usual."""

_REACH = 6.0
"""Standard deviations that they reach; what is further off counts as that far."""

_QUERIES = 1024
"""Patches compared at once: their distances stay close to the processor."""

_FEWEST = 8
"""Channels. With a single one, torch 2.13 gives what happens to be in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class SteppedBank:
    """Reference patches with labels, in steps.

    Attributes
    ----------
    steps
        Standardised features, shape (M, C), int8.
    lengths
        Their squares, shape (M,), int32.
    labels
        Shape (M, K), in [0, 1]; 1 is alike.
    neighbours
        How many of them vote.
    """

    steps: NDArray[np.int8]
    lengths: NDArray[np.int32]
    labels: NDArray[np.float32]
    neighbours: int

    @classmethod
    def of(cls, steps: NDArray[np.int8], labels: NDArray[np.float32], neighbours: int) -> SteppedBank:
        """Of features in steps (M, C) and their labels (M, K)."""
        whole = steps.astype(np.float32)
        return cls(steps, np.einsum("mc,mc->m", whole, whole).astype(np.int32), labels, neighbours)

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean label of the patches nearest (L2) to each of some standardised features (N, C), shape (N, K)."""
        columns, k = torch.from_numpy(self.steps).T, min(self.neighbours, len(self.steps))
        lengths, labels = torch.from_numpy(self.lengths), torch.from_numpy(self.labels)
        votes = []
        for part in torch.split(torch.from_numpy(np.ascontiguousarray(features)), _QUERIES):
            distances = _products(_in_steps(part), columns)  # N M
            # The query's own length is the same for all its neighbours, so their order does not need it.
            torch.sub(lengths, distances, alpha=2, out=distances)
            nearest = distances.topk(k, dim=1, largest=False, sorted=False).indices  # N k
            votes.append(labels[nearest].mean(dim=1))
        mean: NDArray[np.float32] = torch.cat(votes).numpy()
        return mean


def in_steps(features: NDArray[np.float32]) -> NDArray[np.int8]:
    """Standardised features (M, C) in steps."""
    steps: NDArray[np.int8] = _in_steps(torch.from_numpy(features)).numpy()
    return steps


def _in_steps(features: torch.Tensor) -> torch.Tensor:
    """Standardised features as int8."""
    return (features * (_LARGEST / _REACH)).round_().clamp_(-_LARGEST, _LARGEST).to(torch.int8)


def _products(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Matrix product of int8 (N, C) and (C, M) as int32, by the instructions for it where the processor has them.

    Floats give the same: sums of so few products are whole numbers that they hold exactly.
    """
    if len(columns) >= _FEWEST and _multiplies_whole():
        return torch._int_mm(rows, columns)
    return (rows.float() @ columns.float()).int()


@functools.cache
def _multiplies_whole() -> bool:
    """Whether torch has a fast product of whole numbers here, and a right one: it does not promise it to anybody."""
    if not torch.cpu._is_vnni_supported():
        return False
    rows = torch.arange(-127, 128, dtype=torch.int8).repeat(8)[: 24 * 80].view(24, 80)
    columns = rows.flip(0).T
    return torch.equal(torch._int_mm(rows, columns), (rows.float() @ columns.float()).int())
