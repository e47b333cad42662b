"""From a similarity map to a mask and its objects, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.geometry import Region
from dinoscope.image import Image, LazyArray
from dinoscope.jobs import Progress, ProgressCallback, ignore_progress
from dinoscope.segmentation._fine import FineMap, as_fine
from dinoscope.segmentation._objects import find_objects
from dinoscope.segmentation._rules import object_rules
from dinoscope.segmentation._threshold import choose_thresholds
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
    similarity: SimilarityMap | FineMap,
    image: ImageFacts,
    settings: SegmentationSettings,
    scratch: WritableArray | None = None,
    progress: ProgressCallback = ignore_progress,
) -> Segmentation:
    """Cut a similarity map at a threshold and find the objects.

    Parameters
    ----------
    similarity
        The map of the whole image; one that `refine_map` made follows the borders in the image.
    image
        Facts about the image, for sizes in nm.
    settings
        Threshold, and what makes an object.
    scratch
        Where to keep the objects, shape (z, y, x), uint32; a new array in memory by default.
    progress
        Called after every block, with the stage ``"objects"``, and then ``"split"`` and ``"link"`` where that is done.

    Raises
    ------
    SettingsError
        If sizes are limited and the sizes of the image's axes are in different units, or no size is within the limits.

    Notes
    -----
    Where several classes reach their thresholds at a voxel, the most similar one has it.
    """
    rules = object_rules(image, settings)
    fine = as_fine(similarity)
    thresholds = choose_thresholds(fine, settings.threshold)
    certain = thresholds + settings.certainty * np.maximum(fine.similarity.levels - thresholds, 0).astype(np.float32)
    pieces = np.zeros(image.voxels, np.uint32) if scratch is None else scratch
    todo = list(blocks(Region.of_shape(image.voxels), BLOCK))
    done = 0

    def read(block: Region) -> NDArray[np.int16]:
        nonlocal done
        done += 1
        progress(Progress("objects", done, len(todo)))
        return _doubted(fine.read(block), thresholds, certain)

    found = find_objects(todo, read, pieces, rules, progress)
    return Segmentation(
        fine.classes,
        tuple(float(t) for t in thresholds),
        _Lookup(found.class_of[found.object_of], pieces, image.stacked),
        _Lookup(found.object_of, pieces, image.stacked),
        tuple(fine.classes[label - 1] for label in found.class_of[1:]),
    )


def _doubted(
    values: NDArray[np.float32], thresholds: NDArray[np.float32], certain: NDArray[np.float32]
) -> NDArray[np.int16]:
    """Class labels of similarities (K, z, y, x), negative where the similarity of the class is not certain."""
    labels = _labels(values, thresholds).astype(np.int16)
    best = np.take_along_axis(values, np.maximum(labels - 1, 0)[np.newaxis].astype(np.intp), axis=0)[0]
    return np.where(best >= certain[np.maximum(labels - 1, 0)], labels, -labels)


def label_region(
    similarity: SimilarityMap | FineMap, region: Region, thresholds: NDArray[np.float32], step: int = 1
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
    return _labels(as_fine(similarity).read(region, step), thresholds)


def _labels(values: NDArray[np.float32], thresholds: NDArray[np.float32]) -> NDArray[np.uint8]:
    values = np.where(values < thresholds[:, np.newaxis, np.newaxis, np.newaxis], -1.0, values)
    best = values.argmax(axis=0)
    return np.where(values.max(axis=0) >= 0, best + 1, 0).astype(np.uint8)
