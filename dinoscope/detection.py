"""From a similarity map to detections: peaks, one per object, with a score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.feature import peak_local_max
from skimage.measure import label
from skimage.segmentation import watershed

from dinoscope.jobs import Mapper, ProgressCallback, ignore_progress, in_turn
from dinoscope.outputs import Detections
from dinoscope.segmentation import choose_thresholds, sample_sections
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.features import ImageFacts
    from dinoscope.geometry import Region
    from dinoscope.settings import DetectionSettings
    from dinoscope.similarity import SimilarityMap

_PeaksOfClass = tuple[int, "NDArray[np.float64]", "NDArray[np.float32]"]
"""Index of a class, places of peaks (n, 3) and their heights (n,)."""

_BLOCK = 1024
"""Patches per side searched at once."""

_DEFAULT_DIAMETER = 4.0
"""Diameter in patches where no object tells one."""

_SMALLEST = 3
"""Patches that an object must have to count for the estimate of the diameter; less is noise."""

_NARROW, _WIDE = 0.1, 0.25
"""Sigmas of two averages, in diameters. One wider than the first drowns small objects, and joins those that touch."""

_WIDE_SHARE = 0.01
"""What the wide average has to say: where the narrow one is flat, and only there, it tells where the middle is."""


def detect(
    similarity: SimilarityMap,
    image: ImageFacts,
    settings: DetectionSettings,
    progress: ProgressCallback = ignore_progress,
    each: Mapper = in_turn,
) -> Detections:
    """Find the objects of every class as peaks of its similarity map.

    The map is averaged over the middle of an object, and the height of a peak is its score. Of peaks nearer than half a
    diameter only the best stays; across sections this holds where their distance is known.

    Parameters
    ----------
    similarity
        The map of the whole image.
    image
        Facts about the image.
    settings
        Diameter and lowest score.
    progress
        Called after every block, with the stage ``"detection"``.
    each
        How blocks are searched.
    """
    thresholds = choose_thresholds(similarity, settings.min_score)
    diameter = _diameters(similarity, image, settings, thresholds)  # K, voxels
    todo = list(blocks(similarity.grid.extent, (1, _BLOCK, _BLOCK)))
    search = _Search(similarity, diameter / similarity.grid.patch_voxels, thresholds)
    found = [peaks for per_class in each(search, todo, "detection", progress) for peaks in per_class]
    return _best(similarity, image, diameter, found)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """Looks for the peaks of all classes in a block; `widths` are those of objects in patches."""

    similarity: SimilarityMap
    widths: NDArray[np.float64]
    thresholds: NDArray[np.float32]

    def __call__(self, block: Region) -> list[_PeaksOfClass]:
        sizes = zip(self.widths.tolist(), self.thresholds.tolist(), strict=True)
        return [(k, *_peaks(self.similarity, k, block, size)) for k, size in enumerate(sizes)]


def estimate_diameter(similarity: SimilarityMap, k: int, threshold: float) -> float:
    """Typical diameter of the objects of class `k` in voxels: the median over patches of the discs of equal area.

    Objects that touch count by themselves, split by a watershed of the depth: as one they would be far too large.
    """
    sections = sample_sections(similarity.grid)
    area = np.concatenate([_areas(similarity.read(section)[k, 0] >= threshold) for section in sections])
    area = np.sort(area[area >= _SMALLEST])
    if not area.size:
        return _DEFAULT_DIAMETER * similarity.grid.patch_voxels
    share = np.cumsum(area) / area.sum()
    typical = area[np.searchsorted(share, 0.5)]
    return 2.0 * math.sqrt(typical / math.pi) * similarity.grid.patch_voxels


def _areas(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Patches of every object of a mask (gy, gx), shape (n,): one around every place that is deepest in it."""
    depths = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    middles = mask & (depths == ndimage.maximum_filter(depths, 3))
    objects = watershed(-depths, label(middles), mask=mask)
    areas: NDArray[np.int64] = np.bincount(objects.ravel())[1:]
    return areas


def _diameters(
    similarity: SimilarityMap, image: ImageFacts, settings: DetectionSettings, thresholds: NDArray[np.float32]
) -> NDArray[np.float64]:
    classes = range(len(similarity.classes))
    if settings.object_diameter == "auto":
        return np.array([estimate_diameter(similarity, k, float(thresholds[k])) for k in classes])
    voxel = image.pixel_size_nm or 1.0
    return np.full(len(classes), settings.object_diameter / voxel)


def _peaks(
    similarity: SimilarityMap, k: int, block: Region, size: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Peaks of one class in a block of patches: voxel coordinates (n, 3) and heights (n,)."""
    width, threshold = size
    margin = math.ceil(4.0 * _WIDE * width + width / 4.0) + 2
    read = block.grow((0, margin, margin)).intersect(similarity.grid.extent)
    plane = _averaged(similarity.read(read)[k, 0], width)
    places = peak_local_max(
        plane, min_distance=max(1, round(width / 4.0)), threshold_abs=threshold, exclude_border=False
    )
    heights = plane[tuple(places.T)]
    refined = places + np.stack([_parabola(plane, places, axis) for axis in (0, 1)], axis=-1)
    patches = refined + np.array(read.start[1:])
    start, stop = np.array(block.start[1:]), np.array(block.stop[1:])
    inside = ((places + read.start[1:] >= start) & (places + read.start[1:] < stop)).all(axis=1)
    centres = np.column_stack([np.full(len(patches), float(block.start[0])), similarity.grid.to_voxel(patches)])
    return centres[inside], heights[inside]


def _averaged(values: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """Similarities averaged over the middle of objects of a width in patches, shape (gy, gx)."""
    plane: NDArray[np.float32] = ndimage.gaussian_filter(values, _NARROW * width, mode="nearest")
    plane += _WIDE_SHARE * (ndimage.gaussian_filter(values, _WIDE * width, mode="nearest") - plane)
    return plane


def _parabola(plane: NDArray[np.float32], places: NDArray[np.int64], axis: int) -> NDArray[np.float64]:
    """Offset of the top of a parabola through a peak and its two neighbours, within half a patch, shape (n,)."""
    size = plane.shape[axis]
    steps = np.eye(2, dtype=np.int64)[axis]
    before, after = (np.clip(places + sign * steps, 0, np.array(plane.shape) - 1) for sign in (-1, 1))
    low, top, high = (plane[tuple(p.T)].astype(np.float64) for p in (before, places, after))
    bend = low - 2.0 * top + high
    at_edge = (places[:, axis] == 0) | (places[:, axis] == size - 1)
    flat = at_edge | (bend > -1e-12)
    offset: NDArray[np.float64] = np.where(
        flat, 0.0, np.clip(0.5 * (low - high) / np.where(flat, 1.0, bend), -0.5, 0.5)
    )
    return offset


def _best(
    similarity: SimilarityMap,
    image: ImageFacts,
    diameter: NDArray[np.float64],
    found: list[_PeaksOfClass],
) -> Detections:
    """Suppress what lies too near to a better peak of its class, and sort the rest by score."""
    centres = np.concatenate([c for _, c, _ in found])
    scores = np.concatenate([s for _, _, s in found])
    class_index = np.repeat([k for k, _, _ in found], [len(s) for _, _, s in found])
    order = np.lexsort((*centres.T[::-1], -scores))  # ties by position, so that the order of blocks is no matter
    centres, scores, class_index = centres[order], scores[order], class_index[order]
    kept = np.zeros(len(scores), bool)
    for k, width in enumerate(diameter):
        mine = np.flatnonzero(class_index == k)
        kept[mine[_not_suppressed(_distance_space(centres[mine], image), width / 2.0)]] = True
    names = tuple(similarity.classes[k] for k in class_index[kept])
    return _table(image, centres[kept], scores[kept], names, diameter[class_index[kept]])


def _table(
    image: ImageFacts,
    centres: NDArray[np.float64],
    scores: NDArray[np.float32],
    names: tuple[str, ...],
    diameters: NDArray[np.float64],
) -> Detections:
    ndim = len(image.own(image.units))
    known = set(image.own(image.units)) == {"nm"}
    return Detections(
        axis_names="zyx"[-ndim:],
        centres=centres[:, -ndim:],
        scores=np.clip(scores, 0.0, 1.0).astype(np.float64),
        class_names=names,
        diameters=diameters * image.pixel_size_nm if known and image.pixel_size_nm else diameters,
        unit="nm" if known else "pixel",
        scale=image.own(image.voxel_size) if known else (1.0,) * ndim,
    )


def _distance_space(centres: NDArray[np.float64], image: ImageFacts) -> NDArray[np.float64]:
    """Centres in units of an in-plane voxel; sections of unknown distance are infinitely far apart."""
    known = image.units[0] == image.units[1] == "nm"
    step = image.voxel_size[0] / image.voxel_size[1] if known else 1e12
    spread: NDArray[np.float64] = centres * np.array([step, 1.0, 1.0])
    return spread


def _not_suppressed(points: NDArray[np.float64], radius: float) -> NDArray[np.int64]:
    """Indices of points, best first, that have no better kept point within `radius`."""
    if not len(points):
        return np.zeros(0, np.int64)
    tree = cKDTree(points)
    alive = np.ones(len(points), bool)
    for index in range(len(points)):
        if alive[index]:
            near = np.array(tree.query_ball_point(points[index], radius))
            alive[near[near > index]] = False
    return np.flatnonzero(alive)
