"""What is counted in maps that are planted, voxel by voxel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.batch import Stages, Work
from dinoscope.benchmark import Case, Tally
from dinoscope.benchmark._tally import Found, tally
from dinoscope.image import open_image
from dinoscope.settings import DetectionSettings, SegmentationSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.testing import FakeEncoder
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIDE = 96
PLACES = ((8, 8), (8, 56), (56, 12), (60, 60))


def numbers(*left_out: int) -> NDArray[np.uint8]:
    """Squares of 24 x 24, numbered from 1, without some of them."""
    labels = np.zeros((SIDE, SIDE), np.uint8)
    for number, (y, x) in enumerate(PLACES, start=1):
        if number not in left_out:
            labels[y : y + 24, x : x + 24] = number
    return labels


def count(
    folder: Path,
    found: NDArray[np.bool_],
    truth: NDArray[np.uint8],
    sections: tuple[int, ...] = (0,),
    *,
    numbered: bool = True,
    settings: SegmentationSettings | None = None,
) -> Tally:
    """The tally of a mask as a map, of some sections of a stack or of a picture."""
    image = open_image((truth > 0).astype(np.uint8) * 200, name="image").with_pixel_size(10.0)
    if truth.ndim == 3:
        image = image.with_section_distance(10.0)
    case = Case(image, open_image(truth, name="truth"))
    work = Work.open(image, FakeEncoder(), Stages(), folder / "store.zarr")
    voxels = found.reshape(-1, SIDE, SIDE)[list(sections)].astype(np.float32)
    similarity = SimilarityMap(("object",), voxels[np.newaxis], PatchGrid(voxels.shape, 1), np.ones(1, np.float32))
    return tally(
        case,
        work,
        Found.of(sections, similarity, settings or SegmentationSettings(threshold=0.5)),
        numbered,
        DetectionSettings(object_diameter=240.0),
    )


def test_a_perfect_map_is_perfect_in_every_column(tmp_path: Path) -> None:
    scores = count(tmp_path, numbers() > 0, numbers(), settings=SegmentationSettings(threshold=0.5, refine="none"))
    found = scores.scores()
    assert found.pop("threshold_best") > 0
    assert set(found.values()) == {1.0}
    assert (scores.objects.predicted, scores.detections.predicted) == (4, 4)


def test_what_is_missed_and_what_is_too_much_is_counted(tmp_path: Path) -> None:
    found = numbers(1) > 0
    found[40:52, 40:48] = True  # touches nothing
    counts = count(tmp_path, found, numbers(4))
    assert (counts.objects.matched, counts.objects.predicted, counts.objects.actual) == (2, 4, 3)
    assert counts.scores()["object_ap"] == pytest.approx(2 / (4 + 3 - 2))
    assert (counts.detections.matched, counts.detections.actual) == (2, 3)
    assert counts.automatic.both == counts.plain.both == 2 * 24 * 24


def test_touching_objects_are_two_where_the_truth_numbers_them(tmp_path: Path) -> None:
    truth = np.zeros((SIDE, SIDE), np.uint8)
    truth[20:44, 20:44], truth[20:44, 44:68] = 1, 2
    counts = count(tmp_path, truth > 0, truth)
    assert (counts.objects.matched, counts.objects.predicted, counts.objects.actual) == (0, 1, 2)
    as_one = count(tmp_path, truth > 0, truth, numbered=False)
    assert (as_one.objects.matched, as_one.objects.predicted, as_one.objects.actual) == (1, 1, 1)


def test_sections_are_counted_each_by_itself(tmp_path: Path) -> None:
    truth = np.stack([numbers(), numbers(1), np.zeros((SIDE, SIDE), np.uint8), numbers(1, 2)])
    counts = count(tmp_path, truth > 0, truth, (0, 3))
    assert (counts.objects.matched, counts.objects.predicted, counts.objects.actual) == (6, 6, 6)
    # Detections of a volume would be one per column of squares: here every section has its own.
    assert (counts.detections.matched, counts.detections.predicted, counts.detections.actual) == (6, 6, 6)
    assert counts.curve.voxels.sum() == 2 * SIDE * SIDE


def test_the_image_refines_the_mask_but_not_what_is_called_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def everything(evidence: object, similarity: SimilarityMap, region: object, step: int) -> NDArray[np.float32]:
        seen.append(step)
        return np.ones((1, 1, SIDE, SIDE), np.float32)

    monkeypatch.setattr("dinoscope.segmentation._fine.Evidence.read", everything)
    refined = count(tmp_path, numbers(1) > 0, numbers(), settings=SegmentationSettings(threshold=0.5))
    assert refined.automatic.predicted == SIDE * SIDE
    assert refined.plain.predicted == refined.fixed.predicted == 3 * 24 * 24
    assert (refined.objects.predicted, refined.detections.predicted) == (1, 3)
    plain = count(tmp_path, numbers(1) > 0, numbers(), settings=SegmentationSettings(threshold=0.5, refine="none"))
    assert plain.automatic == plain.plain
    assert seen == [1]


def test_each_kind_of_map_has_the_threshold_that_is_its_own(tmp_path: Path) -> None:
    from dinoscope.segmentation import choose_thresholds, mask_thresholds

    ramp = np.linspace(0, 1, SIDE * SIDE, dtype=np.float32).reshape(1, 1, SIDE, SIDE)
    similarity = SimilarityMap(("object",), ramp, PatchGrid((1, SIDE, SIDE), 1), np.full(1, 0.9, np.float32))
    for settings in (SegmentationSettings(), SegmentationSettings(refine="none")):
        found = Found.of((0,), similarity, settings)
        assert found.threshold == mask_thresholds(similarity, settings)[0]
        assert found.plain == choose_thresholds(similarity, "auto")[0]
    assert found.plain == pytest.approx(0.5 + 0.6 * (0.9 - 0.5), abs=1e-3)
