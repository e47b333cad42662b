"""Similarities on the patch grid, and whether two images can be compared at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.features import Manifest
    from dinoscope.geometry import Region
    from dinoscope.reference import Reference
    from dinoscope.tiling import PatchGrid


class WritableArray(Protocol):
    """An array in memory or on disk that is read and written by slices: NumPy and zarr arrays are."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent along each axis."""
        ...

    def __getitem__(self, index: Any) -> Any:
        """Part of the array."""
        ...

    def __setitem__(self, index: Any, values: Any) -> None:
        """Replace a part of the array."""
        ...


class ScaleMismatchWarning(UserWarning):
    """Objects look larger or smaller to the encoder than in the reference."""


@dataclass(frozen=True, slots=True, eq=False)
class SimilarityMap:
    """Similarities on the patch grid.

    Attributes
    ----------
    classes
        Names of the K classes.
    values
        Shape (K, z, gy, gx), in [0, 1]; an array in memory or on disk, read by slices.
    grid
        The patches, and where they lie in the image.
    levels
        What similarity examples of each class can be expected to reach, shape (K,); nan where nobody can tell, as of
        texts. The most alike patches of the map are then taken for what is sought.
    """

    classes: tuple[str, ...]
    values: WritableArray
    grid: PatchGrid
    levels: NDArray[np.float32]

    def read(self, region: Region) -> NDArray[np.float32]:
        """Similarities of a region of patches (z, gy, gx), shape (K, z, gy, gx)."""
        return np.asarray(self.values[(slice(None), *region.slices)], dtype=np.float32)


def scale_mismatch(reference: Reference, features: Manifest, tolerance: float = 1.25) -> str | None:
    """A sentence with the mend if the pixel sizes of reference and features differ by more than `tolerance` times."""
    ours, theirs = reference.pixel_size_nm, features.pixel_size_nm
    if ours is None or theirs is None or max(ours / theirs, theirs / ours) <= tolerance:
        return None
    return (
        f"the reference was made at {ours:.3g} nm/px, {features.image.name!r} was encoded at {theirs:.3g} nm/px, so "
        f"objects differ in size to the encoder: use a working pixel size of {ours:.3g} nm"
    )
