"""DINOSim: pseudo-labels for the patches around the examples, and a vote of the nearest of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from dinoscope.errors import SettingsError
from dinoscope.similarity._windows import core, distinct, smooth, wide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.settings import SimilaritySettings

_QUERIES = 4096
"""Patches compared at once, where the bank is small."""

_DISTANCES = 2**24
"""Distances in memory at once: 64 MiB, however large the bank."""


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """Reference patches with their pseudo-labels.

    Attributes
    ----------
    features
        Shape (M, C), float32.
    labels
        Pseudo-labels, shape (M, K), in [0, 1]; 1 is alike.
    neighbours
        How many of them vote.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.float32]
    neighbours: int

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean pseudo-label of the nearest reference patches of each of some features (N, C), shape (N, K)."""
        return vote(features, self, self.neighbours)


def build_bank(reference: Reference, settings: SimilaritySettings, like: Bank | None = None) -> Bank:
    """Give every reference patch a pseudo-label per class, as in DINOSim.

    The distance of each patch to the mean vector of a class is smoothed, clipped to its quantiles over all reference
    patches and turned around, so that 1 is alike. Counter-examples, which the paper does not have, pull the label of
    the patches nearer to one of them than to the class towards 0: the label is multiplied by
    ``min(1, 2 n / (n + p))`` with the distances n to the nearest counter-example and p to the class.

    References
    ----------
    Gonzalez-Marfil et al., DINOSim, bioRxiv 10.1101/2025.03.09.642092.
    """
    if settings.quantile_low >= settings.quantile_high:
        raise SettingsError(
            f"quantiles {settings.quantile_low} and {settings.quantile_high}: expected the low one below the high one"
        )
    kept = distinct(reference.windows) if settings.dedupe else slice(None)
    labels = [_pseudo_labels(reference, k, settings, kept) for k in range(len(reference.classes))]
    features = np.concatenate([core(window.features, window) for window in reference.windows])
    return Bank(wide(features[kept]), np.stack(labels, axis=-1), settings.neighbours)


def vote(queries: NDArray[np.float32], bank: Bank, neighbours: int) -> NDArray[np.float32]:
    """Mean pseudo-label of the nearest reference patches (L2) of each query.

    Parameters
    ----------
    queries
        Features, shape (N, C).
    bank
        M reference patches with K labels.
    neighbours
        How many vote; all M where there are fewer.

    Returns
    -------
    Array of shape (N, K).
    """
    k = min(neighbours, len(bank.features))
    keys, labels = torch.from_numpy(bank.features), torch.from_numpy(bank.labels)
    lengths = (keys * keys).sum(dim=1)  # M
    at_once = max(1, min(_QUERIES, _DISTANCES // len(bank.features)))
    votes = []
    for part in torch.split(torch.from_numpy(np.ascontiguousarray(queries)), at_once):
        # The query's own length is the same for all its neighbours, so their order does not need it.
        distances = torch.addmm(lengths, part, keys.T, alpha=-2.0)  # N M
        nearest = distances.topk(k, dim=1, largest=False, sorted=False).indices  # N k
        votes.append(labels[nearest].mean(dim=1))
    mean: NDArray[np.float32] = torch.cat(votes).numpy()
    return mean


def _pseudo_labels(
    reference: Reference, k: int, settings: SimilaritySettings, kept: NDArray[np.int64] | slice
) -> NDArray[np.float32]:
    """Labels of class `k` for the kept reference patches, shape (M,)."""
    mine = reference.class_index == k
    prototype = reference.vectors[mine & reference.positive].mean(axis=0, keepdims=True)
    distances = _distances(reference, prototype, settings.sigma)[kept]
    low, high = np.percentile(distances, [settings.quantile_low, settings.quantile_high])
    labels = 1.0 - np.clip((distances - low) / max(high - low, np.finfo(np.float32).tiny), 0.0, 1.0)
    against = reference.vectors[mine & ~reference.positive]
    if len(against):
        # Unsmoothed: at the rim of an object a smoothed ratio would mix in the background, which is far from both.
        to_class, to_counter = (_distances(reference, v, 0.0)[kept] for v in (prototype, against))
        total = np.maximum(to_class + to_counter, np.finfo(np.float32).tiny)
        labels = labels * np.minimum(1.0, 2.0 * to_counter / total)
    settled: NDArray[np.float32] = labels.astype(np.float32)
    return settled


def _distances(reference: Reference, vectors: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Smoothed distance of every reference patch to the nearest of some vectors (n, C), duplicates included."""
    found = []
    for window in reference.windows:
        features = wide(window.features)
        apart = (np.linalg.norm(features - vector, axis=-1) for vector in vectors)
        nearest: NDArray[np.float32] = functools.reduce(np.minimum, apart)  # h w
        found.append(core(smooth(nearest, sigma)[..., np.newaxis], window)[:, 0])
    return np.concatenate(found)
