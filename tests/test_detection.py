from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

from dinoscope import detection
from dinoscope.detection import detect, estimate_diameter
from dinoscope.features import ImageFacts
from dinoscope.geometry import LengthUnit
from dinoscope.settings import DetectionSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.tiling import PatchGrid

VOXELS = (2, 200, 240)
CENTRES = [(0, 40.0, 50.0), (0, 60.0, 180.0), (0, 150.0, 101.0), (1, 100.0, 100.0)]
DIAMETER = 32.0


Units = tuple[LengthUnit, LengthUnit, LengthUnit]


def facts(units: Units = ("nm", "nm", "nm"), z: float = 40.0) -> ImageFacts:
    return ImageFacts("i", "array:i", "zyx", VOXELS, (z, 5.0, 5.0), units, "digest")


def blobs(
    centres: list[tuple[int, float, float]], stride: int = 4, diameters: tuple[float, ...] = (DIAMETER,)
) -> SimilarityMap:
    """Discs of similarity 0.9 on 0.1, as an encoder without any blur would give them, with these diameters in turn."""
    grid = PatchGrid(VOXELS, stride)
    values = np.full(grid.shape, 0.1, np.float32)
    y, x = (grid.to_voxel(np.arange(n, dtype=np.float64)) for n in grid.shape[1:])
    for (z, cy, cx), diameter in zip(centres, itertools.cycle(diameters)):
        values[z][np.hypot(y[:, None] - cy, x - cx) <= diameter / 2] = 0.9
    return SimilarityMap(("a",), values[np.newaxis], grid, np.array([0.9], np.float32))


def distances(found: np.ndarray, wanted: list[tuple[int, float, float]]) -> list[float]:
    return [float(np.abs(found - np.array(centre)).max(axis=1).min()) for centre in wanted]


@pytest.mark.parametrize("diameter", ["auto", DIAMETER * 5.0])
def test_every_planted_object_is_found_once(diameter: float) -> None:
    found = detect(blobs(CENTRES), facts(), DetectionSettings(object_diameter=diameter))
    assert len(found) == len(CENTRES)
    assert max(distances(found.centres, CENTRES)) < 2.0  # half a patch
    assert found.unit == "nm"
    assert found.diameters == pytest.approx(DIAMETER * 5.0, rel=0.15)
    assert (found.scores > 0.5).all()


def test_scores_are_sorted_and_follow_the_map() -> None:
    similarity = blobs(CENTRES)
    values = np.asarray(similarity.values)
    values[0, 0, :25] *= 0.8  # two of the objects are less alike
    found = detect(similarity, facts(), DetectionSettings(min_score=0.3, object_diameter=160.0))
    assert (np.diff(found.scores) <= 0).all()
    assert set(found.sections[:2].tolist()) == {0, 1}


@pytest.mark.parametrize("gap", [0.0, -2.0])
def test_objects_that_touch_are_told_apart(gap: float) -> None:
    pitch = DIAMETER + gap
    crowd = [(0, 40.0 + pitch * row, 40.0 + pitch * column) for row in range(4) for column in range(5)]
    similarity = blobs(crowd)
    assert ndimage.label(np.asarray(similarity.values)[0, 0] > 0.5)[1] == 1  # they do touch
    found = detect(similarity, facts(), DetectionSettings())
    assert found.diameters == pytest.approx(DIAMETER * 5.0, rel=0.15)
    assert len(found) == len(crowd)
    assert max(distances(found.centres, crowd)) < 4.0  # a patch


def test_objects_of_half_the_diameter_are_found_too() -> None:
    found = detect(blobs(CENTRES, diameters=(DIAMETER, DIAMETER / 2)), facts(), DetectionSettings())
    assert len(found) == len(CENTRES)
    assert max(distances(found.centres, CENTRES)) < 2.0


def test_a_large_object_without_a_peak_is_found_once_in_its_middle() -> None:
    similarity = blobs(CENTRES[:1], diameters=(1.5 * DIAMETER,))
    found = detect(similarity, facts(), DetectionSettings(object_diameter=DIAMETER * 5.0))
    assert len(found) == 1
    assert max(distances(found.centres, CENTRES[:1])) < 2.0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("diameter", ["auto", 160.0])
def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch, diameter: float, seed: int) -> None:
    similarity = blobs(CENTRES)
    values = np.asarray(similarity.values)
    values += np.random.default_rng(seed).uniform(-0.1, 0.1, values.shape).astype(np.float32)
    settings = DetectionSettings(object_diameter=diameter, min_score=0.1)  # so that there are many
    whole = detect(similarity, facts(), settings)
    monkeypatch.setattr(detection, "_BLOCK", 7)
    parts = detect(similarity, facts(), settings)
    assert len(whole) > len(CENTRES)
    np.testing.assert_allclose(parts.centres, whole.centres, atol=1e-5)
    np.testing.assert_allclose(parts.scores, whole.scores, atol=1e-6)


def test_of_near_peaks_the_better_stays_across_sections_of_known_distance() -> None:
    column = blobs([(0, 100.0, 100.0), (1, 102.0, 100.0)])
    settings = DetectionSettings(object_diameter=160.0)
    assert len(detect(column, facts(z=40.0), settings)) == 1
    assert len(detect(column, facts(z=90.0), settings)) == 2
    assert len(detect(column, facts(units=("pixel", "nm", "nm")), settings)) == 2


def test_nothing_alike_gives_nothing() -> None:
    found = detect(blobs([]), facts(), DetectionSettings(min_score=0.5))
    assert len(found) == 0
    assert found.centres.shape == (0, 3)


def test_two_dimensions_and_unknown_sizes_are_in_pixels() -> None:
    grid = PatchGrid((1, 40, 40), 4)
    values = np.zeros((2, *grid.shape), np.float32)
    values[1, 0, 4:7, 5:8] = 1
    image = ImageFacts("i", "array:i", "yx", (1, 40, 40), (1.0, 1.0, 1.0), ("pixel", "pixel", "pixel"), "d")
    found = detect(
        SimilarityMap(("a", "b"), values, grid, np.ones(2, np.float32)), image, DetectionSettings(min_score=0.4)
    )
    assert (found.axis_names, found.unit, found.class_names) == ("yx", "pixel", ("b",))
    np.testing.assert_allclose(found.centres, [[21.5, 25.5]], atol=0.1)


def test_the_diameter_is_that_of_most_of_the_area() -> None:
    similarity = blobs(CENTRES)
    np.asarray(similarity.values)[0, 1, 40:42, 50] = 0.9  # a speck
    assert estimate_diameter(similarity, 0, 0.5) == pytest.approx(DIAMETER, rel=0.15)
    assert estimate_diameter(similarity, 0, 0.95) == 16.0  # nothing there: four patches


def test_an_object_that_fills_the_image_has_a_diameter() -> None:
    grid = PatchGrid((1, 36, 36), 4)
    similarity = SimilarityMap(("a",), np.ones((1, *grid.shape), np.float32), grid, np.ones(1, np.float32))
    assert estimate_diameter(similarity, 0, 0.5) == pytest.approx(36.0 * 2.0 / np.sqrt(np.pi))
