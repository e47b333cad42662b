"""Shares of counts, and counts of several images as one."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class Counts(Protocol):
    """What was counted in one image, from which scores are computed only at the end."""

    def __add__(self, other: Self, /) -> Self:
        """The counts of both, as if they were one image."""
        ...

    def scores(self) -> Any:
        """A frozen dataclass of numbers."""
        ...


C = TypeVar("C", bound=Counts)


def pool(counts: Iterable[C]) -> C:
    """Counts of several images as one: scores of the sum weigh every voxel or object alike, not every image.

    Parameters
    ----------
    counts
        Of one kind, at least one.
    """
    return reduce(add, counts)


def share(part: int, whole: int) -> float:
    """``part / whole``, and 1 where there is nothing of which it could be a part."""
    return part / whole if whole else 1.0


def shares(matched: int, predicted: int, actual: int) -> tuple[float, float, float]:
    """F1, precision and recall. With nothing on either side all are 1."""
    if predicted == actual == 0:
        return 1.0, 1.0, 1.0
    precision = matched / predicted if predicted else 0.0
    recall = matched / actual if actual else 0.0
    return share(2 * matched, predicted + actual), precision, recall
