"""A linear probe: logistic regression of the examples against what lies around them.

Most of what lies around an example is something else, so that all of it can serve as background, at a small weight each
(learning from positive and unlabelled examples, Elkan and Noto 2008, https://doi.org/10.1145/1401890.1401920). Once
fitted, the probe tells which of these patches are of the class, and is fitted again with that in mind (self-training).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.similarity._windows import Surroundings, examples_of, main_directions, share_left, surroundings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.settings import SimilaritySettings

    Array = NDArray[np.float64]

_BACKGROUND = 2000
"""Patches around the examples that are taken into account, evenly spread."""

_DIRECTIONS = 64
"""Main directions of the features that are looked at: few examples say nothing about more."""

_WAY = 0.6
"""How far from an ordinary patch to a middling example a patch counts as found: as the automatic threshold has it."""

_FEWEST, _MOST = 3, 0.6
"""Found patches, and share of all, beyond which nothing is learned from them."""

SURE = 0.95
"""Probability that a middling example gets."""

_FLAT = 1e-9
_STEPS, _SETTLED = 30, 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A plane in feature space per class.

    Attributes
    ----------
    usual
        The patches around the examples.
    weights, bias
        Of standardised features, shapes (C, K) and (K,).
    wanted
        The mean example of every class, standardised, shape (K, C).
    unwanted
        What each class is not, K arrays of shape (Q, C).
    """

    usual: Surroundings
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    wanted: NDArray[np.float32]
    unwanted: tuple[NDArray[np.float32], ...]

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of every class, less of it near counter-examples, shape (N, K)."""
        patches = self.usual.standardise(features)
        values = _sigmoid(patches @ self.weights + self.bias)
        for k, (wanted, unwanted) in enumerate(zip(self.wanted, self.unwanted, strict=True)):
            values[:, k] *= share_left(patches, wanted, unwanted)
        return values


def fit_probe(reference: Reference, settings: SimilaritySettings) -> Probe:
    """A probe for every class."""
    usual = surroundings(reference, settings.remove)
    every = max(1, len(usual.features) // _BACKGROUND)
    around = usual.standardise(usual.features[::every]).astype(np.float64)
    main = _main_directions(around)  # C d
    pairs = [[usual.standardise(part) for part in examples_of(reference, k)] for k in range(len(reference.classes))]
    planes = [_fit_class(wanted @ main, unwanted @ main, around @ main, settings) for wanted, unwanted in pairs]
    return Probe(
        usual,
        np.stack([main @ weights for weights, _ in planes], axis=1).astype(np.float32),
        np.array([offset for _, offset in planes], np.float32),
        np.stack([wanted.mean(axis=0) for wanted, _ in pairs]),
        tuple(unwanted for _, unwanted in pairs),
    )


def _main_directions(features: Array) -> Array:
    """The principal directions that are kept, shape (C, d); all of them where there are few channels."""
    channels = features.shape[1]
    if channels <= _DIRECTIONS:
        return np.eye(channels)
    return main_directions(features, _DIRECTIONS)


def _fit_class(wanted: Array, unwanted: Array, around: Array, settings: SimilaritySettings) -> tuple[Array, float]:
    """Weights (d,) and bias of one class."""
    found = np.zeros(len(around), dtype=bool)
    plane = _regress(wanted, unwanted, around, found, settings.penalty)
    for _ in range(settings.rounds):
        heights = around @ plane[0]
        ordinary = np.median(heights)
        found = heights >= ordinary + _WAY * (np.median(wanted @ plane[0]) - ordinary)
        if not _FEWEST <= found.sum() <= _MOST * len(found):
            break
        plane = _regress(wanted, unwanted, around, found, settings.penalty)
    return _calibrated(plane, wanted, around)


def _calibrated(plane: tuple[Array, float], wanted: Array, around: Array) -> tuple[Array, float]:
    """The same plane in other units: a middling example gets `SURE`, an ordinary patch what that is short of 1.

    The penalty, which few examples need, makes all probabilities too timid.
    """
    weights, _ = plane
    ordinary, level = float(np.median(around @ weights)), float(np.median(wanted @ weights))
    if level - ordinary < _FLAT:
        return np.zeros_like(weights), 0.0
    slope = 2.0 * math.log(SURE / (1.0 - SURE)) / (level - ordinary)
    return weights * slope, -slope * (level + ordinary) / 2.0


def _regress(
    wanted: Array, unwanted: Array, around: Array, found: NDArray[np.bool_], penalty: float
) -> tuple[Array, float]:
    """Logistic regression in which both sides weigh alike, and on each side what is told and what is guessed."""
    sides = [wanted, around[found]], [unwanted, around[~found]]
    parts, signs, shares = [], [], []
    for sign, groups in zip((1.0, -1.0), sides, strict=True):
        filled = [group for group in groups if len(group)]
        for group in filled:
            parts.append(group)
            signs.append(np.full(len(group), sign))
            shares.append(np.full(len(group), 1.0 / (len(group) * len(filled))))
    return logistic_regression(np.concatenate(parts), np.concatenate(signs), np.concatenate(shares) / penalty)


def logistic_regression(points: Array, signs: Array, shares: Array) -> tuple[Array, float]:
    """The plane that separates two kinds of points best, by Newton's method.

    Parameters
    ----------
    points
        Shape (n, d).
    signs
        1 or -1 for each, shape (n,).
    shares
        What each counts, shape (n,).

    Returns
    -------
    Weights w (d,) and bias b that minimise ``|w|^2 / 2 + sum_i shares_i log(1 + exp(-signs_i (w x_i + b)))``.
    """
    columns = np.hstack([points, np.ones((len(points), 1))])
    free = np.append(np.ones(points.shape[1]), 0.0)  # the bias is
    solution = np.zeros(columns.shape[1])
    for _ in range(_STEPS):
        doubt = _sigmoid(-signs * (columns @ solution))
        gradient = free * solution - columns.T @ (shares * signs * doubt)
        curvature = np.diag(free) + columns.T * (shares * doubt * (1.0 - doubt)) @ columns
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        solution -= step
        if np.abs(step).max() < _SETTLED:
            break
    return solution[:-1], float(solution[-1])


def _sigmoid(values: NDArray[np.floating]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = 0.5 * (1.0 + np.tanh(0.5 * values))
    return found
