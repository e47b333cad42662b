"""What the pieces of objects add up.

Counts and coordinates are integers, so an object cut by the borders of pieces gives the same sums as one that is not,
in whatever order they come: exactly below 2⁵³, where floats hold all integers, and to 15 digits above.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from dinoscope.measure._pieces import Piece
    from dinoscope.measure._surface import Crofton

_ROWS = 100_000
"""Parts of objects that are kept before they are merged."""


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """The sums of n objects, or parts of them, in d axes. Coordinates are in voxels, and count from `start`.

    Attributes
    ----------
    labels
        Object numbers, shape (n,).
    start, low, high
        Where coordinates count from, and the bounding box, half-open; in voxels of the image, shape (n, d).
    count
        Voxels, shape (n,).
    first, second
        Sums of the coordinates (n, d) and of their products (n, d, d).
    crossings
        Of the lines of the surface estimator, shape (n, k).
    total, squares, least, most
        Sum of the grey values, sum of their squared distances to their mean, and extremes; shape (n,). Zeros without
        an intensity image.
    """

    labels: NDArray[Any]
    start: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    count: NDArray[np.int64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    crossings: NDArray[np.int64]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """Voxels of one object next to each other along x, of r runs."""

    labels: NDArray[Any]  # n, sorted
    owner: NDArray[np.int64]  # r: index into labels
    length: NDArray[np.int64]  # r
    places: NDArray[np.int64]  # d r: first voxel


def add_up(pieces: Iterable[Piece], crofton: Crofton) -> Sums:
    """The sums of all objects. Memory grows with the objects, not with the pieces; there must be one piece."""
    parts: list[Sums] = []
    rows = merged = 0
    for piece in pieces:
        parts.append(sum_piece(piece, crofton))
        rows += len(parts[-1].labels)
        if rows > 2 * merged + _ROWS:
            parts = [merge(parts)]
            rows = merged = len(parts[0].labels)
    return merge(parts)


def sum_piece(piece: Piece, crofton: Crofton) -> Sums:
    """The sums of one piece."""
    runs = _find_runs(piece.labels)
    n, ndim = len(runs.labels), piece.labels.ndim
    start = np.array(piece.region.start)
    first, second = _moments(runs)
    low, high = np.full((n, ndim), np.iinfo(np.int64).max), np.zeros((n, ndim), np.int64)
    for axis in range(ndim):
        thickness = runs.length if axis == ndim - 1 else 1
        np.minimum.at(low[:, axis], runs.owner, runs.places[axis])
        np.maximum.at(high[:, axis], runs.owner, runs.places[axis] + thickness)
    total, squares, least, most = _grey(runs, piece)
    return Sums(
        labels=runs.labels,
        start=np.tile(start, (n, 1)),
        low=low + start,
        high=high + start,
        count=_sum_of(runs, runs.length).astype(np.int64),
        first=first,
        second=second,
        crossings=crofton.count(piece, runs.labels),
        total=total,
        squares=squares,
        least=least,
        most=most,
    )


def _find_runs(labels: NDArray[Any]) -> _Runs:
    rows = labels.reshape(-1, labels.shape[-1])
    begins = np.ones(rows.shape, bool)
    begins[:, 1:] = rows[:, 1:] != rows[:, :-1]
    begin = np.flatnonzero(begins)
    length = np.diff(begin, append=rows.size)
    value = rows.ravel()[begin]
    inside = value != 0
    names, owner = np.unique(value[inside], return_inverse=True)
    places = np.stack(np.unravel_index(begin[inside], labels.shape))
    return _Runs(names, owner, length[inside], places)


def _sum_of(runs: _Runs, values: NDArray[Any]) -> NDArray[np.float64]:
    """Sums (n,) of values (r,)."""
    return np.bincount(runs.owner, values.astype(np.float64), minlength=len(runs.labels)).astype(np.float64)


def _moments(runs: _Runs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of the coordinates (n, d) and of their products (n, d, d): those along a run are known in closed form."""
    length, last = runs.length, len(runs.places) - 1
    steps = length * (length - 1) // 2  # Σ i over a run
    squares = steps * (2 * length - 1) // 3  # Σ i²
    sums = runs.places * length  # d r
    sums[last] += steps
    second = np.zeros((len(runs.labels), last + 1, last + 1))
    for i in range(last + 1):
        for j in range(i, last + 1):
            products = runs.places[i] * sums[j]
            if i == last:
                products += runs.places[i] * steps + squares
            second[:, i, j] = second[:, j, i] = _sum_of(runs, products)
    return np.stack([_sum_of(runs, part) for part in sums], axis=1), second


def _grey(runs: _Runs, piece: Piece) -> tuple[NDArray[np.float64], ...]:
    """Total, squared distances from the mean, least and most of the grey values; each (n,)."""
    n = len(runs.labels)
    if piece.intensity is None or not n:
        return (np.zeros(n),) * 4
    values = piece.intensity[piece.labels != 0].astype(np.float64)  # in the order of the runs
    begin = np.cumsum(runs.length) - runs.length
    least, most = np.full(n, np.inf), np.full(n, -np.inf)
    with np.errstate(invalid="ignore"):  # NaN, and what is infinite, show in the results
        total = _sum_of(runs, np.add.reduceat(values, begin))
        np.minimum.at(least, runs.owner, np.minimum.reduceat(values, begin))
        np.maximum.at(most, runs.owner, np.maximum.reduceat(values, begin))
        mean = total / _sum_of(runs, runs.length)
        apart = values - np.repeat(mean[runs.owner], runs.length)
        squares = _sum_of(runs, np.add.reduceat(apart**2, begin))
    return total, squares, least, most


def merge(parts: Sequence[Sums]) -> Sums:
    """Add up the parts of each object, with coordinates from the corner of its bounding box."""
    names, owner = np.unique(np.concatenate([part.labels for part in parts]), return_inverse=True)
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Sums.__dataclass_fields__}

    def gather(values: NDArray[Any], how: np.ufunc = np.add) -> NDArray[Any]:
        return _reduce(how, owner, values, len(names))

    low, count = gather(joined["low"], np.minimum), gather(joined["count"])
    first, second = _moved(joined, joined["start"] - low[owner])
    total = gather(joined["total"])
    # The squared distances from a common mean: T. Chan, G. Golub, R. LeVeque, "Updating formulae", 1979.
    with np.errstate(invalid="ignore"):
        apart = joined["total"] / joined["count"] - (total / count)[owner]
        squares = gather(joined["squares"] + joined["count"] * apart**2)
    return Sums(
        labels=names,
        start=low,
        low=low,
        high=gather(joined["high"], np.maximum),
        count=count,
        first=gather(first),
        second=gather(second),
        crossings=gather(joined["crossings"]),
        total=total,
        squares=squares,
        least=gather(joined["least"], np.minimum),
        most=gather(joined["most"], np.maximum),
    )


def _moved(joined: dict[str, NDArray[Any]], shift: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """First and second moments with coordinates that are larger by a shift (p, d)."""
    count, first = joined["count"].astype(np.float64), joined["first"]
    crossed = first[:, :, None] * shift[:, None, :]
    shifted = count[:, None, None] * shift[:, :, None] * shift[:, None, :]
    second = joined["second"] + crossed + crossed.transpose(0, 2, 1) + shifted
    return first + count[:, None] * shift, second


def _reduce(how: np.ufunc, owner: NDArray[Any], values: NDArray[Any], count: int) -> NDArray[Any]:
    """Merge the rows of each owner into one, shape (count, …)."""
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(count))
    merged: NDArray[Any] = how.reduceat(values[order], starts, axis=0) if count else values
    return merged
