"""The method under which the examples find one another best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dinoscope.similarity._held_out import held_out
from dinoscope.similarity._windows import surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.similarity._held_out import Fit
    from dinoscope.similarity._methods import Matcher

_CLEARLY = 0.01
"""By how much a method must be better than the one before it: five examples say no more than that."""


def choose(reference: Reference, methods: Mapping[str, Fit]) -> str:
    """The name of the method under which held-out examples rank best among the patches around them.

    Parameters
    ----------
    reference
        The examples. With one of each class there is nothing to hold out, and the first method is chosen.
    methods
        What fits each method, the one to prefer first.
    """
    around = surroundings(reference).features
    chosen, best = next(iter(methods)), -np.inf
    for name, fit in methods.items():
        ranks = [_ranks(matcher, reference, out, around) for matcher, out in held_out(reference, fit)]
        if not ranks:
            return chosen
        mean = float(np.concatenate(ranks).mean())
        if mean > best + _CLEARLY:
            chosen, best = name, mean
    return chosen


def _ranks(
    matcher: Matcher, reference: Reference, out: NDArray[np.int64], around: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Share of the patches around that are less like its class than each held-out example is."""
    values, others = matcher.match(reference.vectors[out]), matcher.match(around)
    classes = reference.class_index[out]
    own = values[np.arange(len(out)), classes]
    shares: NDArray[np.float64] = (others[:, classes] < own).mean(axis=0)
    return shares
