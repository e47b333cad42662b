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

_NEIGHBOURS = 30


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Labelled patches.

    Attributes
    ----------
    probe
        What labelled the patches around the examples.
    bank
        These, and the examples.
    """

    probe: Probe
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
    told = np.full((len(reference.vectors), len(reference.classes)), 1.0 - SURE, np.float32)  # of no other class
    examples = probe.usual.standardise(reference.vectors)
    told[~reference.positive] = probe.look(examples[~reference.positive])
    told[np.arange(len(told)), reference.class_index] = np.where(reference.positive, SURE, 1.0 - SURE)
    order = np.lexsort(examples.T)  # so that the order of clicks is no matter
    voters = np.concatenate([probe.ground.patches, examples[order]])
    labels = np.concatenate([probe.look(probe.ground.patches), told[order]])
    return Neighbours(probe, SteppedBank.of(in_steps(voters), labels, _NEIGHBOURS))
