"""From a similarity map to a mask and its objects, block by block."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import SettingsError
from dinoscope.geometry import Region
from dinoscope.image import Image, LazyArray
from dinoscope.jobs import Mapper, ProgressCallback, ignore_progress, in_turn
from dinoscope.segmentation._fine import FineMap, as_fine
from dinoscope.segmentation._objects import find_objects
from dinoscope.segmentation._outlining import outline_objects
from dinoscope.segmentation._prior import reached
from dinoscope.segmentation._rules import object_rules
from dinoscope.segmentation._sam_weights import segmenter_of
from dinoscope.segmentation._threshold import choose_thresholds
from dinoscope.segmentation._upsample import similarity_at
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.features import ImageFacts
    from dinoscope.segmentation._segmenter import Segmenter
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
    each: Mapper = in_turn,
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
        Where SAM 2 refines, then ``"parts"`` after every block, and ``"sam2"`` after every part of an object in a
        section.
    each
        How the labels of blocks are worked out; they are joined here.

    Raises
    ------
    SettingsError
        If sizes are limited and the sizes of the image's axes are in different units, or no size is within the limits;
        or if SAM 2 is to refine and the map is not one that `refine_map` made.
    SegmenterNotFoundError, CheckpointError, MissingDependencyError
        If SAM 2 is to refine and is not to be had, see `create_segmenter`.

    Notes
    -----
    Where several classes reach their thresholds at a voxel, the most similar one has it.

    SAM 2 draws what is an object by then: ids, links and limits of size are those of what the map shows. It is shown
    every part of an object in a section by itself, which on one core of a CPU takes the tiny one about 5 s a part.
    """
    rules = object_rules(image, settings)
    fine = as_fine(similarity)
    segmenter = _segmenter(fine, settings)
    thresholds = choose_thresholds(fine, settings.threshold)
    certain = thresholds + settings.certainty * np.maximum(reached(fine.similarity) - thresholds, 0).astype(np.float32)
    pieces = np.zeros(image.voxels, np.uint32) if scratch is None else scratch
    todo = list(blocks(Region.of_shape(image.voxels), BLOCK))
    labels = each(_Cut(replace(fine, segmenter=None), thresholds, certain), todo, "objects", progress)
    found = find_objects(todo, lambda block: next(labels), pieces, rules, progress)
    object_of = found.object_of
    if segmenter is not None and fine.evidence is not None:
        object_of = outline_objects(object_of, pieces, fine.evidence.picture, segmenter, progress)
    return Segmentation(
        fine.classes,
        tuple(float(t) for t in thresholds),
        _Lookup(found.class_of[object_of], pieces, image.stacked),
        _Lookup(object_of, pieces, image.stacked),
        tuple(fine.classes[label - 1] for label in found.class_of[1:]),
    )


def _segmenter(fine: FineMap, settings: SegmentationSettings) -> Segmenter | None:
    """What draws the outlines: before the work, which would be lost if it were not to be had."""
    if settings.refine != "sam2":
        return None
    if fine.evidence is None:
        raise SettingsError(
            "refine 'sam2' needs the image and was given a map alone: pass what refine_map makes of the two, or choose "
            "refine 'none'"
        )
    return fine.segmenter or segmenter_of(settings)


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """Class labels of a block (z, y, x), negative where the similarity of the class is not certain."""

    fine: FineMap
    thresholds: NDArray[np.float32]
    certain: NDArray[np.float32]

    def __call__(self, block: Region) -> NDArray[np.int16]:
        values = self.fine.read(block)
        labels = _labels(values, self.thresholds).astype(np.int16)
        index = np.maximum(labels - 1, 0)
        best = np.take_along_axis(values, index[np.newaxis].astype(np.intp), axis=0)[0]
        return np.where(best >= self.certain[index], labels, -labels)


def label_region(
    similarity: SimilarityMap | FineMap, region: Region, thresholds: NDArray[np.float32], step: int = 1
) -> NDArray[np.uint8]:
    """Class labels of a region of voxels (z, y, x): k + 1 for the most similar class k that reaches its threshold.

    Parameters
    ----------
    similarity
        The map. What a `FineMap` is at these voxels is remembered: at other thresholds it is only compared.
    region
        Voxels (z, y, x).
    thresholds
        One per class, shape (K,).
    step
        In y and x, only the middle of every `step` voxels is looked at.
    """
    if not isinstance(similarity, FineMap):
        return _labels(similarity_at(similarity, region, step), thresholds)
    labels = np.empty((region.shape[0], *(-(-size // step) for size in region.shape[1:])), np.uint8)
    for place, values in similarity.look(region, step):
        labels[place] = _labels(values, thresholds)
    return labels


def _labels(values: NDArray[np.float32], thresholds: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Class labels of similarities (K, ...), K > 0; of classes that are equally similar the first one."""
    labels: NDArray[np.uint8] = (values[0] >= thresholds[0]).astype(np.uint8)
    if len(values) == 1:
        return labels
    best = np.where(labels, values[0], np.float32(-1.0))
    for label, (similar, threshold) in enumerate(zip(values[1:], thresholds[1:], strict=True), start=2):
        wins = (similar >= threshold) & (similar > best)
        np.copyto(labels, np.uint8(label), where=wins)
        np.copyto(best, similar, where=wins)
    return labels
