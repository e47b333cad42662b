"""The patches around the examples, as all methods look at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import linalg, ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.reference import Reference, Window

RADIUS = 1
"""Radius of the Gaussian in patches; the published code of DINOSim uses a 3 x 3 kernel."""

SMALLEST_SPREAD = 1e-6
"""Channels that vary less are taken for constant."""

_TINY = 1e-12

_FEWEST, _PER_WINDOW, _MOST = 500, 120, 1500
"""Patches around the examples that are looked at: with more of them nothing is found better, but all of it slower."""


def core(values: NDArray[Any], window: Window) -> NDArray[Any]:
    """The patches of a window that count, without its margin, shape (m, ...)."""
    inside: NDArray[Any] = values[window.patches.relative_to(window.read).slices[1:]]
    return inside.reshape(-1, values.shape[-1])


def patches_of(windows: Sequence[Window], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Features of some of the patches of all windows, which are counted one window after the other, shape (n, C)."""
    features = np.empty((len(rows), windows[0].features.shape[-1]), np.float32)
    first = 0
    for window in windows:
        patches = core(window.features, window)
        here = (first <= rows) & (rows < first + len(patches))
        features[here] = wide(patches[rows[here] - first])
        first += len(patches)
    return features


def distinct(windows: Sequence[Window]) -> NDArray[np.int64]:
    """Indices of the patches of all windows, each patch of a grid over an image once."""
    return np.sort(np.unique(_numbers(windows), return_index=True)[1])


def _numbers(windows: Sequence[Window]) -> NDArray[np.int64]:
    """A number for every patch of all windows, the same for those that are one patch of a grid over an image."""
    grids = {key: number for number, key in enumerate(dict.fromkeys((w.image, w.grid) for w in windows))}
    sizes = np.max([window.patches.stop for window in windows], axis=0)
    numbers = []
    for window in windows:
        z, y, x = np.ogrid[window.patches.slices]
        number = ((grids[window.image, window.grid] * sizes[0] + z) * sizes[1] + y) * sizes[2] + x
        numbers.append(number.ravel())
    return np.concatenate(numbers)


def wide(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """The same in single precision: as `astype`, which NumPy does half by half without the instructions for it."""
    return torch.from_numpy(np.ascontiguousarray(features)).float().numpy()


def smooth(maps: NDArray[Any], sigma: float) -> NDArray[Any]:
    """Gaussian over the last two axes, mirrored at the borders."""
    if sigma == 0:
        return maps
    smoothed: NDArray[Any] = ndimage.gaussian_filter(maps, sigma, radius=RADIUS, axes=(-2, -1), mode="mirror")
    return smoothed


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Patches around the examples, each at most once, and what is usual among them.

    Attributes
    ----------
    features
        Shape (M, C), float32.
    mean, spread
        Of every channel, shape (C,).
    removed
        Directions of the standardised features that are taken out, orthonormal, shape (C, n).
    windows
        The W windows of the examples.
    inside
        Which of them each patch lies in, shape (M, W).
    """

    features: NDArray[np.float32]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    removed: NDArray[np.float32]
    windows: tuple[Window, ...]
    inside: NDArray[np.bool_]

    def standardise(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features (N, C) relative to what is usual."""
        mean, spread = torch.from_numpy(self.mean), torch.from_numpy(self.spread)
        relative: NDArray[np.float32] = torch.from_numpy(features).sub(mean).div_(spread).numpy()
        if self.removed.shape[1]:
            relative -= (relative @ self.removed) @ self.removed.T
        return relative

    def within(self, windows: Sequence[Window]) -> NDArray[np.bool_]:
        """Which of the patches lie in some of the windows, shape (M,)."""
        chosen = {id(window) for window in windows}
        return np.asarray(self.inside[:, [id(window) in chosen for window in self.windows]].any(axis=1))


def surroundings(reference: Reference, remove: int = 0) -> Surroundings:
    """What lies around the examples of a reference: hundreds of patches, evenly spread.

    Parameters
    ----------
    reference
        The examples.
    remove
        How many main directions are taken out of all features: what varies most between patches may be their position
        in the tile, or the background.
    """
    windows = reference.windows
    numbers = _numbers(windows)
    each, first = np.unique(numbers, return_index=True)
    enough = min(max(_FEWEST, _PER_WINDOW * len(windows)), _MOST, len(each))
    kept = np.linspace(0, len(each) - 1, enough).astype(np.int64)
    features = patches_of(windows, first[kept])
    ends = np.cumsum([window.patches.size for window in windows])
    inside = np.stack([np.isin(each[kept], part) for part in np.split(numbers, ends[:-1])], axis=1)
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), SMALLEST_SPREAD)
    removed = main_directions((features - mean) / spread, min(remove, features.shape[1] - 1)).astype(np.float32)
    return Surroundings(features, mean, spread, removed, windows, inside)


def as_they_are(channels: int) -> Surroundings:
    """Nothing around, and nothing usual: features stay what they are."""
    nothing = np.zeros((0, channels), np.float32)
    mean, spread = np.zeros(channels, np.float32), np.ones(channels, np.float32)
    return Surroundings(nothing, mean, spread, nothing.T, (), np.zeros((0, 0), bool))


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same vectors (..., C), each of length 1."""
    scaled: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _TINY)
    return scaled


def main_directions(features: NDArray[Any], count: int) -> NDArray[Any]:
    """The principal directions along which centred features (M, C) vary most, orthonormal, shape (C, count)."""
    if count == 0:
        return np.zeros((features.shape[1], 0), features.dtype)
    channels = features.shape[1]
    _, directions = linalg.eigh(
        features.T @ features, subset_by_index=(channels - count, channels - 1), check_finite=False
    )
    return np.asarray(directions)


def examples_of(reference: Reference, k: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of the examples (P, C) of class `k`, and of what it is told not to be (Q, C).

    An example of another class is a counter-example of this one.
    """
    mine = reference.class_index == k
    return reference.vectors[mine & reference.positive], reference.vectors[mine ^ reference.positive]


def share_left(
    patches: NDArray[np.float32], wanted: NDArray[np.float32], unwanted: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What counter-examples leave of the similarity of patches: ``min(1, 2 n / (n + p))``, shape (N,).

    Parameters
    ----------
    patches
        Shape (N, C).
    wanted
        The mean example, shape (C,); p is the distance to it.
    unwanted
        The counter-examples, shape (Q, C); n is the distance to the nearest of them.
    """
    if not len(unwanted):
        return np.ones(len(patches), np.float32)
    to_class = np.linalg.norm(patches - wanted, axis=1)
    to_counter = np.min([np.linalg.norm(patches - other, axis=1) for other in unwanted], axis=0)
    share: NDArray[np.float32] = np.minimum(1.0, 2.0 * to_counter / np.maximum(to_class + to_counter, SMALLEST_SPREAD))
    return share
