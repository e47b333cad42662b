"""From the similarity map of one image to all that is found in it, and onto the disk."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from dinoscope.jobs import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dinoscope.batch._recipe import Recipe, ResultKind
    from dinoscope.batch._work import Work
    from dinoscope.image import ArrayLike, Image
    from dinoscope.jobs import ProgressCallback
    from dinoscope.measure import ObjectTable
    from dinoscope.outputs import Detections
    from dinoscope.segmentation import Segmentation, Segmenter
    from dinoscope.similarity import SimilarityMap

    Writers = Mapping[ResultKind, Callable[[Path], Path]]

_OF_OBJECTS = {"mask", "instances", "measurements", "overlay"}


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What was found in one image. What the recipe does not ask for was not looked for, and has no entries.

    Attributes
    ----------
    objects
        Number of objects per class.
    covered
        Share of the voxels that each class covers, 0 to 1.
    thresholds
        The similarity from which a voxel belonged to each class.
    detections
        Number of detections per class.
    writers
        Writes each kind of result under a name. They read what lies in the scratch folder.
    measure
        Measures the objects, when it is first called; it reads the scratch folder, too.
    """

    objects: Mapping[str, int]
    covered: Mapping[str, float]
    thresholds: Mapping[str, float]
    detections: Mapping[str, int]
    writers: Writers
    measure: Callable[[], ObjectTable]


def segmenter_of(recipe: Recipe) -> Segmenter | None:
    """What draws the outlines of objects, or None where nothing does or no objects are wanted.

    Raises
    ------
    SegmenterNotFoundError, CheckpointError, SettingsError, MissingDependencyError
        If it is not to be had, see `dinoscope.segmentation.create_segmenter`.
    """
    from dinoscope.segmentation import segmenter_of

    wanted = _OF_OBJECTS & set(recipe.results)
    return segmenter_of(recipe.segmentation, recipe.stages.encoder.device) if wanted else None


def find(
    work: Work,
    recipe: Recipe,
    folder: Path,
    progress: ProgressCallback,
    *,
    force: bool = False,
    segmenter: Segmenter | None = None,
) -> Findings:
    """Look for a reference in an image. Nothing is written before one of the `writers` is called.

    Parameters
    ----------
    work
        The image.
    recipe
        What to look for, and what will be written.
    folder
        For intermediate results; it must be there for as long as the findings are used.
    progress
        Called by every stage, and by the writers.
    force
        Whether earlier results may be replaced.
    segmenter
        Draws the outlines of objects, should the recipe want that; by default the one it names is made.
    """
    from dinoscope.detection import detect
    from dinoscope.outputs import write_similarity

    manifest = work.store.manifest
    segmenter = segmenter or segmenter_of(recipe)  # before the work, which would be lost if it were not to be had
    similarity = work.compare(recipe.reference, folder, progress)
    writers: Writers = {
        "similarity": partial(
            write_similarity, features=manifest, similarity=similarity, force=force, progress=progress
        )
    }
    found = Findings({}, {}, {}, {}, writers, _measure_nothing)
    if _OF_OBJECTS & set(recipe.results):
        segmentation = _segment(work, recipe, similarity, folder, progress, segmenter)
        measure = cache(partial(_measure, work, recipe, segmentation, progress))
        found = replace(
            found,
            objects=_count(segmentation.classes, segmentation.object_classes),
            covered=_covered(segmentation, progress),
            thresholds=dict(zip(segmentation.classes, segmentation.thresholds, strict=True)),
            writers={**writers, **_object_writers(work.image, segmentation, measure, progress, force)},
            measure=measure,
        )
    if "detections" in recipe.results:
        points = detect(similarity, manifest.image, recipe.detection, progress, work.crew.each)
        points = replace(points, more={"example": _examples_of(work, recipe, points.positions, points.class_names)})
        write = partial(_write_detections, image=work.image, found=points)
        counts = _count(similarity.classes, points.class_names)
        found = replace(found, detections=counts, writers={**found.writers, "detections": write})
    return found


def _segment(
    work: Work,
    recipe: Recipe,
    similarity: SimilarityMap,
    folder: Path,
    progress: ProgressCallback,
    segmenter: Segmenter | None,
) -> Segmentation:
    from dinoscope.outputs import scratch_array
    from dinoscope.segmentation import refine_map, segment

    manifest, settings = work.store.manifest, recipe.segmentation
    fine = refine_map(similarity, work.image, manifest, settings, segmenter=segmenter)
    scratch = scratch_array(folder, manifest.image.voxels, "uint32")
    return segment(fine, manifest.image, settings, scratch, progress, work.crew.each)


def _count(classes: Iterable[str], found: Iterable[str]) -> dict[str, int]:
    counts = Counter(found)
    return {name: counts[name] for name in classes}


def _covered(found: Segmentation, progress: ProgressCallback) -> dict[str, float]:
    """Share of the voxels of each class."""
    import numpy as np

    voxels = np.zeros(len(found.classes) + 1, np.int64)
    for block in counted(found.blocks(), "area", progress):
        voxels += np.bincount(found.mask[block.slices].ravel(), minlength=len(voxels))
    shares = voxels / voxels.sum()
    return dict(zip(found.classes, shares[1:].tolist(), strict=True))


def _object_writers(
    image: Image, found: Segmentation, measure: Callable[[], ObjectTable], progress: ProgressCallback, force: bool
) -> Writers:
    from dinoscope.outputs import write_instances, write_mask

    return {
        "mask": partial(write_mask, image=image, segmentation=found, force=force, progress=progress),
        "instances": partial(write_instances, image=image, segmentation=found, force=force, progress=progress),
        "measurements": partial(_write_measurements, measure=measure),
        "overlay": partial(_write_overlay, image=image, found=found),
    }


def _measure(work: Work, recipe: Recipe, found: Segmentation, progress: ProgressCallback) -> ObjectTable:
    """The objects in numbers; ``example`` tells which one of the reference each is most like."""
    from dinoscope.measure import measure_objects

    image = work.image
    grey = None if "s" in image.axis_names else image  # colours have no one intensity
    table = measure_objects(found.instance_image(image), grey, classes=found.object_classes, progress=progress)
    places = [table.centroid(row) for row in range(len(table))]
    alike = _examples_of(work, recipe, places, table["class"].tolist())
    return replace(table, columns={**table.columns, "example": alike})


def _examples_of(
    work: Work, recipe: Recipe, places: Sequence[tuple[float, ...]], classes: Sequence[str]
) -> NDArray[np.int64]:
    """Which example of the reference each of some places (z, y, x) resembles most, shape (n,)."""
    import numpy as np

    from dinoscope.similarity import examples_at

    stack = work.stacks[0]
    positions = np.array([stack.position(place) for place in places]).reshape(-1, 3)
    return examples_at(recipe.reference, stack.store, positions, classes)


def _measure_nothing() -> ObjectTable:
    import numpy as np

    from dinoscope.measure import ObjectTable

    return ObjectTable({"label": np.zeros(0, np.uint32)})


def _write_measurements(path: Path, measure: Callable[[], ObjectTable]) -> Path:
    from dinoscope.outputs import write_table

    return write_table(path, measure().columns)


def _write_overlay(path: Path, image: Image, found: Segmentation) -> Path:
    """The first section; of colours the mean counts."""
    from dinoscope.outputs import OverlayInfo, write_overlay

    grey, mask = _First(image.data, image.axis_names), _First(found.mask, image.axis_names.removesuffix("s"))
    return write_overlay(path, grey, mask, None, OverlayInfo(found.classes, image.pixel_size_nm))


@dataclass(frozen=True, slots=True, eq=False)
class _First:
    """The first section of an array with these axes, which is read by slices."""

    source: ArrayLike
    axis_names: str

    @property
    def shape(self) -> tuple[int, ...]:
        y = self.axis_names.index("y")
        return tuple(self.source.shape[y : y + 2])

    def __getitem__(self, box: tuple[slice, slice]) -> NDArray[Any]:
        index = {"z": slice(0, 1), "y": box[0], "x": box[1], "s": slice(None)}
        pixels: NDArray[Any] = self.source[tuple(index[name] for name in self.axis_names)]
        section = pixels[0] if "z" in self.axis_names else pixels
        return section.mean(axis=-1) if "s" in self.axis_names else section


def _write_detections(path: Path, image: Image, found: Detections) -> Path:
    from dinoscope.outputs import write_coco, write_csv, write_geojson

    match path.suffix.lower():
        case ".csv":
            return write_csv(path, found)
        case ".geojson":
            return write_geojson(path, found)
        case _:
            return write_coco(path, found, image)
