"""Some of the examples of a reference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.errors import PromptError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from dinoscope.reference._reference import Reference


def keep_examples(reference: Reference, kept: ArrayLike) -> Reference:
    """The same reference without some of its examples, and without the classes that have none left.

    Parameters
    ----------
    reference
        The examples.
    kept
        Whether each of them stays, shape (P,), bool.

    Raises
    ------
    PromptError
        If no positive example is left of all, or of a class that keeps counter-examples.
    """
    chosen = np.flatnonzero(np.asarray(kept, dtype=bool))
    indices = reference.class_index[chosen]
    positive = {int(k) for k, sign in zip(indices, reference.positive[chosen], strict=True) if sign}
    lost = sorted({int(k) for k in indices} - positive)
    if lost or not positive:
        names = ", ".join(reference.classes[k] for k in lost) or "all classes"
        raise PromptError(f"no positive example is left of {names}: keep at least one of each class")
    numbers = sorted(positive)
    return replace(
        reference,
        classes=tuple(reference.classes[k] for k in numbers),
        vectors=reference.vectors[chosen],
        class_index=np.searchsorted(numbers, indices),
        positive=reference.positive[chosen],
        windows=tuple(reference.windows[i] for i in chosen),
        provenance=tuple(reference.provenance[i] for i in chosen),
    )
