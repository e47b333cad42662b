"""Which example features resemble most, with planted features."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.distance import cdist

from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.reference import Reference, Window, build_reference
from dinoscope.settings import IntensitySettings, ReferenceSettings, TilingSettings
from dinoscope.similarity import examples_at, nearest_examples
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CHANNELS = 6


def planted(vectors: NDArray[np.float32], classes: list[int], signs: list[bool], seed: int = 0) -> Reference:
    """A reference with these examples in a ground of noise whose channels differ in place and spread."""
    rng = np.random.default_rng(seed)
    ground = rng.normal(np.arange(CHANNELS), 1 + np.arange(CHANNELS), (20, 20, CHANNELS)).astype(np.float16)
    place = Region((0, 0, 0), (1, 20, 20))
    windows = tuple(Window("image", place, place, (0, i, i), ground) for i in range(len(vectors)))
    spec = replace(FakeEncoder().spec, channels=CHANNELS)
    names = ("a", "b")[: max(classes) + 1]
    records: tuple[dict[str, Any], ...] = ({},) * len(vectors)
    return Reference(names, vectors, np.array(classes), np.array(signs), windows, spec, None, records)


def test_each_feature_is_traced_to_the_example_it_was_made_from() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(0, 20, (5, CHANNELS)).astype(np.float32)
    reference = planted(vectors, [0, 1, 0, 1, 0], [True] * 5)
    features = np.repeat(vectors[[4, 0, 2]], 10, axis=0) + rng.normal(0, 0.5, (30, CHANNELS)).astype(np.float32)
    index, similarity = nearest_examples(reference, features, 0)
    np.testing.assert_array_equal(index, np.repeat([4, 0, 2], 10))
    assert similarity.min() > 0.95
    assert similarity.max() <= 1


def test_it_is_the_cosine_to_what_is_usual() -> None:
    rng = np.random.default_rng(2)
    reference = planted(rng.normal(0, 3, (6, CHANNELS)).astype(np.float32), [0] * 6, [True] * 6)
    features = rng.normal(0, 3, (40, CHANNELS)).astype(np.float32)
    index, similarity = nearest_examples(reference, features, 0)
    ground = reference.windows[0].features.reshape(-1, CHANNELS).astype(np.float64)
    mean, spread = ground.mean(axis=0), ground.std(axis=0)
    apart = cdist((features - mean) / spread, (reference.vectors - mean) / spread, "cosine")
    np.testing.assert_array_equal(index, apart.argmin(axis=1))
    np.testing.assert_allclose(similarity, 1 - apart.min(axis=1) / 2, rtol=1e-4)


def test_other_classes_and_counter_examples_are_not_asked() -> None:
    vectors = np.eye(4, CHANNELS, dtype=np.float32) * 30
    reference = planted(vectors, [0, 1, 0, 0], [True, True, False, True])
    index, _ = nearest_examples(reference, vectors, 0)
    assert set(index.tolist()) <= {0, 3}
    np.testing.assert_array_equal(nearest_examples(reference, vectors, 1)[0], [1] * 4)


def test_places_all_over_an_image_are_traced_as_one_by_one(tmp_path: Path) -> None:
    """Three sections of several tiles, in which brightness grows from left to right."""
    rng = np.random.default_rng(3)
    pixels = np.linspace(0, 1, 300) + rng.random((3, 180, 300)) * 0.05
    encoder, image = FakeEncoder(tile=32), open_image(pixels.astype(np.float32), name="slope")
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings(black=0, white=100))
    store = FeatureStore.create(tmp_path / "slope.zarr", manifest)
    extract_features(image, encoder, store)
    prompts = [PointPrompt((0, 90, x), name) for x, name in ((20, "a"), (150, "b"), (280, "a"), (60, "b"))]
    reference = build_reference(store, prompts, ReferenceSettings())
    places = rng.uniform((0, 0, 0), (2, 179, 299), (200, 3))
    classes = [("a", "b")[number] for number in rng.integers(0, 2, 200)]
    found = examples_at(reference, store, places, classes)
    for (z, y, x), name, index in zip(places, classes, found, strict=True):
        patch = (round(z), int(y) // 4, int(x) // 4) if y % 1 < 0.5 and x % 1 < 0.5 else None
        if patch is not None:
            here = store.read(Region(patch, tuple(p + 1 for p in patch))).reshape(1, -1)
            assert index == nearest_examples(reference, here, "ab".index(name))[0].item()
    ends = examples_at(reference, store, np.array([(1, 90, 30.0), (2, 10, 270.0)]), ["a", "a"])
    np.testing.assert_array_equal(ends, [0, 2])
    assert examples_at(reference, store, np.zeros((0, 3)), []).shape == (0,)
