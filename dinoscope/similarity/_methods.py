"""The ways of comparing, each of which is fitted to a reference once and then asked patch by patch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dinoscope.similarity._dinosim import build_bank
from dinoscope.similarity._probe import fit_probe
from dinoscope.similarity._prototype import fit_prototypes

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.settings import SimilaritySettings


class Matcher(Protocol):
    """What a reference says about single patches."""

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Similarities (N, K) to every class, in [0, 1], of some features (N, C); each by itself."""
        ...


_METHODS: dict[str, Callable[[Reference, SimilaritySettings], Matcher]] = {
    "dinosim": build_bank,
    "prototype": fit_prototypes,
    "probe": fit_probe,
}


def fit(reference: Reference, settings: SimilaritySettings) -> Matcher:
    """The method that the settings name, fitted to the examples of a reference."""
    return _METHODS[settings.method](reference, settings)
