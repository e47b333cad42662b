"""A linear probe: logistic regression of the examples against what lies around them.

Most of what lies around an example is something else, so that all of it can serve as background, at a small weight each
(learning from positive and unlabelled examples, Elkan and Noto 2008, https://doi.org/10.1145/1401890.1401920). Once
fitted, the probe tells which of these patches are of the class, and is fitted again with that in mind (self-training).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

from dinoscope.similarity._windows import Surroundings, examples_of, share_left, surroundings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.reference import Reference, Window
    from dinoscope.settings import SimilaritySettings

    Array = NDArray[np.float64]

_DIRECTIONS = 64
"""Main directions of the features that are looked at: few examples say nothing about more."""

_TURNS, _SEED = 3, 0
"""How often what turns towards these directions is turned again, and where it begins."""

_WAY = 0.6
"""How far from an ordinary patch to a middling example a patch counts as found: as the automatic threshold has it."""

_FEWEST, _MOST = 3, 0.6
"""Found patches, and share of all, beyond which nothing is learned from them."""

SURE = 0.95
"""Probability that a middling example gets."""

_FLAT = 1e-9
_STEPS, _SETTLED = 30, 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The patches around the examples, and where they lie along the few directions that a probe looks at.

    Attributes
    ----------
    usual
        What is usual around all examples.
    patches
        Those around all examples, standardised, shape (M, C).
    main
        The directions, shape (C, d).
    stays
        Which of the patches are around the examples at hand, shape (M,).
    near
        Where these lie along the directions, shape (n, d).
    """

    usual: Surroundings
    patches: NDArray[np.float32]
    main: NDArray[np.float32]
    stays: NDArray[np.bool_]
    near: Array

    @classmethod
    def of(cls, reference: Reference, remove: int) -> Ground:
        """Around all examples; some main directions are taken out of the features, see `surroundings`."""
        usual = surroundings(reference, remove)
        patches = usual.standardise(usual.features)
        main = _main_directions(patches)
        return cls(usual, patches, main, np.ones(len(patches), bool), (patches @ main).astype(np.float64))

    def within(self, windows: Sequence[Window]) -> Ground:
        """Around some of the examples; what is usual, and where to look, is still told by all."""
        stays = self.usual.within(windows)
        return replace(self, stays=stays, near=self.near[stays])


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A plane in feature space per class.

    Attributes
    ----------
    ground
        The patches around the examples.
    weights, bias
        Of standardised features, shapes (C, K) and (K,).
    wanted
        The mean example of every class, standardised, shape (K, C).
    unwanted
        What each class is not, K arrays of shape (Q, C).
    rounds
        What the regressions of every class came to, one after the other, K lists of arrays of shape (d + 1,).
    """

    ground: Ground
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    wanted: NDArray[np.float32]
    unwanted: tuple[NDArray[np.float32], ...]
    rounds: tuple[list[Array], ...]

    @property
    def usual(self) -> Surroundings:
        """What is usual around the examples."""
        return self.ground.usual

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of every class, less of it near counter-examples, shape (N, K)."""
        return self.look(self.usual.standardise(features))

    def look(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same of features that are standardised."""
        values = _sigmoid(patches @ self.weights + self.bias)
        for k, (wanted, unwanted) in enumerate(zip(self.wanted, self.unwanted, strict=True)):
            values[:, k] *= share_left(patches, wanted, unwanted)
        return values


def fit_probe(reference: Reference, settings: SimilaritySettings, like: Probe | None = None) -> Probe:
    """A probe for every class.

    Parameters
    ----------
    reference
        The examples.
    settings
        The penalty and the rounds.
    like
        A probe of these examples and others, from which it takes what is usual, and near which it begins to look.
    """
    ground = Ground.of(reference, settings.remove) if like is None else like.ground.within(reference.windows)
    classes = range(len(reference.classes))
    starts = like.rounds if like is not None else tuple([] for _ in classes)
    pairs = [[ground.usual.standardise(part) for part in examples_of(reference, k)] for k in classes]
    seen = [[(part @ ground.main).astype(np.float64) for part in pair] for pair in pairs]
    rounds = tuple(
        _fit_class(wanted, unwanted, ground.near, settings, start)
        for (wanted, unwanted), start in zip(seen, starts, strict=True)
    )
    planes = [_calibrated(found[-1], wanted, ground.near) for found, (wanted, _) in zip(rounds, seen, strict=True)]
    return Probe(
        ground,
        np.stack([ground.main @ weights for weights, _ in planes], axis=1).astype(np.float32),
        np.array([offset for _, offset in planes], np.float32),
        np.stack([wanted.mean(axis=0) for wanted, _ in pairs]),
        tuple(unwanted for _, unwanted in pairs),
        rounds,
    )


def _main_directions(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """An orthonormal basis of the principal directions that are kept, shape (C, d); all of them where there are few.

    Eigenvectors would be found one by one, which takes several times as long; a probe looks at all of them alike. See
    Halko, Martinsson and Tropp 2011, https://doi.org/10.1137/090771806.
    """
    channels = features.shape[1]
    if channels <= _DIRECTIONS:
        return np.eye(channels, dtype=np.float32)
    square = features.T @ features
    basis = np.random.default_rng(_SEED).standard_normal((channels, _DIRECTIONS), np.float32)
    for _ in range(_TURNS):
        basis = linalg.qr(square @ basis, mode="economic", check_finite=False)[0]
    return basis


def _fit_class(
    wanted: Array, unwanted: Array, around: Array, settings: SimilaritySettings, start: list[Array]
) -> list[Array]:
    """Weights and bias (d + 1,) of one class, of the first round and of every other one."""
    found = np.zeros(len(around), dtype=bool)
    planes: list[Array] = []
    for number in range(settings.rounds + 1):
        points, signs, shares = _sides(wanted, unwanted, around, found)
        near = start[number : number + 1] or planes[-1:]
        planes.append(logistic_regression(points, signs, shares / settings.penalty, *near))
        heights = around @ planes[-1][:-1]
        ordinary = np.median(heights)
        found = heights >= ordinary + _WAY * (np.median(wanted @ planes[-1][:-1]) - ordinary)
        if not _FEWEST <= found.sum() <= _MOST * len(found):
            break
    return planes


def _calibrated(plane: Array, wanted: Array, around: Array) -> tuple[Array, float]:
    """Weights (d,) and bias of the same plane in other units.

    A middling example gets `SURE`, an ordinary patch what that is short of 1: the penalty, which few examples need,
    makes all probabilities too timid.
    """
    weights = plane[:-1]
    ordinary, level = float(np.median(around @ weights)), float(np.median(wanted @ weights))
    if level - ordinary < _FLAT:
        return np.zeros_like(weights), 0.0
    slope = 2.0 * math.log(SURE / (1.0 - SURE)) / (level - ordinary)
    return weights * slope, -slope * (level + ordinary) / 2.0


def _sides(wanted: Array, unwanted: Array, around: Array, found: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Points, signs and shares: both sides weigh alike, and on each side what is told and what is guessed."""
    sides = [wanted, around[found]], [unwanted, around[~found]]
    parts, signs, shares = [], [], []
    for sign, groups in zip((1.0, -1.0), sides, strict=True):
        filled = [group for group in groups if len(group)]
        for group in filled:
            parts.append(group)
            signs.append(np.full(len(group), sign))
            shares.append(np.full(len(group), 1.0 / (len(group) * len(filled))))
    return np.concatenate(parts), np.concatenate(signs), np.concatenate(shares)


def logistic_regression(points: Array, signs: Array, shares: Array, start: Array | None = None) -> Array:
    """The plane that separates two kinds of points best, by Newton's method.

    Parameters
    ----------
    points
        Shape (n, d).
    signs
        1 or -1 for each, shape (n,).
    shares
        What each counts, shape (n,).
    start
        Where to begin: a plane that is expected to be near, or 0.

    Returns
    -------
    Weights w and bias b, shape (d + 1,), that minimise
    ``|w|^2 / 2 + sum_i shares_i log(1 + exp(-signs_i (w x_i + b)))``.
    """
    columns = np.hstack([points, np.ones((len(points), 1))])
    free = np.append(np.ones(points.shape[1]), 0.0)  # the bias is
    if start is not None:
        near, has_settled = _newton(columns, signs, shares, free, start)
        if has_settled:
            return near
    return _newton(columns, signs, shares, free, np.zeros(columns.shape[1]))[0]


def _newton(columns: Array, signs: Array, shares: Array, free: Array, start: Array) -> tuple[Array, bool]:
    """Where Newton's method comes from a start, and whether it has settled there."""
    solution, narrow = start.copy(), columns.astype(np.float32)  # half of the time; a step need not be exact
    for _ in range(_STEPS):
        doubt = _sigmoid(-signs * (columns @ solution))
        gradient = free * solution - columns.T @ (shares * signs * doubt)
        weights = (shares * doubt * (1.0 - doubt)).astype(np.float32)
        weighted = narrow * np.sqrt(weights)[:, np.newaxis]
        curvature = np.diag(free + _FLAT) + weighted.T @ weighted
        step = np.linalg.solve(curvature, gradient)
        solution -= step
        if np.abs(step).max() < _SETTLED:
            return solution, True
    return solution, False


def _sigmoid(values: NDArray[np.floating]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = 0.5 * (1.0 + np.tanh(0.5 * values))
    return found
