"""The vote of the nearest patches on features in steps of eight bits: many times faster, and the same on any machine.

Distances, weights and labels are whole numbers here. No order of summing, no block and no processor changes sums of
them, so that none changes a vote.
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

_GROUPS = 128
"""Into which voters are dealt out to find the radius within which they vote."""

_NEVER = 2**30
"""Square of a length that no features have: who has it never votes."""

_EXACT = 2**24
"""Up to which single precision holds all whole numbers."""

_QUERIES = 512
"""Patches compared at once: their distances stay close to the processor."""

_FEWEST = 8
"""Rows and columns that torch multiplies. With a single channel, torch 2.13 gives what happens to be in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class SteppedBank:
    """Reference patches that vote, in steps, dealt out into groups.

    The nearer the more they count: as the radius squared less their distance squared, the weights of Dudani (IEEE
    Trans. Syst. Man Cybern. 1976, https://doi.org/10.1109/TSMC.1976.5408784) on squares. A voter at the radius counts
    next to nothing, so that a vote changes little with what features are rounded to, and with the radius. So that need
    not be the distance of the k-th nearest patch, for which all would have to be sorted: it is the k-th of the least
    distances within the groups, and a few patches more than k lie nearer.

    Attributes
    ----------
    steps
        Standardised features of g groups, the i-th of group ``i % g``, shape (M, C), int8.
    lengths
        Their squares, shape (M,), int32.
    ballots
        What is added up: 1, and the labels of K classes in steps and in steps of these, shape (M, 1 + 2 K or more),
        int8.
    groups, neighbours, classes
        g, k and K.
    """

    steps: NDArray[np.int8]
    lengths: NDArray[np.int32]
    ballots: NDArray[np.int8]
    groups: int
    neighbours: int
    classes: int

    @classmethod
    def of(cls, steps: NDArray[np.int8], labels: NDArray[np.float32], neighbours: int) -> SteppedBank:
        """Of features in steps (M, C) and their labels (M, K) in [0, 1]; `neighbours` of them vote, or a few more."""
        lengths = np.einsum("mc,mc->m", steps, steps, dtype=np.int32)
        groups = min(_GROUPS, len(steps))
        more = 0, -len(steps) % groups
        return cls(
            np.pad(steps, (more, (0, 0))),
            np.pad(lengths, more, constant_values=_NEVER),
            np.pad(_ballots(labels), (more, (0, 0))),
            groups,
            min(neighbours, groups),
            labels.shape[1],
        )

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean label of the patches nearest (L2) to each of some standardised features (N, C), shape (N, K)."""
        columns, ballots = torch.from_numpy(self.steps).T, torch.from_numpy(self.ballots)
        lengths = torch.from_numpy(self.lengths)
        sums = []
        for part in torch.split(torch.from_numpy(np.ascontiguousarray(features)), _QUERIES):
            distances = _products(_in_steps(part), columns)  # N M
            # The query's own length is the same for all its neighbours, so their order does not need it.
            torch.sub(lengths, distances, alpha=2, out=distances)
            sums.append(_products(self._weights(distances), ballots))  # N 1+2K
        weight, coarse, fine = np.split(torch.cat(sums).numpy(), (1, 1 + self.classes), axis=1)
        mean: NDArray[np.float64] = (coarse + fine[:, : self.classes] / _LARGEST) / (_LARGEST * weight)
        return mean.astype(np.float32)

    def _weights(self, distances: torch.Tensor) -> torch.Tensor:
        """What each voter counts, in steps, from distances squared (N, M), which do not outlive it."""
        least = distances.view(len(distances), -1, self.groups).amin(dim=1)  # N g
        nearest = least.amin(dim=1, keepdim=True)
        last = self.neighbours - 1
        radius = torch.from_numpy(np.partition(least.numpy(), last, axis=1)[:, last, np.newaxis])  # N 1
        torch.sub(radius + 1, distances, out=distances)  # one more: the last one counts, too
        return (distances * (_LARGEST / (radius + 1 - nearest))).clamp_(min=0.0).to(torch.int8)


def _ballots(labels: NDArray[np.float32]) -> NDArray[np.int8]:
    """1, labels (M, K) in steps, and what is left of them in steps of a step, filled up to whole eights."""
    whole = np.rint(labels * _LARGEST**2).astype(np.int64)
    found = np.concatenate([np.ones((len(labels), 1), np.int64), *np.divmod(whole, _LARGEST)], axis=1)
    return np.pad(found, ((0, 0), (0, -found.shape[1] % _FEWEST))).astype(np.int8)


def in_steps(features: NDArray[np.float32]) -> NDArray[np.int8]:
    """Standardised features (M, C) in steps."""
    steps: NDArray[np.int8] = _in_steps(torch.from_numpy(features)).numpy()
    return steps


def _in_steps(features: torch.Tensor) -> torch.Tensor:
    """Standardised features as int8."""
    return (features * (_LARGEST / _REACH)).round_().clamp_(-_LARGEST, _LARGEST).to(torch.int8)


def _products(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Matrix product of int8 (N, C) and (C, M) as int32, by the instructions for it where the processor has them.

    Floats give the same, where they are wide enough to hold the largest sum there can be exactly.
    """
    if len(columns) >= _FEWEST and _multiplies_whole():
        return torch._int_mm(rows, columns)
    exact = torch.float32 if len(columns) * _LARGEST**2 <= _EXACT else torch.float64
    return (rows.to(exact) @ columns.to(exact)).int()


@functools.cache
def _multiplies_whole() -> bool:
    """Whether torch has a fast product of whole numbers here, and a right one: it does not promise it to anybody."""
    if not torch.cpu._is_vnni_supported():
        return False
    rows = torch.arange(-127, 128, dtype=torch.int8).repeat(8)[: 24 * 80].view(24, 80)
    both = rows.flip(0).T, rows.flip(0).T[:, :8].contiguous()  # a bank, and its ballots
    return all(torch.equal(torch._int_mm(rows, one), (rows.float() @ one.float()).int()) for one in both)
