"""Whole results written block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dinoscope.geometry import Region
from dinoscope.jobs import counted, ignore_progress
from dinoscope.outputs._labels import LabelsInfo, create_labels
from dinoscope.outputs._maps import create_map
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.features import Manifest
    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback
    from dinoscope.segmentation import Segmentation
    from dinoscope.similarity import SimilarityMap

_BLOCK = (1, 1024, 1024)
"""Patches (z, gy, gx) written at once; whole chunks of the result."""


def write_mask(
    path: Path,
    image: Image,
    segmentation: Segmentation,
    *,
    force: bool = False,
    progress: ProgressCallback = ignore_progress,
) -> Path:
    """Write the classes of a segmentation; see `create_labels` for the formats and errors.

    Parameters
    ----------
    path
        Name of the result, ending in ``.zarr``, ``.tif`` or ``.png``.
    image
        The segmented image.
    segmentation
        Its mask is written: value k + 1 for class k, 0 for the background.
    force
        Whether an earlier result may be replaced.
    progress
        Called after every block, with the stage ``"writing"``. If it raises, nothing is left behind.
    """
    info = LabelsInfo("mask", segmentation.classes)
    with create_labels(path, image, np.uint8, info=info, force=force) as sink:
        for block in counted(segmentation.blocks(), "writing", progress):
            sink.write(block, segmentation.mask[block.slices])
    return path


def write_instances(
    path: Path,
    image: Image,
    segmentation: Segmentation,
    *,
    force: bool = False,
    progress: ProgressCallback = ignore_progress,
) -> Path:
    """Write the object ids of a segmentation, as uint16 where they fit; otherwise like `write_mask`."""
    dtype = np.uint16 if len(segmentation.object_classes) <= np.iinfo(np.uint16).max else np.uint32
    with create_labels(path, image, dtype, info=LabelsInfo("objects"), force=force) as sink:
        for block in counted(segmentation.blocks(), "writing", progress):
            sink.write(block, segmentation.instances[block.slices].astype(dtype))
    return path


def write_similarity(
    path: Path,
    features: Manifest,
    similarity: SimilarityMap,
    *,
    force: bool = False,
    progress: ProgressCallback = ignore_progress,
) -> Path:
    """Write a similarity map such that viewers lay it over the image to the half voxel; see `create_map`.

    Parameters
    ----------
    path
        Name of the result, ending in ``.zarr``.
    features
        Manifest of the features the map was made from; it knows where patches lie.
    similarity
        The map.
    force, progress
        As in `write_mask`.
    """
    count = len(similarity.classes)
    axes, origin = features.patch_axes, features.patch_origin
    with create_map(path, axes, origin, similarity.classes, force=force) as sink:
        for block in counted(list(blocks(similarity.grid.extent, _BLOCK)), "writing", progress):
            values = similarity.read(block)
            start, stop = features.image.own(block.start), features.image.own(block.stop)
            sink.write(Region((0, *start), (count, *stop)), values if features.image.stacked else values[:, 0])
    return path
