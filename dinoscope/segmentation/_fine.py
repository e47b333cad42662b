"""A similarity map at voxels: bilinear between patches, or led by the borders that the image itself shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from dinoscope.segmentation._memory import Memory, blocks_of
from dinoscope.segmentation._picture import Picture
from dinoscope.segmentation._prior import Prior
from dinoscope.segmentation._refine import REACH, Evidence
from dinoscope.segmentation._upsample import similarity_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from dinoscope.features import Manifest
    from dinoscope.geometry import Region
    from dinoscope.image import Image
    from dinoscope.segmentation._memory import Place
    from dinoscope.segmentation._segmenter import Segmenter
    from dinoscope.settings import SegmentationSettings
    from dinoscope.similarity import SimilarityMap
    from dinoscope.tiling import PatchGrid


@dataclass(frozen=True, slots=True, eq=False)
class FineMap:
    """A similarity map that is read at voxels.

    Attributes
    ----------
    similarity
        The map on the patch grid.
    evidence
        The image that tells where borders lie; without one the map is bilinear between patch centres.
    segmenter
        Draws the outlines of objects that are found in the map, where that is wanted; no similarity depends on it.
    memory
        What was looked at last, for `look`.
    """

    similarity: SimilarityMap
    evidence: Evidence | None = None
    segmenter: Segmenter | None = None
    memory: Memory = field(default_factory=Memory, repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the K classes."""
        return self.similarity.classes

    @property
    def grid(self) -> PatchGrid:
        """The patches, and where they lie in the image."""
        return self.similarity.grid

    def read(self, region: Region, step: int = 1) -> NDArray[np.float32]:
        """Similarities at the voxels of a region (z, y, x), in [0, 1]: the same in whatever region a voxel is read.

        Parameters
        ----------
        region
            Voxels.
        step
            In y and x, only the middle of every `step` voxels is looked at.

        Returns
        -------
        Array of shape (K, z, y / step, x / step), rounded up.

        Raises
        ------
        ImageReadError
            If the file behind the image turns out to be damaged.
        """
        if self.evidence is None:
            return similarity_at(self.similarity, region, step)
        return self.evidence.read(self.similarity, region, step)

    def look(self, region: Region, step: int = 1) -> Iterator[tuple[Place, NDArray[np.float32]]]:
        """What `read` gives, piece by piece and remembered: for who looks at the same voxels again and again.

        Parameters
        ----------
        region, step
            As for `read`.

        Yields
        ------
        Places (z, y, x) in the array that `read` gives, and the similarities there, shape (K, z, y, x), which are not
        to be written to. Nothing is worked out again unless the map has changed there.

        Raises
        ------
        ImageReadError
            If the file behind the image turns out to be damaged.
        """
        if not self._has_blocks(region, step):
            whole = self.read(region, step)  # from so far there is less to see than to remember
            yield (slice(0, whole.shape[1]), slice(0, whole.shape[2]), slice(0, whole.shape[3])), whole
            return
        for block, place, inner in blocks_of(region, step, self.grid.voxels):
            values = self.memory.recall((block, step), self._source(block), partial(self.read, block, step))
            yield place, values[(slice(None), *inner)]

    def is_quick(self, region: Region, step: int = 1) -> bool:
        """Whether a look at a region takes no longer than one at the map between patches: nothing is worked out."""
        if self.evidence is None or self.evidence.picture.lattice(self.grid, step) is None:
            return True
        return self._has_blocks(region, step) and all(
            self.memory.has((block, step), self._source(block))
            for block, _, _ in blocks_of(region, step, self.grid.voxels)
        )

    def _has_blocks(self, region: Region, step: int) -> bool:
        """Whether what is seen of a region is remembered in blocks."""
        return step <= self.grid.patch_voxels and not (region.start[1] % step or region.start[2] % step)

    def _source(self, region: Region) -> NDArray[np.float32]:
        """The values of the map on which those at the voxels of a region depend."""
        rim = 0 if self.evidence is None else REACH
        around = self.grid.patches_around(region).grow((0, rim, rim))
        return self.similarity.read(around.intersect(self.grid.extent))


def as_fine(similarity: SimilarityMap | FineMap) -> FineMap:
    """What reads a map at voxels: a map without an image is bilinear."""
    return similarity if isinstance(similarity, FineMap) else FineMap(similarity)


def refine_map(
    similarity: SimilarityMap,
    image: Image,
    features: Manifest,
    settings: SegmentationSettings,
    prior: Prior | None = None,
    segmenter: Segmenter | None = None,
) -> FineMap:
    """A similarity map at voxels, as fine as the settings want it.

    Parameters
    ----------
    similarity
        The map; a view of it, so that what is compared later shows up.
    image
        What was compared, with axes ``(z?, y, x, s?)``.
    features
        How it was encoded; its intensity range is used here, too.
    settings
        Whether the image refines the map.
    prior
        What the map means by itself, where it is a part of a larger one; that of this map by default.
    segmenter
        Draws the outlines of objects, should the settings want that; by default `segment` makes the one they name.
    """
    if settings.refine == "none":
        return FineMap(similarity)
    evidence = Evidence(prior or Prior.of(similarity), Picture(image, features.intensity))
    return FineMap(similarity, evidence, segmenter)
