"""The ways of comparing, each of which is fitted to a reference once and then asked patch by patch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from dinoscope.similarity._auto import choose
from dinoscope.similarity._dinosim import build_bank
from dinoscope.similarity._knn import fit_neighbours
from dinoscope.similarity._one_thread import in_one_thread
from dinoscope.similarity._probe import fit_probe
from dinoscope.similarity._prototype import fit_prototypes
from dinoscope.similarity._texts import TEXT_METHOD, fit_directions

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


_METHODS: dict[str, Callable[[Reference, SimilaritySettings, Any], Matcher]] = {
    "knn": fit_neighbours,
    "probe": fit_probe,
    "prototype": fit_prototypes,
    "dinosim": build_bank,
    TEXT_METHOD: fit_directions,
}
"""Those to prefer come first."""

_NOT_AUTO = ("dinosim", TEXT_METHOD)
"""Methods that `auto` leaves out: fitting DINOSim a few times would take longer than a click may."""


@in_one_thread
def settle(reference: Reference, settings: SimilaritySettings) -> SimilaritySettings:
    """The same settings with the name of the method that ``auto`` stands for with these examples.

    Where texts are among them, it is the cosine, whatever the settings name.
    """
    if reference.is_text.any():
        return settings.model_copy(update={"method": TEXT_METHOD, "smoothing": settings.sigma})
    if settings.method != "auto":
        return settings
    quick = {name: partial(_fit, name, settings) for name in _METHODS if name not in _NOT_AUTO}
    return settings.model_copy(update={"method": choose(reference, quick)})


@in_one_thread
def fit(reference: Reference, settings: SimilaritySettings, like: Matcher | None = None) -> Matcher:
    """The method that the settings name, fitted to the examples of a reference.

    Parameters
    ----------
    reference
        The examples.
    settings
        The method and its parameters.
    like
        What the same settings gave for these examples and others. It tells what is usual around them, and where to
        begin: some of the examples are left out many times faster than all of them are looked at anew.
    """
    return _fit(settle(reference, settings).method, settings, reference, like)


def _fit(name: str, settings: SimilaritySettings, reference: Reference, like: Matcher | None = None) -> Matcher:
    return _METHODS[name](reference, settings, like)
