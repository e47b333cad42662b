"""From a similarity map to a mask and its objects, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.geometry import Region
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress
from dinoscope.segmentation._objects import Pieces, find_objects, voxels_of_diameter
from dinoscope.segmentation._threshold import choose_threshold
from dinoscope.segmentation._upsample import similarity_at
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.features import ImageFacts
    from dinoscope.settings import SegmentationSettings
    from dinoscope.similarity import SimilarityMap, WritableArray

BLOCK = (1, 2048, 2048)
"""Voxels (z, y, x) segmented at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Objects of an image.

    Attributes
    ----------
    classes
        Names of the K classes; class k has the label k + 1 in a mask.
    threshold
        The similarity from which a voxel belonged to a class.
    pieces
        The objects, and how to read them from `scratch`.
    scratch
        Piece numbers, shape (z, y, x), uint32.
    """

    classes: tuple[str, ...]
    threshold: float
    pieces: Pieces
    scratch: WritableArray

    @property
    def object_classes(self) -> tuple[str, ...]:
        """Class name of each object, in the order of their ids from 1."""
        return tuple(self.classes[label - 1] for label in self.pieces.class_of[1:])

    def instances(self, region: Region) -> NDArray[np.uint32]:
        """Object ids of a region of voxels (z, y, x); 0 is background."""
        ids: NDArray[np.uint32] = self.pieces.object_of[np.asarray(self.scratch[region.slices])]
        return ids

    def mask(self, region: Region) -> NDArray[np.uint8]:
        """Class labels of a region of voxels (z, y, x); 0 is background."""
        return self.pieces.class_of[self.instances(region)]

    def blocks(self) -> list[Region]:
        """Boxes of voxels (z, y, x) that partition the image, of a size that is comfortable to write."""
        return list(blocks(Region.of_shape(tuple(self.scratch.shape)), BLOCK))


def segment(
    similarity: SimilarityMap,
    image: ImageFacts,
    settings: SegmentationSettings,
    scratch: WritableArray | None = None,
    progress: ProgressCallback = ignore_progress,
) -> Segmentation:
    """Cut a similarity map at a threshold and find the objects.

    Parameters
    ----------
    similarity
        The map of the whole image.
    image
        Facts about the image, for sizes in nm.
    settings
        Threshold and smallest size.
    scratch
        Where to keep the objects, shape (z, y, x), uint32; a new array in memory by default.
    progress
        Called after every block, with the stage ``"objects"``.

    Notes
    -----
    Where several classes reach the threshold at a voxel, the most similar one has it. Objects are joined across
    sections where their voxels lie on top of each other.
    """
    threshold = choose_threshold(similarity, settings.threshold)
    pieces = np.zeros(image.voxels, np.uint32) if scratch is None else scratch
    todo = list(blocks(Region.of_shape(image.voxels), BLOCK))
    done = 0

    def read(block: Region) -> NDArray[np.uint8]:
        nonlocal done
        done += 1
        progress(Progress("objects", done, len(todo)))
        return label_region(similarity, block, threshold)

    size = image.voxel_size if image.voxels[0] > 1 else image.voxel_size[1:]
    found = find_objects(todo, read, pieces, voxels_of_diameter(settings.min_diameter, size))
    return Segmentation(similarity.classes, threshold, found, pieces)


def label_region(similarity: SimilarityMap, region: Region, threshold: float) -> NDArray[np.uint8]:
    """Class labels of a region of voxels (z, y, x): k + 1 where class k is the most similar and reaches a threshold."""
    values = similarity_at(similarity, region)
    best = values.argmax(axis=0)
    reached = np.take_along_axis(values, best[np.newaxis], axis=0)[0] >= threshold
    return np.where(reached, best + 1, 0).astype(np.uint8)
