"""Length of outlines and area of surfaces, from how often lines on the voxel lattice cross them.

Crofton's formula: lines of one direction u cross a surface as often as its shadow along u is large, the integral of
``|n · u|`` over its normals n; the mean of that over all directions is 1/2 of the surface in space, and 2/π of the
outline in the plane. Of all directions a lattice has a few, each with a weight. Crossings are counted: the counts of an
object are integers, and those of its pieces add up.

References
----------
J. Ohser, F. Mücklich, "Statistical Analysis of Microstructures in Materials Science", Wiley 2000; G. Lehmann,
D. Legland, "Efficient N-dimensional surface estimation using Crofton formula and run-length encoding", Insight Journal
2012. Their weights are the Voronoi cells of the directions on the sphere. Ours are those of the least mean square error
over all normals, which holds for voxels of any shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import nnls

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.measure._pieces import Piece

_STEPS = {2: 2, 3: 1}
"""Longest step of a direction along an axis, in voxels as long as the longest.

In the plane this makes 8 directions, in space 13. More would be right for flat faces, and miss more of small objects.
"""

_FARTHEST = 16
"""Most voxels that a step takes along one axis, however flat they are."""

_MEAN_COSINE = {2: 2 / math.pi, 3: 0.5}
"""Mean of ``|n · u|`` over all directions u."""


@dataclass(frozen=True, slots=True, eq=False)
class Crofton:
    """How the surface of objects is estimated on a lattice.

    Attributes
    ----------
    steps
        From a voxel to the next along k lines, in voxels; shape (k, d).
    weights
        What one crossing of each line adds to the surface (length or area); shape (k,).
    """

    steps: NDArray[np.int64]
    weights: NDArray[np.float64]

    @property
    def reach(self) -> tuple[int, ...]:
        """Voxels around a piece that counting needs, along each axis."""
        return tuple(np.abs(self.steps).max(axis=0).tolist())

    def count(self, piece: Piece, labels: NDArray[Any]) -> NDArray[np.int64]:
        """Crossings of the objects of a piece, as seen from the voxels inside; shape (n, k).

        Parameters
        ----------
        piece
            With a margin of `reach`.
        labels
            Sorted numbers of its objects, shape (n,).
        """
        voxels = np.argwhere(piece.near_edges & (piece.labels != 0)) + self.reach
        strides = np.array([math.prod(piece.around.shape[axis + 1 :]) for axis in range(piece.around.ndim)])
        flat, here = piece.around.ravel(), voxels @ strides
        mine = flat[here]
        owner = np.searchsorted(labels, mine)
        counts = np.zeros((len(self.steps), len(labels)), np.int64)
        for row, jump in zip(counts, self.steps @ strides, strict=True):
            for way in (jump, -jump):
                row += np.bincount(owner[flat[here + way] != mine], minlength=len(labels))
        return counts.T

    def surfaces(self, crossings: NDArray[np.int64]) -> NDArray[np.float64]:
        """Outline length or surface area of n objects with these crossings (n, k); shape (n,)."""
        found: NDArray[np.float64] = crossings @ self.weights
        return found


def crofton(scale: tuple[float, ...]) -> Crofton:
    """The estimator for voxels of a size, one entry per axis, in 2-D or 3-D."""
    size = np.array(scale)
    steps = _choose_steps(size)
    lengths = np.linalg.norm(steps * size, axis=1)
    shares = _shares(steps * size / lengths[:, None])
    # A lattice line of spacing s along itself stands for a cross section of (volume of a voxel) / s.
    return Crofton(steps, shares * size.prod() / lengths / _MEAN_COSINE[len(scale)])


def _choose_steps(size: NDArray[np.float64]) -> NDArray[np.int64]:
    """Steps in directions that are spread evenly in space, however flat the voxels are; shape (k, d)."""
    longest = _STEPS[len(size)]
    stretch = np.clip(np.rint(size.max() / size), 1, _FARTHEST).astype(int).tolist()
    found = set()
    for step in product(range(-longest, longest + 1), repeat=len(size)):
        voxels = [s * f for s, f in zip(step, stretch, strict=True)]
        if math.gcd(*step) == 1 and next(v for v in voxels if v) > 0:  # each line once, and one way
            whole = math.gcd(*voxels)
            found.add(tuple(v // whole for v in voxels))
    return np.array(sorted(found))


def _shares(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (k,) of unit vectors (k, d), whose sum is 1 so that round objects come out right.

    They minimise the mean over all normals n of the squared error of ``Σ w |n · u|``, which is ``wᵀ G w`` and a
    constant, with ``G = mean |n · u| |n · v|``. That is the mean of ``|X Y|`` of two normal variates with correlation
    c = u · v, divided by d: ``2 / (π d) (c asin c + √(1 - c²))``.
    """
    cosine = np.clip(directions @ directions.T, -1, 1)
    gram = 2 / (np.pi * directions.shape[1]) * (cosine * np.arcsin(cosine) + np.sqrt(1 - cosine**2))
    root = np.linalg.cholesky(gram)
    shares, _ = nnls(root.T, solve_triangular(root, np.ones(len(gram)), lower=True))
    whole: NDArray[np.float64] = shares / shares.sum()
    return whole
