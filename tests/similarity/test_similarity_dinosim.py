"""DINOSim against a direct version of its formulas, written with loops and nothing of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.errors import ReferenceMismatchError, SettingsError
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference
from dinoscope.settings import IntensitySettings, ReferenceSettings, SimilaritySettings, TilingSettings
from dinoscope.similarity import Bank, ScaleMismatchWarning, build_bank, compare, compare_block, vote
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

STRIDE = 4


def make_store(
    folder: Path, shape: tuple[int, int] = (72, 96), pixel_size: float | None = None, seed: int = 0
) -> FeatureStore:
    encoder = FakeEncoder()
    rng = np.random.default_rng(seed)
    pixels = rng.random(shape, dtype=np.float32) * 0.2
    pixels[20:44, 20:60] += 0.7  # something to find
    image = open_image(pixels, name="i")
    image = image.with_pixel_size(pixel_size) if pixel_size else image
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings())
    store = FeatureStore.create(folder / f"{seed}-{pixel_size}.zarr", manifest)
    extract_features(image, encoder, store)
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    return make_store(tmp_path_factory.mktemp("store"))


def gauss3(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """3 x 3 Gaussian of sigma 1 with borders mirrored without repeating the edge."""
    side = np.exp(-0.5)
    line = np.array([side, 1.0, side]) / (1 + 2 * side)
    height, width = plane.shape
    out = np.zeros_like(plane)
    for y in range(height):
        for x in range(width):
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    yy, xx = abs(y + dy), abs(x + dx)
                    yy = 2 * (height - 1) - yy if yy >= height else yy
                    xx = 2 * (width - 1) - xx if xx >= width else xx
                    out[y, x] += line[dy + 1] * line[dx + 1] * plane[yy, xx]
    return out


def quantile_normalised(values: list[float]) -> NDArray[np.float64]:
    low, high = np.quantile(values, [0.01, 0.99])
    clipped: NDArray[np.float64] = np.clip((np.array(values) - low) / (high - low), 0, 1)
    return clipped


def knn_mean(
    features: NDArray[np.float64], bank: list[NDArray[np.float64]], labels: NDArray[np.float64], k: int
) -> NDArray[np.float64]:
    out = np.zeros(features.shape[:2])
    for y in range(features.shape[0]):
        for x in range(features.shape[1]):
            apart = [float(np.sqrt(((features[y, x] - other) ** 2).sum())) for other in bank]
            nearest = sorted(range(len(bank)), key=lambda i: apart[i])[:k]
            out[y, x] = np.mean([labels[i] for i in nearest])
    return out


def paper_dinosim(features: NDArray[np.float64], clicks: list[tuple[float, float]], crop: int) -> NDArray[np.float64]:
    """Bilinear prompt vectors, their mean, distances, and the union of the prompted crops as the bank."""
    height, width, _ = features.shape
    vectors, members = [], {}
    for y, x in clicks:
        py, px = (y + 0.5) / STRIDE - 0.5, (x + 0.5) / STRIDE - 0.5
        y0, x0 = int(np.floor(py)), int(np.floor(px))
        fy, fx = py - y0, px - x0
        vectors.append(
            (1 - fy) * ((1 - fx) * features[y0, x0] + fx * features[y0, x0 + 1])
            + fy * ((1 - fx) * features[y0 + 1, x0] + fx * features[y0 + 1, x0 + 1])
        )
        top = min(max(int((y + 0.5) // STRIDE) - crop // 2, 0), height - crop)
        left = min(max(int((x + 0.5) // STRIDE) - crop // 2, 0), width - crop)
        members.update(dict.fromkeys((yy, xx) for yy in range(top, top + crop) for xx in range(left, left + crop)))
    mean = sum(vectors) / len(vectors)
    distance = gauss3(np.sqrt(((features - mean) ** 2).sum(axis=-1)))
    labels = quantile_normalised([distance[place] for place in members])
    return 1 - gauss3(knn_mean(features, [features[place] for place in members], labels, 5))


def code_dinosim(features: NDArray[np.float64], clicks: list[tuple[float, float]], crop: int) -> NDArray[np.float64]:
    """The steps of the public code: nearest patch of the crop, crops once per prompt and filtered one by one."""
    vectors, crops = [], []
    for y, x in clicks:
        row, column = int(y // (crop * STRIDE)), int(x // (crop * STRIDE))
        tile = features[row * crop : (row + 1) * crop, column * crop : (column + 1) * crop]
        places = [(v - i * crop * STRIDE) / (crop * STRIDE) for v, i in ((y, row), (x, column))]
        py, px = (min(round(place * crop), crop - 1) for place in places)
        vectors.append(tile[py, px])
        crops.append(tile)
    mean = sum(vectors) / len(vectors)
    filtered = [gauss3(np.sqrt(((tile - mean) ** 2).sum(axis=-1))) for tile in crops]
    labels = quantile_normalised([v for plane in filtered for v in plane.ravel().tolist()])
    bank = [patch for tile in crops for patch in tile.reshape(-1, tile.shape[-1])]
    return 1 - gauss3(knn_mean(features, bank, labels, 5))


CLICKS = [(30.0, 31.0), (36.2, 50.0), (24.0, 27.5)]


def test_the_map_is_that_of_the_paper(store: FeatureStore) -> None:
    reference = build_reference(store, [PointPrompt((0, y, x)) for y, x in CLICKS], ReferenceSettings(crop=32))
    found = compare(store, reference, SimilaritySettings(method="dinosim"))
    features = store.read(store.grid.extent)[0].astype(np.float64)
    expected = paper_dinosim(features, CLICKS, crop=8)
    np.testing.assert_allclose(found.values[0, 0], expected, atol=1e-5)
    assert expected.max() - expected.min() > 0.5


def test_the_map_of_the_published_code_can_be_had(store: FeatureStore) -> None:
    as_code = ReferenceSettings(crop=24, sampling="nearest", crop_at="lattice")
    reference = build_reference(store, [PointPrompt((0, y, x)) for y, x in CLICKS], as_code)
    found = compare(store, reference, SimilaritySettings(method="dinosim", dedupe=False))
    features = store.read(store.grid.extent)[0].astype(np.float64)
    expected = code_dinosim(features, CLICKS, crop=6)
    np.testing.assert_allclose(found.values[0, 0], expected, atol=1e-5)
    deduped = compare(store, reference, SimilaritySettings(method="dinosim"))
    assert np.abs(deduped.values[...] - found.values[...]).max() > 0.01


def test_the_planted_object_is_found(store: FeatureStore) -> None:
    reference = build_reference(store, [PointPrompt((0, 32, 40))], ReferenceSettings())
    found = compare(store, reference, SimilaritySettings(method="dinosim")).values[0, 0]
    inside = found[6:10, 6:14]
    outside = np.delete(found, np.s_[4:12], axis=0)
    assert inside.min() > 0.7
    assert outside.max() < 0.5


def test_a_counter_example_lowers_what_resembles_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.random((64, 96), dtype=np.float32) * 0.05
    pixels[16:32, 16:32] += 0.9
    pixels[16:32, 56:72] += 0.75  # alike, but another thing
    encoder = FakeEncoder()
    image = open_image(pixels, name="two")
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings(black=0, white=100))
    store = FeatureStore.create(tmp_path / "two.zarr", manifest)
    extract_features(image, encoder, store)
    click, counter = PointPrompt((0, 24, 24)), PointPrompt((0, 24, 64), positive=False)
    maps = [
        compare(
            store, build_reference(store, prompts, ReferenceSettings()), SimilaritySettings(method="dinosim")
        ).values[0, 0]
        for prompts in ([click], [click, counter])
    ]
    target, decoy = (slice(5, 7), slice(5, 7)), (slice(5, 7), slice(15, 17))
    assert maps[0][decoy].min() > 0.5
    assert maps[1][decoy].max() < 0.1
    np.testing.assert_allclose(maps[1][target], maps[0][target], atol=0.02)


def test_classes_get_a_map_each(store: FeatureStore) -> None:
    prompts = [PointPrompt((0, 32, 40), "bright"), PointPrompt((0, 60, 80), "dark")]
    found = compare(store, build_reference(store, prompts, ReferenceSettings()), SimilaritySettings(method="dinosim"))
    assert found.classes == ("bright", "dark")
    assert found.values.shape == (2, *store.grid.shape)
    bright, dark = found.values[:, 0, 8, 10], found.values[:, 0, 15, 20]
    assert bright[0] > 0.8 > 0.2 > bright[1]
    assert dark[1] > 0.8 > 0.2 > dark[0]


def test_levels_are_the_map_at_the_examples(store: FeatureStore) -> None:
    places = [(32, 40), (30, 53), (41, 21)]
    prompts = [PointPrompt((0, float(y), float(x))) for y, x in places]
    counter = PointPrompt((0, 60.0, 80.0), positive=False)
    found = compare(
        store, build_reference(store, [*prompts, counter], ReferenceSettings()), SimilaritySettings(method="dinosim")
    )
    at_examples = [found.values[0, 0, y // STRIDE, x // STRIDE] for y, x in places]
    np.testing.assert_allclose(found.levels, [np.median(at_examples)], atol=1e-6)


def test_a_part_of_the_map_is_the_part_of_the_whole(store: FeatureStore) -> None:
    reference = build_reference(store, [PointPrompt((0, 32, 40))], ReferenceSettings())
    whole = compare(store, reference, SimilaritySettings(method="dinosim"))
    part = Region((0, 3, 5), (1, 11, 9))
    block = compare_block(
        store, build_bank(reference, SimilaritySettings(method="dinosim")), SimilaritySettings(method="dinosim"), part
    )
    np.testing.assert_allclose(block, whole.read(part), atol=1e-6)


def test_the_map_can_be_written_elsewhere(store: FeatureStore) -> None:
    reference = build_reference(store, [PointPrompt((0, 32, 40))], ReferenceSettings())
    out = np.full((1, *store.grid.shape), np.nan, np.float32)
    found = compare(store, reference, SimilaritySettings(method="dinosim"), out)
    assert found.values is out
    assert np.isfinite(out).all()


def test_votes_with_fewer_patches_than_neighbours() -> None:
    rng = np.random.default_rng(0)
    bank = Bank(rng.random((3, 4), dtype=np.float32), np.array([[0.0], [0.5], [1.0]], np.float32), 5)
    np.testing.assert_allclose(vote(rng.random((7, 4), dtype=np.float32), bank, 5), 0.5)


def test_identical_references_do_not_divide_by_zero(tmp_path: Path) -> None:
    encoder = FakeEncoder()
    image = open_image(np.zeros((40, 40), np.uint8), name="flat")
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings())
    store = FeatureStore.create(tmp_path / "flat.zarr", manifest)
    extract_features(image, encoder, store)
    found = compare(
        store,
        build_reference(store, [PointPrompt((0, 5, 5))], ReferenceSettings()),
        SimilaritySettings(method="dinosim"),
    )
    np.testing.assert_array_equal(found.values, 1)


def test_a_reference_of_another_encoder_is_refused(store: FeatureStore, tmp_path: Path) -> None:
    encoder = FakeEncoder(fingerprint="other")
    image = open_image(np.zeros((40, 40), np.uint8), name="o")
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings())
    other = FeatureStore.create(tmp_path / "o.zarr", manifest)
    extract_features(image, encoder, other)
    reference = build_reference(store, [PointPrompt((0, 5, 5))], ReferenceSettings())
    with pytest.raises(ReferenceMismatchError, match="use the same encoder"):
        compare(other, reference, SimilaritySettings(method="dinosim"))


def test_another_pixel_size_is_said(tmp_path: Path) -> None:
    fine, coarse = (make_store(tmp_path, pixel_size=size) for size in (5.0, 15.0))
    reference = build_reference(fine, [PointPrompt((0, 32, 40))], ReferenceSettings())
    with pytest.warns(ScaleMismatchWarning, match="working pixel size of 5 nm"):
        compare(coarse, reference, SimilaritySettings(method="dinosim"))


def test_quantiles_in_the_wrong_order_are_refused(store: FeatureStore) -> None:
    reference = build_reference(store, [PointPrompt((0, 5, 5))], ReferenceSettings())
    with pytest.raises(SettingsError, match="expected the low one"):
        build_bank(reference, SimilaritySettings(method="dinosim", quantile_low=60, quantile_high=40))
