"""From a similarity map to a mask and its objects, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import SettingsError
from dinoscope.geometry import Region
from dinoscope.image import Image, LazyArray
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress
from dinoscope.segmentation._objects import find_objects, voxels_of_diameter
from dinoscope.segmentation._threshold import choose_thresholds
from dinoscope.segmentation._upsample import similarity_at
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.features import ImageFacts
    from dinoscope.settings import SegmentationSettings
    from dinoscope.similarity import SimilarityMap, WritableArray

BLOCK = (1, 2048, 2048)
"""Voxels (z, y, x) segmented at once."""


class _Lookup(LazyArray):
    """Labels that are looked up piece by piece when they are read, in the image's own axes."""

    def __init__(self, table: NDArray[Any], scratch: WritableArray, stacked: bool) -> None:
        super().__init__(tuple(scratch.shape) if stacked else tuple(scratch.shape[1:]), table.dtype)
        self._table = table
        self._scratch = scratch
        self._stacked = stacked

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        pieces = self._scratch[bounds if self._stacked else (0, *bounds)]
        labels: NDArray[Any] = self._table[np.asarray(pieces)]
        return labels


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Classes and objects of an image. Labels are lazy arrays in the image's axes, (z, y, x) or (y, x).

    Attributes
    ----------
    classes
        Names of the K classes.
    thresholds
        The similarity from which a voxel belonged to each class.
    mask
        Class labels, uint8: k + 1 for class k, 0 for the background.
    instances
        Object ids from 1, uint32, 0 for the background.
    object_classes
        Class name of each object, in the order of the ids.
    """

    classes: tuple[str, ...]
    thresholds: tuple[float, ...]
    mask: LazyArray
    instances: LazyArray
    object_classes: tuple[str, ...]

    def instance_image(self, image: Image) -> Image:
        """The object ids as an image in the place of `image`, for measuring."""
        axes = tuple(axis for axis in image.axes if axis.kind == "space")
        return Image(f"{image.name} objects", f"{image.uri}#objects", axes, self.instances)

    def blocks(self) -> list[Region]:
        """Boxes of voxels that partition the image, of a size that is comfortable to read and write."""
        return list(blocks(Region.of_shape(self.mask.shape), BLOCK[-len(self.mask.shape) :]))


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

    Raises
    ------
    SettingsError
        If there is a smallest size and the sizes of the image's axes are in different units.

    Notes
    -----
    Where several classes reach their thresholds at a voxel, the most similar one has it. Objects are joined across
    sections where their voxels lie on top of each other.
    """
    thresholds = choose_thresholds(similarity, settings.threshold)
    pieces = np.zeros(image.voxels, np.uint32) if scratch is None else scratch
    todo = list(blocks(Region.of_shape(image.voxels), BLOCK))
    done = 0

    def read(block: Region) -> NDArray[np.uint8]:
        nonlocal done
        done += 1
        progress(Progress("objects", done, len(todo)))
        return label_region(similarity, block, thresholds)

    found = find_objects(todo, read, pieces, _smallest(image, settings.min_diameter))
    return Segmentation(
        similarity.classes,
        tuple(float(t) for t in thresholds),
        _Lookup(found.class_of[found.object_of], pieces, image.stacked),
        _Lookup(found.object_of, pieces, image.stacked),
        tuple(similarity.classes[label - 1] for label in found.class_of[1:]),
    )


def _smallest(image: ImageFacts, diameter: float) -> float:
    """Voxels of the smallest object to keep."""
    if diameter and len(set(image.own(image.units))) > 1:
        raise SettingsError(
            f"image {image.name!r} tells the size of a pixel but not the distance of its sections, so the size of an "
            "object is unknown: tell it with section_distance, or leave min_diameter at 0"
        )
    return voxels_of_diameter(diameter, image.own(image.voxel_size))


def label_region(
    similarity: SimilarityMap, region: Region, thresholds: NDArray[np.float32], step: int = 1
) -> NDArray[np.uint8]:
    """Class labels of a region of voxels (z, y, x): k + 1 for the most similar class k that reaches its threshold.

    Parameters
    ----------
    similarity
        The map.
    region
        Voxels (z, y, x).
    thresholds
        One per class, shape (K,).
    step
        In y and x, only the middle of every `step` voxels is looked at.
    """
    values = similarity_at(similarity, region, step)
    values[values < thresholds[:, np.newaxis, np.newaxis, np.newaxis]] = -1.0
    best = values.argmax(axis=0)
    return np.where(values.max(axis=0) >= 0, best + 1, 0).astype(np.uint8)
