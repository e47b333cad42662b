"""Nearest neighbours among the examples and the patches around them, which a probe has labelled.

DINOSim lets patches vote that are labelled by their distance to the mean example. A probe labels them better, and the
vote sees what no plane can: objects that look different in different places of the feature space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.similarity._probe import SURE, fit_probe
from dinoscope.similarity._steps import SteppedBank, in_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.settings import SimilaritySettings
    from dinoscope.similarity._probe import Probe
    from dinoscope.similarity._windows import Surroundings

_AROUND = 1500
"""Patches around the examples that vote, evenly spread: with all of them it is not better, and much slower."""

_NEIGHBOURS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Voters:
    """Patches around the examples that vote.

    Attributes
    ----------
    rows
        Which of the patches around the examples they are, shape (n,).
    patches
        They themselves, standardised, shape (n, C).
    steps
        The same in steps, int8.
    """

    rows: NDArray[np.int64]
    patches: NDArray[np.float32]
    steps: NDArray[np.int8]

    @classmethod
    def of(cls, usual: Surroundings) -> Voters:
        """Some of the patches, evenly spread."""
        rows = np.arange(0, len(usual.features), max(1, len(usual.features) // _AROUND))
        patches = usual.standardise(usual.features[rows])
        return cls(rows, patches, in_steps(patches))


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Labelled patches.

    Attributes
    ----------
    probe
        What labelled the patches around the examples.
    voters
        The patches around all examples that may vote.
    bank
        Those that do, and the examples.
    """

    probe: Probe
    voters: Voters
    bank: SteppedBank

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean label of the nearest patches for every class, shape (N, K)."""
        return self.bank.match(self.probe.usual.standardise(features))


def fit_neighbours(reference: Reference, settings: SimilaritySettings, like: Neighbours | None = None) -> Neighbours:
    """The patches around all examples with the probabilities of the probe, and the examples with what they tell.

    Parameters
    ----------
    reference
        The examples.
    settings
        Those of the probe.
    like
        The vote of these examples and others: their probe begins near its, and of the same patches vote those that are
        around these examples.
    """
    probe = fit_probe(reference, settings, None if like is None else like.probe)
    usual = probe.usual
    voters = Voters.of(usual) if like is None else like.voters
    stays = usual.within(reference.windows)[voters.rows]
    told = np.full(
        (len(reference.vectors), len(reference.classes)), 1.0 - SURE, np.float32
    )  # of one class, of no other
    examples = usual.standardise(reference.vectors)
    told[~reference.positive] = probe.look(examples)[~reference.positive]
    told[np.arange(len(told)), reference.class_index] = np.where(reference.positive, SURE, 1.0 - SURE)
    steps = np.concatenate([voters.steps[stays], in_steps(examples)])
    labels = np.concatenate([probe.look(voters.patches)[stays], told])
    return Neighbours(probe, voters, SteppedBank.of(steps, labels, _NEIGHBOURS))
