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
    around
        All of these in steps, shape (M, C), int8.
    bank
        Those around the examples at hand, and the examples.
    """

    probe: Probe
    around: NDArray[np.int8]
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
    ground = probe.ground
    around = in_steps(ground.patches) if like is None else like.around
    examples = probe.usual.standardise(reference.vectors)
    told = np.full((len(examples), len(reference.classes)), 1.0 - SURE, np.float32)  # of no other class
    told[~reference.positive] = probe.look(examples[~reference.positive])
    told[np.arange(len(told)), reference.class_index] = np.where(reference.positive, SURE, 1.0 - SURE)
    order = np.lexsort(examples.T)  # so that the order of clicks is no matter
    steps = np.concatenate([around[ground.stays], in_steps(examples[order])])
    labels = np.concatenate([probe.look(ground.patches)[ground.stays], told[order]])
    return Neighbours(probe, around, SteppedBank.of(steps, labels, _NEIGHBOURS))
