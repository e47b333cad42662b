from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.errors import PromptError, ReferenceMismatchError
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import open_image
from dinoscope.prompts import BoxPrompt, MaskPrompt, PointPrompt, PolygonPrompt, Prompt, StrokePrompt
from dinoscope.reference import Reference, build_reference, pool_references, prompted_patches
from dinoscope.reference._places import patches_under
from dinoscope.settings import ImageSettings, IntensitySettings, ReferenceSettings, TilingSettings
from dinoscope.testing import FakeEncoder
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ReferenceSettings(crop=32)  # 8 patches of 4 pixels


def make_store(folder: Path, seed: int = 0, encoder: FakeEncoder | None = None) -> FeatureStore:
    encoder = encoder or FakeEncoder()
    image = open_image(np.random.default_rng(seed).random((96, 120), dtype=np.float32), name="i")
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings())
    store = FeatureStore.create(folder / f"{seed}-{encoder.spec.fingerprint}.zarr", manifest)
    extract_features(image, encoder, store)
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    return make_store(tmp_path_factory.mktemp("store"))


def test_a_click_on_a_patch_centre_gives_its_feature(store: FeatureStore) -> None:
    features = store.read(store.grid.extent)[0]
    reference = build_reference(store, [PointPrompt((0, 4 * 7 + 1.5, 4 * 9 + 1.5))], SMALL)
    np.testing.assert_allclose(reference.vectors[0], features[7, 9], rtol=1e-6)


def test_a_click_between_patches_is_interpolated(store: FeatureStore) -> None:
    features = store.read(store.grid.extent)[0]
    quarter = 4 * 7 + 1.5 + 1.0  # a quarter of a patch further
    reference = build_reference(store, [PointPrompt((0, quarter, 4 * 9 + 3.5))], SMALL)
    rows = 0.75 * features[7] + 0.25 * features[8]
    np.testing.assert_allclose(reference.vectors[0], 0.5 * rows[9] + 0.5 * rows[10], rtol=1e-5)


def test_a_click_on_the_rim_takes_the_rim(store: FeatureStore) -> None:
    features = store.read(store.grid.extent)[0]
    reference = build_reference(store, [PointPrompt((0, 0, 0)), PointPrompt((0, 95, 119))], SMALL)
    np.testing.assert_allclose(reference.vectors, [features[0, 0], features[-1, -1]], rtol=1e-6)


def test_nearest_sampling_rounds_as_the_published_code(store: FeatureStore) -> None:
    features = store.read(store.grid.extent)[0]
    settings = ReferenceSettings(crop=32, sampling="nearest", crop_at="lattice")
    clicks = [PointPrompt((0, 33.0, 3.0)), PointPrompt((0, 63.0, 31.5))]
    reference = build_reference(store, [*clicks], settings)
    # crop 1 starts at patch 8: round((33 - 32) / 32 * 8) = 0; round(3 / 32 * 8) = 1; the others stop at the last, 7
    np.testing.assert_array_equal(reference.vectors, [features[8, 1], features[15, 7]])
    assert [w.patches.start for w in reference.windows] == [(0, 8, 0), (0, 8, 0)]


def test_windows_are_whole_inside_and_move_in_at_the_rim(store: FeatureStore) -> None:
    reference = build_reference(store, [PointPrompt((0, 50, 60)), PointPrompt((0, 0, 119))], SMALL)
    middle, corner = reference.windows
    assert (middle.patches.start, middle.patches.stop) == ((0, 8, 11), (1, 16, 19))
    assert (middle.read.start, middle.read.stop) == ((0, 7, 10), (1, 17, 20))
    assert (corner.patches.start, corner.patches.stop) == ((0, 0, 22), (1, 8, 30))
    assert corner.read.shape == (1, 9, 9)
    assert (middle.centre, corner.centre) == ((0, 12, 15), (0, 0, 29))
    np.testing.assert_array_equal(middle.features, store.read(middle.read)[0])


def test_regions_average_their_patches_by_overlap(store: FeatureStore) -> None:
    features = store.read(store.grid.extent)[0]
    mask = MaskPrompt(0, (6, 8), np.ones((2, 7), bool))  # rows 6-7 of patch row 1; columns 8-11 and 12-14
    polygon = PolygonPrompt(0, ((5.5, 7.5), (7.5, 7.5), (7.5, 14.5), (5.5, 14.5)))
    prompts: list[Prompt] = [mask, polygon]
    reference = build_reference(store, prompts, SMALL)
    expected = (4 * features[1, 2] + 3 * features[1, 3]) / 7
    np.testing.assert_allclose(reference.vectors, [expected, expected], rtol=1e-5)


def test_patches_deep_inside_of_a_region_count_more(store: FeatureStore) -> None:
    features = store.read(store.grid.extent)[0]
    reference = build_reference(store, [MaskPrompt(0, (20, 40), np.ones((12, 20), bool))], SMALL)  # 3 x 5 patches
    depth = np.array([[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]])
    expected = np.average(features[5:8, 10:15], axis=(0, 1), weights=depth**2)
    np.testing.assert_allclose(reference.vectors[0], expected, rtol=1e-5)
    assert reference.windows[0].centre == (0, 6, 12)


def test_the_centre_of_a_crooked_region_lies_in_it(store: FeatureStore) -> None:
    bow = np.ones((40, 40), bool)
    bow[8:, 8:] = False
    reference = build_reference(store, [MaskPrompt(0, (20, 40), bow)], SMALL)
    _, row, column = reference.windows[0].centre
    assert 5 <= row <= 6 or 10 <= column <= 11


def test_a_stroke_counts_for_what_of_it_is_in_the_image(store: FeatureStore) -> None:
    features = store.read(store.grid.extent)[0]
    stroke = StrokePrompt(0, ((1, -0.4), (1, 3)), 60)
    reference = build_reference(store, [stroke, StrokePrompt(0, ((17.5, 21.5),), 0.1)], SMALL)
    assert reference.windows[0].patches.start == (0, 0, 0)
    np.testing.assert_allclose(reference.vectors[1], features[4, 5], rtol=1e-5)
    assert np.isfinite(reference.vectors).all()


@given(
    top=st.floats(-0.5, 90), left=st.floats(-0.5, 110), height=st.floats(1, 60), width=st.floats(1, 60),
    stride=st.integers(1, 9), scale=st.floats(0.3, 3),
)  # fmt: skip
def test_patches_count_the_voxels_of_a_region(
    top: float, left: float, height: float, width: float, stride: int, scale: float
) -> None:
    grid = PatchGrid((1, 96, 120), stride, scale)
    box = BoxPrompt(0, (top, left), (min(top + height, 95.4), min(left + width, 119.4)))
    counted = np.zeros(grid.shape[1:])
    for y in range(96):
        for x in range(120):
            if box.low[0] <= y <= box.high[0] and box.low[1] <= x <= box.high[1]:
                counted[int((y + 0.5) * scale / stride + 1e-12), int((x + 0.5) * scale / stride + 1e-12)] += 1
    patches, weights = patches_under(grid, box)
    found = np.zeros(grid.shape[1:])
    found[patches.slices[1:]] = weights
    np.testing.assert_array_equal(found, counted)


def test_a_polygon_without_a_voxel_is_refused(store: FeatureStore) -> None:
    sliver = PolygonPrompt(0, ((5.2, 5.2), (5.2, 5.6), (5.6, 5.6)))
    with pytest.raises(PromptError, match="covers no voxel"):
        build_reference(store, [sliver], SMALL)


@pytest.mark.parametrize(
    "region",
    [
        MaskPrompt(0, (0, 0), np.ones((30, 90), bool)),
        BoxPrompt(0, (30, 70), (90, 110)),
        BoxPrompt(0, (0, 0), (90, 110), positive=False),
        StrokePrompt(0, ((0, 0), (20, 110)), 6),
        PolygonPrompt(0, ((0, 0), (0, 110), (80, 0))),
    ],
)
def test_prompted_patches_are_enough(tmp_path: Path, store: FeatureStore, region: Prompt) -> None:
    prompts: list[Prompt] = [PointPrompt((0, 80, 20)), region]
    fresh = FeatureStore.create(tmp_path / "s.zarr", store.manifest)
    image = open_image(np.random.default_rng(0).random((96, 120), dtype=np.float32), name="i")
    encoder = FakeEncoder()
    for patches in prompted_patches(fresh.grid, prompts, SMALL):
        extract_features(image, encoder, fresh, patches)
    built = build_reference(fresh, prompts, SMALL)
    np.testing.assert_array_equal(built.vectors, build_reference(store, prompts, SMALL).vectors)


def test_a_saved_reference_comes_back(tmp_path: Path, store: FeatureStore) -> None:
    prompts = [PointPrompt((0, 50, 60), "mito"), PointPrompt((0, 9, 9), "mito", False), PointPrompt((0, 1, 1), "er")]
    reference = build_reference(store, [*prompts], SMALL)
    loaded = Reference.load(reference.save(tmp_path / "r.safetensors"))
    assert loaded.classes == ("mito", "er")
    assert loaded.encoder == reference.encoder
    assert loaded.pixel_size_nm is None
    assert loaded.provenance == reference.provenance
    np.testing.assert_array_equal(loaded.class_index, [0, 0, 1])
    np.testing.assert_array_equal(loaded.positive, [True, False, True])
    np.testing.assert_array_equal(loaded.vectors, reference.vectors)
    for a, b in zip(loaded.windows, reference.windows, strict=True):
        assert (a.image, a.patches, a.read, a.centre) == (b.image, b.patches, b.read, b.centre)
        np.testing.assert_array_equal(a.features, b.features)
    assert [p.name for p in tmp_path.iterdir()] == ["r.safetensors"]


@pytest.mark.parametrize("content", [b"", b"not a reference", b"\x02\x00\x00\x00\x00\x00\x00\x00{}"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.safetensors").write_bytes(content)
    with pytest.raises(ReferenceMismatchError, match="not a dinoscope reference"):
        Reference.load(tmp_path / "r.safetensors")


def test_pooled_references_keep_every_example(tmp_path: Path, store: FeatureStore) -> None:
    other = make_store(tmp_path, seed=1)
    first = build_reference(store, [PointPrompt((0, 50, 60), "a")], SMALL)
    second = build_reference(other, [PointPrompt((0, 5, 6), "b"), PointPrompt((0, 7, 7), "a")], SMALL)
    pooled = pool_references([first, second])
    assert pooled.classes == ("a", "b")
    np.testing.assert_array_equal(pooled.class_index, [0, 1, 0])
    np.testing.assert_array_equal(pooled.vectors, np.concatenate([first.vectors, second.vectors]))
    assert len({w.image for w in pooled.windows}) == 2


def test_prompts_of_every_kind_pool_over_sections_and_images(tmp_path: Path) -> None:
    stack = np.random.default_rng(3).random((6, 64, 64), dtype=np.float32)
    stores = []
    for number, pixels in enumerate((stack, stack[::-1].copy())):
        image = open_image(pixels, ImageSettings(axes="zyx"), name=f"stack {number}")
        manifest = plan_features(image, FakeEncoder().spec, TilingSettings(), IntensitySettings())
        stores.append(FeatureStore.create(tmp_path / f"{number}.zarr", manifest))
        extract_features(image, FakeEncoder(), stores[-1])
    prompts: list[Prompt] = [
        PolygonPrompt(3, ((7.6, 7.6), (7.6, 19.4), (19.4, 19.4), (19.4, 7.6)), "er"),
        BoxPrompt(5, (8, 8), (39, 39), "mito"),
        StrokePrompt(1, ((20, 20), (40, 40)), 5, "er", positive=False),
        PointPrompt((0, 30, 30), "er"),
        MaskPrompt(2, (40, 40), np.ones((8, 8), bool), "mito"),
    ]
    at_once = build_reference(stores[0], prompts, SMALL)
    assert [window.patches.start[0] for window in at_once.windows] == [3, 5, 1, 0, 2]
    singly = [build_reference(stores[0], prompts[:1], SMALL), build_reference(stores[0], prompts[1:2], SMALL)]
    mirrored = build_reference(stores[1], [PolygonPrompt(2, prompts[0].vertices, "er")], SMALL)  # type: ignore[union-attr]
    pooled = pool_references([*singly, mirrored])
    np.testing.assert_array_equal(pooled.vectors[:2], at_once.vectors[:2])
    assert pooled.classes == ("er", "mito")
    np.testing.assert_array_equal(pooled.class_index, [0, 1, 0])
    np.testing.assert_allclose(pooled.vectors[2], pooled.vectors[0], atol=0.02)  # the same section of either stack
    assert {record["kind"] for record in pooled.provenance} == {"polygon", "box"}
    assert len({window.image for window in pooled.windows}) == 2
    middle = stack[3, 8:20, 8:20].reshape(3, 4, 3, 4).mean(axis=(1, 3))
    low, high = np.percentile(stack, [1, 99])
    depth = np.array([[1, 1, 1], [1, 2, 1], [1, 1, 1]])
    wanted = np.average((middle - low) / (high - low), weights=depth**2)
    assert pooled.vectors[0, 0] == pytest.approx(wanted, abs=0.05)


def test_references_of_different_encoders_do_not_pool(tmp_path: Path, store: FeatureStore) -> None:
    other = make_store(tmp_path, encoder=FakeEncoder(fingerprint="other"))
    made = [build_reference(s, [PointPrompt((0, 5, 5))], SMALL) for s in (store, other)]
    with pytest.raises(ReferenceMismatchError, match="use the same encoder"):
        pool_references(made)
    with pytest.raises(ReferenceMismatchError, match="no references"):
        pool_references([])
