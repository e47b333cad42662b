from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.errors import PromptError, ReferenceMismatchError
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import open_image
from dinoscope.prompts import MaskPrompt, PointPrompt, PolygonPrompt, Prompt
from dinoscope.reference import Reference, build_reference, pool_references, prompted_patches
from dinoscope.settings import IntensitySettings, ReferenceSettings, TilingSettings
from dinoscope.testing import FakeEncoder

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


def test_a_polygon_without_a_voxel_is_refused(store: FeatureStore) -> None:
    sliver = PolygonPrompt(0, ((5.2, 5.2), (5.2, 5.6), (5.6, 5.6)))
    with pytest.raises(PromptError, match="covers no voxel"):
        build_reference(store, [sliver], SMALL)


def test_prompted_patches_are_enough(tmp_path: Path, store: FeatureStore) -> None:
    prompts: list[Prompt] = [PointPrompt((0, 80, 20)), MaskPrompt(0, (0, 0), np.ones((30, 90), bool))]
    fresh = FeatureStore.create(tmp_path / "s.zarr", store.manifest)
    image = open_image(np.random.default_rng(0).random((96, 120), dtype=np.float32), name="i")
    encoder = FakeEncoder()
    for region in prompted_patches(fresh.grid, prompts, SMALL):
        extract_features(image, encoder, fresh, region)
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


def test_references_of_different_encoders_do_not_pool(tmp_path: Path, store: FeatureStore) -> None:
    other = make_store(tmp_path, encoder=FakeEncoder(fingerprint="other"))
    made = [build_reference(s, [PointPrompt((0, 5, 5))], SMALL) for s in (store, other)]
    with pytest.raises(ReferenceMismatchError, match="use the same encoder"):
        pool_references(made)
    with pytest.raises(ReferenceMismatchError, match="no references"):
        pool_references([])
