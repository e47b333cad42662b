"""Similarity maps from disk, as fine as the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import EvaluationError
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image, LazyArray
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.similarity import SimilarityMap

_PATCHES = 1_000_000
"""A patch grid takes the stride as a whole number: a patch of s voxels is one of this stride at this stride / s."""


class _Interpolated(LazyArray):
    """One class of a similarity map at every voxel, in the axes (z, y, x) or (y, x)."""

    def __init__(self, similarity: SimilarityMap, shape: tuple[int, ...]) -> None:
        super().__init__(shape, np.float32)
        self._similarity = similarity

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        from dinoscope.segmentation import similarity_at

        z, y, x = bounds if self.ndim == 3 else (slice(0, 1), *bounds)
        region = Region((z.start, y.start, x.start), (z.stop, y.stop, x.stop))
        values: NDArray[np.float32] = similarity_at(self._similarity, region)[0]
        return values if self.ndim == 3 else values[0]


def open_similarity(path: Path, truth: Image, channel: int = 0) -> Image:
    """One class of a similarity map that `write_similarity` wrote, bilinear at every voxel of a truth. Lazy.

    Parameters
    ----------
    path
        The OME-Zarr.
    truth
        Image of the voxels, axes (z, y, x) or (y, x).
    channel
        Index of the class.

    Raises
    ------
    EvaluationError
        If it is no such map, has no such class, or does not lie over the truth.
    """
    from dinoscope.similarity import SimilarityMap  # that loads torch, which masks do not need

    array, side = _open_patches(path)
    if not 0 <= channel < array.shape[0]:
        raise EvaluationError(f"{path} has {array.shape[0]} classes: class {channel} (counted from 0) is none of them")
    stack = (1, *truth.shape)[-3:]
    grid = PatchGrid((stack[0], stack[1], stack[2]), _PATCHES, _PATCHES / side)
    if (1, *array.shape[1:])[-3:] != grid.shape:
        raise EvaluationError(
            f"{path} has {tuple(array.shape[1:])} patches of {side:g} voxels, which do not lie over {truth.name!r} of "
            f"shape {truth.shape}: expected {grid.shape}; compare it with the truth of the image it was made from"
        )
    values = np.asarray(array[channel], np.float32).reshape(1, *grid.shape)
    similarity = SimilarityMap(("object",), values, grid, np.ones(1, np.float32))
    axes = tuple(Axis(axis.name, axis.size, axis.scale, axis.unit) for axis in truth.axes)
    return Image(path.name, str(path), axes, _Interpolated(similarity, truth.shape))


def is_similarity(path: Path) -> bool:
    """Whether a Zarr is a map that `open_similarity` opens, by its name for itself."""
    import zarr

    try:
        attributes: Any = dict(zarr.open_group(path, mode="r").attrs)
        return bool(attributes["ome"]["multiscales"][0]["name"] == "similarity")
    except (OSError, KeyError, ValueError, TypeError, IndexError):
        return False


def _open_patches(path: Path) -> tuple[Any, float]:
    """The array of a map (c, z, gy, gx) or (c, gy, gx), and voxels per side of a patch."""
    import zarr

    try:
        group = zarr.open_group(path, mode="r")
        scales: Any = dict(group.attrs)["ome"]
        dataset = scales["multiscales"][0]["datasets"][0]
        step, *moved = dataset["coordinateTransformations"]
        origin = float(moved[0]["translation"][-1]) if moved else 0.0
        return group[dataset["path"]], _patch_side(float(step["scale"][-1]), origin)
    except (OSError, KeyError, ValueError, TypeError, IndexError) as error:
        raise EvaluationError(f"{path} is no similarity map of `dinoscope segment --similarity` ({error})") from error


def _patch_side(step: float, origin: float) -> float:
    """Voxels of a patch: centres are ``s p`` apart and the first lies at ``(s - 1) / 2 p``, for voxels of size p."""
    return step / (step - 2.0 * origin)
