"""Nearest neighbours among the examples and the patches around them, which a probe has labelled.

DINOSim lets patches vote that are labelled by their distance to the mean example. A probe labels them better, and the
vote sees what no plane can: objects that look different in different places of the feature space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.similarity._probe import SURE, fit_probe
from dinoscope.similarity._steps import SteppedBank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.settings import SimilaritySettings
    from dinoscope.similarity._probe import Probe

_AROUND = 1500
"""Patches around the examples that vote, evenly spread: with all of them it is not better, and much slower."""

_NEIGHBOURS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Labelled patches.

    Attributes
    ----------
    probe
        What labelled the patches around the examples.
    rows
        Which of these patches vote, shape (n,).
    bank
        The patches that vote, and the examples.
    """

    probe: Probe
    rows: NDArray[np.int64]
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
    if like is None:
        rows = np.arange(0, len(usual.features), max(1, len(usual.features) // _AROUND))
    else:
        rows = like.rows[usual.within(reference.windows)[like.rows]]
    patches = usual.standardise(np.concatenate([usual.features[rows], reference.vectors]))
    labels = probe.look(patches)
    told = labels[len(rows) :]  # P K
    for number, (k, positive) in enumerate(zip(reference.class_index, reference.positive, strict=True)):
        if positive:
            told[number] = 1.0 - SURE  # an example of one class is none of the others
        told[number, k] = SURE if positive else 1.0 - SURE
    return Neighbours(probe, rows, SteppedBank.of(patches, labels, _NEIGHBOURS))
