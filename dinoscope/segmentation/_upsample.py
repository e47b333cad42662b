"""From the patch grid to voxels, exact to the voxel wherever the region lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.geometry import Region
    from dinoscope.similarity import SimilarityMap

Float = TypeVar("Float", np.float32, np.float64)


def similarity_at(similarity: SimilarityMap, region: Region, step: int = 1) -> NDArray[np.float32]:
    """Similarities at the voxels of a region (z, y, x), bilinear between patch centres.

    Beyond the centres of the outermost patches the nearest value holds.

    Parameters
    ----------
    similarity
        The map.
    region
        Voxels.
    step
        In y and x, only the middle of every `step` voxels is looked at.

    Returns
    -------
    Array of shape (K, z, y / step, x / step), rounded up.
    """
    patches = similarity.grid.patches_around(region)
    values = similarity.read(patches)
    for axis in (1, 2):
        voxels = np.arange(region.start[axis], region.stop[axis], step, dtype=np.float64) + (step - 1) / 2
        places = similarity.grid.to_patch(voxels) - patches.start[axis]
        values = interpolate(values, places, axis + 1)
    return values


def interpolate(values: NDArray[Float], places: NDArray[np.float64], axis: int) -> NDArray[Float]:
    """Values between those of an axis, linear; before the first and after the last one these hold."""
    places = np.clip(places, 0, values.shape[axis] - 1)
    first = np.minimum(places.astype(np.int64), max(values.shape[axis] - 2, 0))
    weight = (places - first).astype(values.dtype).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    low: NDArray[Any] = values.take(first, axis, mode="clip")  # no index is out of bounds, and this is the fast mode
    if values.shape[axis] == 1:
        return low
    rises: NDArray[Float] = np.diff(values, axis=axis).take(first, axis, mode="clip")
    rises *= weight
    rises += low
    return rises
