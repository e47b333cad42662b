"""Masks with planted objects, and the objects found in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from dinoscope.geometry import Region
from dinoscope.segmentation import ObjectRules, Pieces, find_objects
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

Shape = tuple[int, int, int]


def objects_of(
    labels: NDArray[Any], rules: ObjectRules, block: Shape | None = None
) -> tuple[Pieces, NDArray[np.uint32]]:
    """What is found in class labels (z, y, x), read and split in blocks of a size, and the ids of all voxels."""
    scratch = np.zeros(labels.shape, np.uint32)
    size = labels.shape if block is None else block
    rules = replace(rules, tile=size)
    found = find_objects(blocks(Region.of_shape(labels.shape), size), lambda b: labels[b.slices], scratch, rules)
    return found, found.object_of[scratch]


def balls(
    shape: Shape,
    centres: list[tuple[float, float, float]],
    radius: float,
    spacing: tuple[float, float, float] = (1, 1, 1),
) -> NDArray[np.uint8]:
    """A mask of balls of a radius in units of length; centres are in voxels."""
    grid = np.indices(shape)
    mask = np.zeros(shape, bool)
    for centre in centres:
        away = [(g - c) * s for g, c, s in zip(grid, centre, spacing, strict=True)]
        mask |= sum(a**2 for a in away) <= radius**2
    return mask.astype(np.uint8)


def blobs(seed: int, shape: Shape, sigma: tuple[float, float, float], classes: int = 2) -> NDArray[np.uint8]:
    """Random smooth blobs of some classes."""
    rng = np.random.default_rng(seed)
    inside = ndimage.gaussian_filter(rng.normal(size=shape), sigma) > 0
    field = ndimage.gaussian_filter(rng.normal(size=shape), tuple(3 * s for s in sigma))
    kind = 1 + np.digitize(field, np.quantile(field, np.arange(1, classes) / classes))
    return (inside * kind).astype(np.uint8)
