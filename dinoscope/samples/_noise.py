"""Random numbers that depend on a place and a key alone, never on what was read before.

A counter-based generator: the SplitMix64 finaliser (Steele, Lea and Flood, OOPSLA 2014) over a key and integer
coordinates. Any number can be drawn without drawing those before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)
_LOW_WORDS = np.uint64(0x0000FFFF0000FFFF)
_BSPLINE_POWER = 151.0 / 315.0
"""Mean sum of the squared weights of a cubic B-spline: what is left of the variance per axis."""


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = values ^ (values >> _SHIFT_1)
    mixed *= _MIX_1
    mixed ^= mixed >> _SHIFT_2
    mixed *= _MIX_2
    mixed ^= mixed >> _SHIFT_3
    return mixed


def hash_places(key: int, *indices: NDArray[np.int64]) -> NDArray[np.uint64]:
    """64 random bits per place; `indices` are broadcast against each other."""
    state = np.full((1,) * indices[0].ndim, key, dtype=np.uint64)
    for index in indices:
        state = _mix(state + (index.astype(np.uint64) + np.uint64(1)) * _GOLDEN)
    return state


def uniform(key: int, *indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """Random numbers in [0, 1), one per place."""
    return (hash_places(key, *indices) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def white_noise(key: int, *indices: NDArray[np.int64]) -> NDArray[np.float32]:
    """Nearly normal numbers of mean 0 and variance 1, one per place: sums of four uniform ones."""
    bits = hash_places(key, *indices)
    pairs = (bits & _LOW_WORDS) + ((bits >> np.uint64(16)) & _LOW_WORDS)
    sums = (pairs >> np.uint64(32)) + (pairs & np.uint64(0xFFFFFFFF))
    return (sums.astype(np.float32) - np.float32(2 * 65535)) * np.float32(np.sqrt(3.0) / 65536)


def smooth_noise(key: int, wavelength: float, places: tuple[NDArray[np.float64], ...]) -> NDArray[np.float32]:
    """Smooth random field of mean 0 and variance about 1: cubic B-splines over a lattice of uniform numbers.

    Parameters
    ----------
    key
        Which field.
    wavelength
        Pitch of the lattice, in the unit of `places`.
    places
        Coordinates along every axis; the field is given on their grid.

    Returns
    -------
    Array of shape (len(places[0]), len(places[1]), …).
    """
    cells, weights = zip(*(_spline(place / wavelength) for place in places), strict=True)
    ranges = [np.arange(cell.min() - 1, cell.max() + 3) for cell in cells]
    field = uniform(key, *np.meshgrid(*ranges, indexing="ij", sparse=True)).astype(np.float32)
    field = (field - 0.5) * np.float32(np.sqrt(12.0 / _BSPLINE_POWER ** len(places)))
    for axis in reversed(range(len(places))):  # rows last: the largest arrays are then gathered row by row
        field = _interpolate(field, axis, cells[axis] - cells[axis].min(), weights[axis])
    return field


def _interpolate(
    field: NDArray[np.float32], axis: int, first: NDArray[np.int64], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    # Four multiplications instead of a matrix product: same bits on every machine and for any number of threads.
    shape = [1] * field.ndim
    shape[axis] = len(first)
    parts = [field.take(first + tap, axis=axis) for tap in range(4)]
    total = parts[0] * weights[:, 0].reshape(shape)
    for tap in range(1, 4):
        parts[tap] *= weights[:, tap].reshape(shape)
        total += parts[tap]
    return total


def _spline(position: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Lattice cell of every position, and the weights of the four lattice values around it, shape (n, 4)."""
    cell = np.floor(position).astype(np.int64)
    t = position - cell
    values = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    return cell, values.astype(np.float32)
