"""What the examples say of one another: each is held out once and looked for by the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dinoscope.reference import keep_examples
from dinoscope.similarity._windows import SMALLEST_SPREAD, surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.similarity._methods import Matcher

_FOLDS = 5
"""Of more examples, several are held out together."""


class Fit(Protocol):
    """Makes a matcher of some examples, perhaps like one of these and others."""

    def __call__(self, reference: Reference, /, *, like: Any = None) -> Matcher:
        """As `dinoscope.similarity.fit`, of some settings."""
        ...


def held_out(
    reference: Reference, fit: Fit, whole: Matcher | None = None
) -> Iterator[tuple[Matcher, NDArray[np.int64]]]:
    """Matchers that do not know some positive examples, and the indices of those.

    Each example of a class that has several is held out once; of a class that has one, none is. What is usual around
    all examples stays known.

    Parameters
    ----------
    reference
        The examples.
    fit
        What makes a matcher of some of them.
    whole
        What it made of all of them, if that is at hand.
    """
    fold_of = np.full(len(reference.vectors), -1)
    for k in range(len(reference.classes)):
        mine = np.flatnonzero((reference.class_index == k) & reference.positive)
        if len(mine) > 1:
            fold_of[mine] = np.arange(len(mine)) % _FOLDS
    if (fold_of < 0).all():
        return
    whole = fit(reference) if whole is None else whole
    for fold in range(fold_of.max() + 1):
        yield fit(keep_examples(reference, fold_of != fold), like=whole), np.flatnonzero(fold_of == fold)


def example_spreads(reference: Reference, fit: Fit, whole: Matcher | None = None) -> NDArray[np.float32]:
    """How much the similarities of held-out examples of each class differ: their standard deviation, shape (K,).

    0 where a class has a single example, which nothing can be held against.
    """
    found: list[list[float]] = [[] for _ in reference.classes]
    for matcher, out in held_out(reference, fit, whole):
        values = matcher.match(reference.vectors[out])
        for value, k in zip(values, reference.class_index[out], strict=True):
            found[k].append(float(value[k]))
    return np.array([np.std(values) if values else 0.0 for values in found], np.float32)


def prominence(reference: Reference, fit: Fit) -> float:
    """How far examples that are held out stand out of the patches around them, when the others look for them.

    Where what is sought and all the rest lie apart, a map has two heights and little between them, and the examples are
    many standard deviations above its mean; they are fewer the more of the rest looks alike, and the more the examples
    differ from one another.

    Parameters
    ----------
    reference
        The examples.
    fit
        What makes a matcher of some of them.

    Returns
    -------
    Standard deviations of the similarities around, the mean over all examples that are held out; nan where none is.
    """
    around = surroundings(reference).features
    found: list[float] = []
    for matcher, out in held_out(reference, fit):
        own, others = matcher.match(reference.vectors[out]), matcher.match(around)
        classes = reference.class_index[out]
        heights = own[np.arange(len(out)), classes] - others.mean(axis=0)[classes]
        found += (heights / np.maximum(others.std(axis=0)[classes], SMALLEST_SPREAD)).tolist()
    return float(np.mean(found)) if found else float("nan")
