"""The object in a box: which of its patches are not like those around it.

A box says two things: what is in its middle is the object, and what is just outside of it is something else. The rest
of the box goes to the side it resembles more, over and over, as GrabCut does with colours (Rother et al. 2004,
https://doi.org/10.1145/1015706.1015720); here the two sides are means in feature space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.special import expit

from dinoscope.prompts import MaskPrompt, as_mask
from dinoscope.reference._places import patches_under

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.features import FeatureStore
    from dinoscope.geometry import Region
    from dinoscope.prompts import BoxPrompt
    from dinoscope.tiling import PatchGrid

    Array = NDArray[np.float64]

_NARROWEST, _WIDEST = 2, 16
"""Patches around a box that are looked at: half of its longer side, within these limits."""

_CORE = 0.5
"""Standard deviation of what is taken for the object at first, as a share of the way from the middle to the sides."""

_SHARPNESS = 4.0
"""How fast a patch changes sides: log-odds of one that is like the mean of its side."""

_EVEN = 0.5
"""From here on a patch is rather of the object than not."""

_ROUNDS = 4
_FLAT = 1e-9


def object_in_box(store: FeatureStore, box: BoxPrompt) -> MaskPrompt:
    """What of a box is taken for the object, as exactly as patches tell.

    Parameters
    ----------
    store
        Features of the image, done in the box and around it (`dinoscope.reference.prompted_patches`).
    box
        Around the object.

    Raises
    ------
    PromptError
        If the box covers no voxel.
    StoreError
        If features are missing.
    """
    patches, _, belonging = split_box(store, box)
    whole = as_mask(box)
    corner = zip(whole.mask.shape, whole.origin, patches.start[1:], strict=True)
    rows, columns = (
        store.grid.patch_index(np.arange(first, first + length, dtype=np.float64)) - start
        for length, first, start in corner
    )
    found = (belonging >= _EVEN)[np.ix_(rows, columns)]
    (inside,) = ndimage.find_objects(found.astype(np.uint8))
    y, x = (first + part.start for first, part in zip(whole.origin, inside, strict=True))
    return MaskPrompt(box.section, (y, x), found[inside], box.class_name, box.positive)


def patches_near(grid: PatchGrid, box: BoxPrompt) -> Region:
    """The patches (z, gy, gx) in a box and just outside of it, which tell what the object in it is."""
    patches, _ = patches_under(grid, box)
    rim = min(max(max(patches.shape[1:]) // 2, _NARROWEST), _WIDEST)
    return patches.grow((0, rim, rim)).intersect(grid.extent)


def split_box(store: FeatureStore, box: BoxPrompt) -> tuple[Region, Array, Array]:
    """The patches under a box, how many of its voxels each covers, and how surely each is of the object.

    Returns
    -------
    The patches (z, gy, gx), and two arrays of shape (gy, gx). The second is in [0, 1]: at least 0.5 for the object, of
    which all hangs together, and 0 for what does so elsewhere.
    """
    patches, covered = patches_under(store.grid, box)
    near = patches_near(store.grid, box)
    here = patches.relative_to(near).slices[1:]
    features = store.read(near)[0].astype(np.float64)  # gy gx C
    share = np.zeros(near.shape[1:])
    share[here] = covered / covered.max()
    core = share * _hill(store.grid, box, near)
    belonging = _two_sides(features, share, core)[here]
    parts, count = ndimage.label(belonging >= _EVEN)
    weights = ndimage.sum_labels(core[here], parts, np.arange(1, count + 1))
    return patches, covered, np.where(parts == 1 + np.argmax(weights), belonging, 0.0)


def _two_sides(features: Array, share: Array, core: Array) -> Array:
    """How surely each patch is of the object, shape (gy, gx).

    Parameters
    ----------
    features
        Shape (gy, gx, C).
    share
        How much of each patch is in the box.
    core
        How much of each is taken for the object at first.
    """
    relative = (features - features.mean(axis=(0, 1))) / (features.std(axis=(0, 1)) + _FLAT)
    weights, belonging = core, np.ones_like(share)
    for _ in range(_ROUNDS):
        rest = 1.0 - weights
        if min(weights.sum(), rest.sum()) < _FLAT:
            break
        ours, others = (np.average(relative, axis=(0, 1), weights=side) for side in (weights, rest))
        heights = relative @ (ours - others)
        object_at, rest_at = np.average(heights, weights=weights), np.average(heights, weights=rest)
        if object_at - rest_at < _FLAT:
            break
        belonging = expit(_SHARPNESS * (2 * heights - object_at - rest_at) / (object_at - rest_at))
        weights = share * belonging
    return np.where(share > 0, belonging, 0.0)


def _hill(grid: PatchGrid, box: BoxPrompt, patches: Region) -> Array:
    """A hill over the middle of a box, 1 at its top, shape (gy, gx)."""
    slopes = []
    for axis, (low, high) in enumerate(zip(box.low, box.high, strict=True), start=1):
        voxels = grid.to_voxel(np.arange(patches.start[axis], patches.stop[axis], dtype=np.float64))
        half = max((high - low) / 2, grid.patch_voxels / 2)
        slopes.append(np.exp(-(((voxels - (low + high) / 2) / half / _CORE) ** 2) / 2))
    return np.multiply.outer(*slopes)
