"""What is counted in the answer to some clicks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from dinoscope.detection import detect
from dinoscope.evaluate import (
    CurveCounts,
    DetectionCounts,
    InstanceCounts,
    MaskCounts,
    count_detections_in,
    count_instances,
    pool,
)
from dinoscope.geometry import Region
from dinoscope.image import cropped, open_image
from dinoscope.segmentation import Prior, choose_thresholds, mask_thresholds, refine_map, segment
from dinoscope.settings import DetectionSettings, SegmentationSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.batch import Work
    from dinoscope.benchmark._dataset import Case
    from dinoscope.features import ImageFacts
    from dinoscope.image import Image
    from dinoscope.segmentation import FineMap


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """What was counted in some sections; the sum of two is that of all of them.

    Attributes
    ----------
    automatic
        Voxels of all objects, at the threshold of the settings, by default the automatic one.
    plain
        Voxels at the threshold for a map that the image does not refine.
    fixed
        Voxels at 0.5 where the image does not refine the map.
    curve
        Voxels at all thresholds.
    detections
        Detections in objects.
    objects
        Objects, section by section.
    """

    automatic: MaskCounts
    plain: MaskCounts
    fixed: MaskCounts
    curve: CurveCounts
    detections: DetectionCounts
    objects: InstanceCounts

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.automatic + other.automatic,
            self.plain + other.plain,
            self.fixed + other.fixed,
            self.curve + other.curve,
            self.detections + other.detections,
            self.objects + other.objects,
        )

    def scores(self) -> dict[str, float]:
        """What the counts amount to, by column of the table."""
        best, found, objects = self.curve.scores(), self.detections.scores(), self.objects.scores()
        return {
            **asdict(self.automatic.scores()),
            "dice_plain": self.plain.scores().dice,
            "dice_fixed": self.fixed.scores().dice,
            "dice_best": best.best_dice,
            "threshold_best": best.best_threshold,
            "average_precision": best.average_precision,
            "detection_f1": found.f1,
            "object_ap": objects.ap,
            "object_pq": objects.pq,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The map of some sections of an image.

    Attributes
    ----------
    sections
        Their numbers, n of them.
    similarity
        Their map, with n sections.
    threshold
        From which a voxel is inside.
    plain
        The same where the image does not refine the map.
    settings
        How the map becomes a mask.
    """

    sections: tuple[int, ...]
    similarity: SimilarityMap
    threshold: float
    plain: float
    settings: SegmentationSettings

    @classmethod
    def of(cls, sections: tuple[int, ...], similarity: SimilarityMap, settings: SegmentationSettings) -> Found:
        """The map with the thresholds that the settings ask for."""
        refined, plain = mask_thresholds(similarity, settings), choose_thresholds(similarity, settings.threshold)
        return cls(sections, similarity, float(refined[0]), float(plain[0]), settings)

    def fine(self, case: Case, work: Work, number: int) -> FineMap:
        """The map of a section, counted among those that are here, as an image of its own."""
        one = np.asarray(self.similarity.values[:, number : number + 1])
        grid = replace(self.similarity.grid, voxels=(1, *self.similarity.grid.voxels[1:]))
        alone = SimilarityMap(self.similarity.classes, one, grid, self.similarity.levels)
        image, prior = _section_of(case, self.sections[number]), Prior.of(self.similarity)
        return refine_map(alone, image, work.store.manifest, self.settings, prior)


def tally(case: Case, work: Work, found: Found, numbered: bool, detection: DetectionSettings) -> Tally:
    """Compare what was found in some sections of an image with their truth.

    Parameters
    ----------
    case, work
        The image.
    found
        What was found.
    numbered
        Whether the truth numbers objects; otherwise these are what hangs together in a section.
    detection
        How maps become detections.
    """
    facts = work.store.manifest.image
    points = _detect(found, facts, detection)
    parts = []
    for number, section in enumerate(found.sections):
        labels = case.labels(case.plane(section))[0]
        truth = labels.astype(np.int64) if numbered else ndimage.label(labels > 0)[0]
        fine = found.fine(case, work, number)
        here = points[points[:, 0].round() == number, 1:]
        parts.append(_tally_section(fine, truth, here, (found, facts)))
    return pool(parts)


def _tally_section(
    fine: FineMap,
    truth: NDArray[Any],
    points: NDArray[np.float64],
    how: tuple[Found, ImageFacts],
) -> Tally:
    found, facts = how
    plane, real = Region.of_shape((1, *truth.shape)), truth > 0
    values = fine.read(plane)
    plain = (values if fine.evidence is None else replace(fine, evidence=None).read(plane))[0, 0]
    objects = _objects(replace(fine.similarity, values=values), found, facts)
    numbers = open_image(truth, name="truth")
    return Tally(
        MaskCounts.of(objects, real),
        MaskCounts.of(plain >= found.plain, real),
        MaskCounts.of(plain >= 0.5, real),
        CurveCounts.of(values[0, 0], real),
        count_detections_in(points, numbers),
        count_instances(open_image(objects, name="objects"), numbers),
    )


def _objects(voxels: SimilarityMap, found: Found, facts: ImageFacts) -> NDArray[Any]:
    """The objects of a section that was mapped voxel by voxel, shape (y, x)."""
    _, sections, height, width = voxels.values.shape
    shape = (sections, height, width)
    alone = replace(facts, axis_names="yx", voxels=shape)
    wanted = SegmentationSettings(**{**found.settings.to_dict(), "threshold": found.threshold, "refine": "none"})
    return np.asarray(segment(replace(voxels, grid=PatchGrid(shape, 1)), alone, wanted).instances[:, :])


def _detect(found: Found, facts: ImageFacts, settings: DetectionSettings) -> NDArray[np.float64]:
    """Voxel coordinates (n, 3) of the detections; sections count as far apart, as the truth is that of each."""
    score = found.plain if settings.min_score == "auto" else settings.min_score
    wanted = DetectionSettings(**{**settings.to_dict(), "min_score": score})
    stack = replace(
        facts, axis_names="zyx", voxels=found.similarity.grid.voxels, units=("pixel", facts.units[1], facts.units[2])
    )
    return detect(found.similarity, stack, wanted).centres


def _section_of(case: Case, section: int) -> Image:
    """A section as an image of its own."""
    image = case.image
    if "z" not in image.axis_names:
        return image
    start, stop = image.extent.start, image.extent.stop
    return cropped(image, Region((section, *start[1:]), (section + 1, *stop[1:])))
