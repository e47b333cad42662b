"""Lazy arrays as napari likes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dask.array as da
import numpy as np

if TYPE_CHECKING:
    from dinoscope.image import ArrayLike

CHUNK = 512
"""Voxels per side of what napari reads at once."""


def lazy(array: ArrayLike) -> da.Array:
    """The array for napari, which cuts stacks before it reads only where dask does it for it.

    It gets no name that a cache could know it by: what is behind it may be growing.
    """
    chunks = (*(1 for _ in array.shape[:-2]), *(min(CHUNK, size) for size in array.shape[-2:]))
    meta = np.empty((0,) * len(chunks), array.dtype)  # what dask would otherwise find out by reading
    found: da.Array = da.from_array(array, chunks, name=False, meta=meta)  # type: ignore[no-untyped-call]
    return found
