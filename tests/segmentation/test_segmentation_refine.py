from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from dinoscope.features import ImageFacts, IntensityRange, plan_features
from dinoscope.geometry import Region
from dinoscope.image import Image, LazyArray, open_image
from dinoscope.samples import phantom
from dinoscope.segmentation import (
    Evidence,
    FineMap,
    Picture,
    Prior,
    as_fine,
    choose_thresholds,
    label_region,
    lazy_mask,
    mask_thresholds,
    refine_map,
    segment,
    similarity_at,
)
from dinoscope.settings import IntensitySettings, SegmentationSettings, TilingSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.testing import FakeEncoder
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIT = IntensityRange(0.0, 1.0)


def map_of(values: NDArray[np.float32], grid: PatchGrid, level: float = 1.0) -> SimilarityMap:
    """A map of values (K, z, gy, gx) whose examples all reach a level."""
    return SimilarityMap(tuple("abc"[: len(values)]), values, grid, np.full(len(values), level, np.float32))


def random_map(voxels: tuple[int, int, int], stride: int, scale: float, classes: int = 2) -> SimilarityMap:
    grid = PatchGrid(voxels, stride, scale)
    return map_of(np.random.default_rng(3).random((classes, *grid.shape), dtype=np.float32), grid)


def refined(similarity: SimilarityMap, image: Image, intensity: IntensityRange = UNIT) -> FineMap:
    return FineMap(similarity, Evidence(Prior.of(similarity), Picture(image, intensity)))


def noise(*shape: int) -> Image:
    return open_image(np.random.default_rng(5).random(shape, dtype=np.float32), name="noise")


def whole(fine: FineMap, step: int = 1) -> NDArray[np.float32]:
    return fine.read(Region.of_shape(fine.grid.voxels), step)


def coverage(truth: NDArray[np.bool_], grid: PatchGrid) -> SimilarityMap:
    """A map as an encoder would at best give it: how much of a patch is true, smoothed over its neighbours."""
    sections, rows, columns = grid.shape
    side = grid.stride
    padded = np.pad(
        truth.astype(float), ((0, 0), (0, rows * side - truth.shape[1]), (0, columns * side - truth.shape[2]))
    )
    share = padded.reshape(sections, rows, side, columns, side).mean(axis=(2, 4))
    smooth = ndimage.gaussian_filter(share, (0, 1, 1), radius=(0, 1, 1))
    return map_of(smooth[np.newaxis].astype(np.float32), grid)


def dice(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))


def cut_automatically(fine: FineMap) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = whole(fine)[0, 0] >= choose_thresholds(fine, "auto")[0]
    return mask


def best_dice(fine: FineMap, truth: NDArray[np.bool_]) -> float:
    values = whole(fine)[0, 0]
    return max(dice(values >= threshold, truth) for threshold in np.linspace(0.2, 0.9, 36))


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> NDArray[np.bool_]:
    y, x = np.indices(shape)
    inside: NDArray[np.bool_] = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2
    return inside


def planted(shape: tuple[int, int] = (160, 192)) -> tuple[Image, SimilarityMap, NDArray[np.bool_]]:
    """A bright disc in noise, its map, and the truth (y, x)."""
    truth = disc(shape, (75.0, 97.0), 35.0)
    pixels = 0.2 + 0.5 * truth + np.random.default_rng(1).normal(0, 0.05, shape)
    return open_image(pixels, name="disc"), coverage(truth[np.newaxis], PatchGrid((1, *shape), 8)), truth


@cache
def _noisy(stride: int, scale: float) -> tuple[SimilarityMap, Image, NDArray[np.float32]]:
    """A map and an image of noise, and what they are together."""
    similarity, image = random_map((2, 83, 117), stride, scale), noise(2, 83, 117)
    everything = whole(refined(similarity, image))
    assert np.abs(everything - whole(FineMap(similarity))).max() > 0.02
    return similarity, image, everything


@given(st.sampled_from([(4, 1.0), (8, 1.0), (7, 1.0), (8, 0.5), (8, 0.3), (4, 2.0), (8, 0.7)]), st.data())
def test_a_voxel_has_the_same_value_in_every_region(patches: tuple[int, float], data: st.DataObject) -> None:
    voxels = (2, 83, 117)
    similarity, image, everything = _noisy(*patches)
    start = tuple(data.draw(st.integers(0, n - 1)) for n in voxels)
    stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, voxels, strict=True))
    part = refined(similarity, image).read(Region(start, stop))
    np.testing.assert_allclose(part, everything[(slice(None), *Region(start, stop).slices)], atol=1e-5)


@given(st.integers(1, 3), st.data())
def test_with_a_step_a_pixel_has_the_same_value_in_every_region(step: int, data: st.DataObject) -> None:
    voxels = (1, 90, 126)
    similarity, image = random_map(voxels, 8, 1.0), noise(*voxels[1:])
    first = [data.draw(st.integers(0, n // step - 1)) for n in voxels[1:]]
    last = [data.draw(st.integers(a + 1, n // step)) for a, n in zip(first, voxels[1:], strict=True)]
    region = Region((0, *(a * step for a in first)), (1, *(b * step for b in last)))
    everything = whole(refined(similarity, image), step)
    part = refined(similarity, image).read(region, step)
    np.testing.assert_allclose(part, everything[:, :, first[0] : last[0], first[1] : last[1]], atol=1e-5)


def test_the_mask_comes_to_the_border_of_a_disc() -> None:
    image, similarity, truth = planted()
    fine = refined(similarity, image)
    plain, found = (dice(cut_automatically(each), truth) for each in (FineMap(similarity), fine))
    assert found > 0.96 > plain + 0.03


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_masks_of_organelles_come_closer_to_the_truth(seed: int) -> None:
    made = phantom((512, 512), seed=seed)
    image = made.image
    manifest = plan_features(image, FakeEncoder(stride=8).spec, TilingSettings(), IntensitySettings())
    truth = np.asarray(made.classes.data[:, :]) == 1
    similarity = coverage(truth[np.newaxis], manifest.grid)
    fine = refine_map(similarity, image, manifest, SegmentationSettings())
    plain, found = (dice(cut_automatically(each), truth) for each in (FineMap(similarity), fine))
    assert found > plain + 0.02
    assert best_dice(fine, truth) > best_dice(FineMap(similarity), truth)


@pytest.mark.parametrize("pixels", [np.zeros((50, 61)), np.full((50, 61), 0.4), np.full((50, 61), np.nan)])
def test_where_the_image_shows_nothing_the_map_stays(pixels: NDArray[np.float64]) -> None:
    similarity = random_map((1, 50, 61), 4, 1.0)
    found = whole(refined(similarity, open_image(pixels, name="flat")))
    np.testing.assert_allclose(found, whole(FineMap(similarity)), atol=1e-6)


def test_an_image_without_a_range_leaves_the_map_as_it_is() -> None:
    similarity = random_map((1, 50, 61), 4, 1.0)
    found = whole(refined(similarity, noise(50, 61), IntensityRange(0.3, 0.3)))
    np.testing.assert_allclose(found, whole(FineMap(similarity)), atol=1e-6)


def test_a_map_of_one_value_stays() -> None:
    """Where the examples are not above what is ordinary, nothing tells inside from outside."""
    grid = PatchGrid((1, 50, 61), 4)
    found = whole(refined(map_of(np.full((1, *grid.shape), 0.4, np.float32), grid, level=0.4), noise(50, 61)))
    np.testing.assert_array_equal(found, np.float32(0.4))


def test_the_image_alone_makes_no_object() -> None:
    """A bright disc that is not alike stays below the threshold, next to one that is."""
    grid = PatchGrid((1, 128, 256), 8)
    alike, other = disc((128, 256), (64.0, 64.0), 30.0), disc((128, 256), (64.0, 150.0), 30.0)
    fine = refined(coverage(alike[np.newaxis], grid), open_image(0.2 + 0.6 * (alike | other), name="discs"))
    values = whole(fine)[0, 0]
    found = values >= choose_thresholds(fine, "auto")[0]
    assert dice(found, alike) > 0.96
    assert not (found & other).any()
    assert 0.0 <= values.min() <= values.max() <= 1.0


def test_colours_count_with_their_mean() -> None:
    image, similarity, _ = planted()
    grey = np.asarray(image.data[:, :])
    colours = np.stack([grey - 0.1, grey + 0.2, grey - 0.1], axis=-1).astype(np.float32).clip(0, 1)
    mean = open_image(colours.mean(axis=-1), name="mean")
    found = whole(refined(similarity, Image("rgb", "rgb", (*mean.axes, _colour_axis()), colours)))
    np.testing.assert_allclose(found, whole(refined(similarity, mean)), atol=1e-5)


def _colour_axis() -> Any:
    from dinoscope.geometry import Axis

    return Axis("s", 3)


@pytest.mark.parametrize(
    ("dtype", "offset", "factor"),
    [("uint8", 0, 255), ("uint16", 1000, 50_000), ("int16", -20_000, 40_000), ("float64", -3, 7)],
)
def test_what_counts_is_the_intensity_within_the_range(dtype: str, offset: float, factor: float) -> None:
    image, similarity, _ = planted()
    grey = np.asarray(image.data[:, :]).clip(0, 1)
    levels = np.round(grey * 255) / 255
    pixels = (offset + factor * levels).round(6).astype(dtype)
    found = whole(refined(similarity, open_image(pixels, name=dtype), IntensityRange(offset, offset + factor)))
    np.testing.assert_allclose(found, whole(refined(similarity, open_image(levels, name="unit"))), atol=2e-3)


def test_missing_pixels_have_no_say_elsewhere() -> None:
    image, similarity, _ = planted()
    pixels = np.asarray(image.data[:, :]).clip(0.01, 1)
    damaged = pixels.copy()
    damaged[2:5, 3:9] = np.nan
    found, expected = (whole(refined(similarity, open_image(p, name="p")))[0, 0] for p in (damaged, pixels))
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[60:, 60:], expected[60:, 60:])


def test_every_section_is_refined_on_its_own() -> None:
    stack = noise(3, 60, 70)
    similarity = random_map((3, 60, 70), 8, 1.0)
    prior = Prior.of(similarity)
    found = whole(refined(similarity, stack))
    for z in range(3):
        alone = map_of(similarity.read(similarity.grid.extent)[:, z : z + 1], PatchGrid((1, 60, 70), 8))
        section = open_image(np.asarray(stack.data[z]), name="section")
        here = whole(FineMap(alone, Evidence(prior, Picture(section, UNIT))))
        np.testing.assert_allclose(found[:, z], here[:, 0], atol=1e-6)


@pytest.mark.parametrize("step", [2, 3])
def test_what_is_seen_from_afar_is_nearly_the_middle_of_what_is_seen_close(step: int) -> None:
    image, similarity, _ = planted((160, 192))
    fine = refined(similarity, image)
    region = Region((0, 0, 0), (1, 160 // step * step, 192 // step * step))
    close = fine.read(region)[0, 0, step // 2 :: step, step // 2 :: step]
    afar = fine.read(region, step)[0, 0]
    plain = similarity_at(similarity, region, step)[0, 0]
    threshold = choose_thresholds(fine, "auto")[0]
    assert np.mean((afar >= threshold) != (close >= threshold)) < 0.01
    assert np.abs(afar - close).mean() < np.abs(plain - close).mean() / 2


class _Counted(LazyArray):
    """An array that counts the voxels that are read."""

    def __init__(self, source: NDArray[Any]) -> None:
        super().__init__(source.shape, source.dtype)
        self._source, self.voxels_read = source, 0

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        self.voxels_read += int(np.prod([part.stop - part.start for part in bounds]))
        part: NDArray[Any] = self._source[bounds]
        return part


def counted(pixels: NDArray[Any], *coarser: LazyArray) -> tuple[Image, _Counted]:
    data = _Counted(pixels)
    return Image("counted", "counted", open_image(pixels, name="axes").axes, data, coarser), data


def test_a_threshold_that_moves_reads_and_computes_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.asarray(noise(96, 96).data[:, :])
    image, data = counted(pixels)
    similarity = random_map((1, 96, 96), 8, 1.0)
    fine = refined(similarity, image)
    first = label_region(fine, Region((0, 8, 8), (1, 80, 72)), np.array([0.5, 0.5], np.float32))
    read = data.voxels_read
    with monkeypatch.context() as patch:
        patch.setattr("dinoscope.segmentation._refine._discriminant", None)  # calling it would be an error
        higher = label_region(fine, Region((0, 8, 8), (1, 80, 72)), np.array([0.7, 0.7], np.float32))
    assert data.voxels_read == read
    assert higher.any()
    assert (higher != first).any()


def test_a_map_that_grows_is_worked_out_anew() -> None:
    image, similarity, _ = planted()
    full = similarity.read(similarity.grid.extent)
    growing = map_of(np.zeros_like(full), similarity.grid)
    picture, prior = Picture(image, UNIT), Prior.of(similarity)
    fine = FineMap(growing, Evidence(prior, picture))
    everywhere = Region.of_shape(similarity.grid.voxels)
    assert not label_region(fine, everywhere, prior.evens).any()
    growing.values[...] = full
    anew = FineMap(similarity, Evidence(prior, Picture(image, UNIT)))
    np.testing.assert_array_equal(whole(fine), whole(anew))
    np.testing.assert_array_equal(label_region(fine, everywhere, prior.evens)[0], whole(anew)[0, 0] >= prior.evens[0])


def test_another_prior_is_another_result() -> None:
    image, similarity, _ = planted()
    picture = Picture(image, UNIT)
    one, other = (Prior(np.array([even], np.float32), np.ones(1, np.float32)) for even in (0.4, 0.8))
    assert (
        whole(FineMap(similarity, Evidence(one, picture))) > whole(FineMap(similarity, Evidence(other, picture)))
    ).any()


def test_from_afar_a_coarser_level_is_read() -> None:
    image, similarity, truth = planted((160, 192))
    pixels = np.asarray(image.data[:, :])
    level = _Counted(pixels.reshape(80, 2, 96, 2).mean(axis=(1, 3)))
    pyramid, finest = counted(pixels, level)
    fine = refined(similarity, pyramid)
    afar = whole(fine, 2)[0, 0]
    assert finest.voxels_read == 0
    assert level.voxels_read > 0
    np.testing.assert_allclose(afar, whole(refined(similarity, image), 2)[0, 0], atol=0.25)
    assert dice(afar >= choose_thresholds(fine, "auto")[0], truth[::2, ::2]) > 0.97
    whole(fine)
    assert finest.voxels_read > 0


@pytest.mark.parametrize(("stride", "scale", "step"), [(8, 1.0, 8), (2, 1.0, 2), (1, 1.0, 1), (64, 1.0, 16)])
def test_what_is_seen_from_too_far_stays_as_it_is_and_reads_nothing(stride: int, scale: float, step: int) -> None:
    image, data = counted(np.asarray(noise(160, 160).data[:, :]))
    similarity = random_map((1, 160, 160), stride, scale)
    found = whole(refined(similarity, image), step)
    assert data.voxels_read == 0
    np.testing.assert_array_equal(found, whole(FineMap(similarity), step))


def test_without_an_image_a_map_is_bilinear() -> None:
    similarity = random_map((2, 37, 53), 8, 0.7)
    region = Region((0, 3, 5), (2, 31, 50))
    np.testing.assert_array_equal(as_fine(similarity).read(region, 2), similarity_at(similarity, region, 2))
    fine = FineMap(similarity)
    assert as_fine(fine) is fine
    assert (fine.classes, fine.grid) == (similarity.classes, similarity.grid)


def test_the_settings_decide_whether_the_image_has_a_say() -> None:
    image, similarity, _ = planted()
    manifest = plan_features(image, FakeEncoder(stride=8).spec, TilingSettings(), IntensitySettings())
    assert refine_map(similarity, image, manifest, SegmentationSettings(refine="none")).evidence is None
    fine = refine_map(similarity, image, manifest, SegmentationSettings())
    assert fine.evidence is not None
    assert fine.evidence.picture.intensity == manifest.intensity


def test_the_automatic_threshold_is_where_both_sides_are_as_likely() -> None:
    similarity = random_map((1, 80, 80), 8, 1.0)
    similarity.values[:] = 0.2
    similarity.values[1, 0, 3:5, 3:5] = 0.9
    fine = refined(similarity, noise(80, 80))
    # 0.65 of the way from what is ordinary to the examples, which reach 1; without an image it is 0.6
    np.testing.assert_allclose(choose_thresholds(fine, "auto"), [0.72, 0.72], rtol=1e-6)
    np.testing.assert_allclose(mask_thresholds(similarity, SegmentationSettings()), [0.72, 0.72], rtol=1e-6)
    np.testing.assert_allclose(choose_thresholds(FineMap(similarity), "auto"), [0.68, 0.68], rtol=1e-6)
    np.testing.assert_allclose(
        mask_thresholds(similarity, SegmentationSettings(refine="none")), [0.68, 0.68], rtol=1e-6
    )
    np.testing.assert_allclose(mask_thresholds(similarity, SegmentationSettings(threshold=0.3)), [0.3, 0.3], rtol=1e-6)
    np.testing.assert_allclose(choose_thresholds(fine, 0.3), [0.3, 0.3], rtol=1e-6)


def test_masks_and_objects_are_cut_from_the_refined_map() -> None:
    image, similarity, truth = planted()
    fine = refined(similarity, image)
    facts = ImageFacts("i", "i", "yx", (1, *truth.shape), (1.0, 1.0, 1.0), ("pixel", "pixel", "pixel"), "digest")
    found = segment(fine, facts, SegmentationSettings())
    np.testing.assert_allclose(found.thresholds, choose_thresholds(fine, "auto"))
    expected = whole(fine)[0, 0] >= found.thresholds[0]
    assert dice(found.mask[:, :] > 0, expected) > 0.99
    mask = lazy_mask(fine, choose_thresholds(fine, "auto"), stacked=False)[0]
    np.testing.assert_array_equal(mask[:, :] > 0, expected)
