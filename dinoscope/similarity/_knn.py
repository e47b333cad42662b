"""Nearest neighbours among the examples and the patches around them, which a probe has labelled.

DINOSim lets patches vote that are labelled by their distance to the mean example. A probe labels them better, and the
vote sees what no plane can: objects that look different in different places of the feature space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.similarity._dinosim import Bank
from dinoscope.similarity._probe import SURE, fit_probe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.settings import SimilaritySettings
    from dinoscope.similarity._windows import Surroundings

_AROUND = 1500
"""Patches around the examples that vote, evenly spread: with all of them it is not better, and much slower."""

_NEIGHBOURS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Labelled patches.

    Attributes
    ----------
    usual
        The patches around the examples.
    bank
        Those of them that vote, and the examples, standardised.
    """

    usual: Surroundings
    bank: Bank

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean label of the nearest patches for every class, shape (N, K)."""
        return self.bank.match(self.usual.standardise(features))


def fit_neighbours(reference: Reference, settings: SimilaritySettings) -> Neighbours:
    """The patches around all examples with the probabilities of the probe, and the examples with what they tell."""
    probe = fit_probe(reference, settings)
    around = probe.usual.features[:: max(1, len(probe.usual.features) // _AROUND)]
    features = np.concatenate([around, reference.vectors])
    labels = probe.match(features)
    told = labels[len(around) :]  # P K
    for number, (k, positive) in enumerate(zip(reference.class_index, reference.positive, strict=True)):
        if positive:
            told[number] = 1.0 - SURE  # an example of one class is none of the others
        told[number, k] = SURE if positive else 1.0 - SURE
    return Neighbours(probe.usual, Bank(probe.usual.standardise(features), labels, _NEIGHBOURS))
