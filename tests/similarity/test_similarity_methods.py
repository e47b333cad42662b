"""The other methods: planted objects, hand-made regressions, and what all methods have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args
from unittest.mock import patch

import numpy as np
import pytest
from scipy.optimize import minimize

from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference, keep_examples, pool_references
from dinoscope.settings import IntensitySettings, ReferenceSettings, SimilaritySettings, TilingSettings
from dinoscope.similarity import compare, compare_block, fit, settle
from dinoscope.similarity._auto import choose
from dinoscope.similarity._held_out import held_out
from dinoscope.similarity._knn import fit_neighbours
from dinoscope.similarity._probe import logistic_regression
from dinoscope.similarity._prototype import fit_prototypes
from dinoscope.similarity._steps import SteppedBank, in_steps
from dinoscope.similarity._windows import as_they_are, main_directions
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.reference import Reference
    from dinoscope.similarity import Matcher

METHODS = get_args(SimilaritySettings.model_fields["method"].annotation)
CLICK = PointPrompt((0, 24, 24))
TARGET, DECOY, GROUND = (np.s_[0, 5:7, 5:7], np.s_[0, 5:7, 15:17], np.s_[0, 11:, :])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    """A bright square, one that is nearly as bright, and a noisy ground."""
    pixels = np.random.default_rng(0).random((64, 96), dtype=np.float32) * 0.1
    pixels[16:32, 16:32] += 0.85
    pixels[16:32, 56:72] += 0.65
    return make_store(tmp_path_factory.mktemp("store"), pixels)


def make_store(folder: Path, pixels: NDArray[np.float32]) -> FeatureStore:
    encoder, image = FakeEncoder(), open_image(pixels, name="planted")
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings(black=0, white=100))
    store = FeatureStore.create(folder / "features.zarr", manifest)
    extract_features(image, encoder, store)
    return store


def similarities(store: FeatureStore, prompts: list[PointPrompt], **settings: Any) -> NDArray[np.float32]:
    chosen = SimilaritySettings.model_validate(settings)
    found = compare(store, build_reference(store, prompts, ReferenceSettings()), chosen)
    return np.asarray(found.values)


@pytest.mark.parametrize("method", METHODS)
def test_the_planted_object_is_found(store: FeatureStore, method: str) -> None:
    found = similarities(store, [CLICK], method=method)[0]
    assert found.shape == store.grid.shape
    assert 0 <= found.min() <= found.max() <= 1
    assert found[TARGET].min() > found[GROUND].max() + 0.2


@pytest.mark.parametrize("method", METHODS)
def test_a_counter_example_parts_what_is_alike(store: FeatureStore, method: str) -> None:
    counter = PointPrompt((0, 24, 64), positive=False)
    before, after = (similarities(store, prompts, method=method)[0] for prompts in ([CLICK], [CLICK, counter]))
    apart = [float(found[TARGET].min() - found[DECOY].max()) for found in (before, after)]
    assert apart[1] > apart[0] + 0.05
    assert apart[1] > 0.1


@pytest.mark.parametrize("method", METHODS)
def test_classes_are_told_apart(store: FeatureStore, method: str) -> None:
    prompts = [PointPrompt((0, 24, 24), "bright"), PointPrompt((0, 56, 80), "ground")]
    bright, ground = similarities(store, prompts, method=method)
    assert bright[TARGET].min() > ground[TARGET].max()
    assert np.median(ground[GROUND]) > np.median(bright[GROUND])


@pytest.mark.parametrize("method", METHODS)
def test_a_block_is_the_part_of_the_whole(store: FeatureStore, method: str) -> None:
    settings = SimilaritySettings.model_validate({"method": method})
    reference = build_reference(store, [CLICK], ReferenceSettings())
    part = Region((0, 3, 5), (1, 11, 9))
    whole = compare(store, reference, settings).read(part)
    np.testing.assert_allclose(compare_block(store, fit(reference, settings), settings, part), whole, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_features_are_read_a_few_tiles_at_a_time(
    store: FeatureStore, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = similarities(store, [CLICK], method=method)
    core = store.manifest.tiles.core
    monkeypatch.setattr("dinoscope.similarity._compare._VALUES", core**2 * store.channels)
    monkeypatch.setattr("dinoscope.similarity._dinosim._DISTANCES", 1000)
    sizes: list[int] = []
    read = FeatureStore.read_narrow

    def noting(self: FeatureStore, region: Region) -> NDArray[np.floating]:
        sizes.append(region.size)
        return read(self, region)

    monkeypatch.setattr(FeatureStore, "read_narrow", noting)
    settings = SimilaritySettings.model_validate({"method": method})
    reference = build_reference(store, [CLICK], ReferenceSettings())
    sizes.clear()
    np.testing.assert_allclose(np.asarray(compare(store, reference, settings).values), expected, atol=1e-5)
    assert max(sizes) <= core**2
    assert len(sizes) > 1


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_examples_does_not_matter(store: FeatureStore, method: str) -> None:
    prompts = [CLICK, PointPrompt((0, 20, 28)), PointPrompt((0, 24, 64), positive=False)]
    forth, back = (similarities(store, order, method=method) for order in (prompts, prompts[::-1]))
    np.testing.assert_allclose(forth, back, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_a_flat_image_makes_no_trouble(tmp_path: Path, method: str) -> None:
    flat = make_store(tmp_path, np.zeros((40, 40), np.float32))
    assert np.isfinite(similarities(flat, [CLICK], method=method)).all()


@pytest.mark.parametrize("method", METHODS)
def test_examples_of_several_images_pool(store: FeatureStore, tmp_path: Path, method: str) -> None:
    """Half of the evidence from another image with the same objects elsewhere: the object is found in both."""
    pixels = np.random.default_rng(1).random((64, 96), dtype=np.float32) * 0.1
    pixels[32:48, 40:56] += 0.85
    other = make_store(tmp_path, pixels)
    there = build_reference(other, [PointPrompt((0, 40, 48))], ReferenceSettings())
    pooled = pool_references([build_reference(store, [CLICK], ReferenceSettings()), there])
    settings = SimilaritySettings.model_validate({"method": method})
    assert compare(store, pooled, settings).values[0][TARGET].min() > 0.5
    assert compare(other, pooled, settings).values[0][0, 9:11, 11:13].min() > 0.5


def test_the_prototype_is_the_cosine_to_the_mean_of_the_examples(store: FeatureStore) -> None:
    prompts = [CLICK, PointPrompt((0, 20, 28))]
    found = similarities(store, prompts, method="prototype", smoothing=0)[0, 0]
    reference = build_reference(store, prompts, ReferenceSettings())
    features = store.read(store.grid.extent)[0].astype(np.float64)  # the crop of an example is the whole image
    flat = features.reshape(-1, features.shape[-1])
    mean, spread = flat.mean(axis=0), flat.std(axis=0)
    wanted = ((reference.vectors - mean) / spread).mean(axis=0)
    for y, x in [(0, 0), (5, 6), (6, 16), (15, 23)]:
        vector = (features[y, x] - mean) / spread
        cosine = vector @ wanted / np.linalg.norm(vector) / np.linalg.norm(wanted)
        assert found[y, x] == pytest.approx((1 + cosine) / 2, abs=2e-3)


def test_the_regression_is_the_minimum_of_its_loss() -> None:
    rng = np.random.default_rng(3)
    points, shares = rng.normal(size=(40, 3)), rng.random(40)
    signs = np.where(points @ [1.0, -2.0, 0.5] + rng.normal(size=40) > 0.3, 1.0, -1.0)

    def loss(plane: NDArray[np.float64]) -> float:
        heights = points @ plane[:-1] + plane[-1]
        return float(plane[:-1] @ plane[:-1] / 2 + (shares * np.log1p(np.exp(-signs * heights))).sum())

    plane = logistic_regression(points, signs, shares)
    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(plane, best.x, atol=1e-4)
    for start in (best.x + 0.1, np.full(4, 1e6)):  # from nearby, and from where there is no way
        np.testing.assert_allclose(logistic_regression(points, signs, shares, start), plane, atol=1e-6)


def test_a_probe_of_many_channels_looks_at_the_main_directions() -> None:
    from dinoscope.similarity._probe import _main_directions

    rng = np.random.default_rng(0)
    plane = (rng.normal(size=(500, 70)) @ rng.normal(size=(70, 200))).astype(np.float32)
    plane[:, 0] += 100 * rng.normal(size=500)
    main = _main_directions(plane)
    assert main.shape == (200, 64)
    np.testing.assert_allclose(main.T @ main, np.eye(64), atol=1e-5)
    assert np.linalg.norm(main[0]) > 0.99
    left = np.square(plane - plane @ main @ main.T).sum()
    assert left < 1.2 * np.square(np.linalg.svd(plane, compute_uv=False)[64:]).sum()  # which is the least possible


def test_held_out_examples_tell_what_can_be_expected(store: FeatureStore) -> None:
    """The bright square twice, and the other one: who misses it expects less than who sees three alike."""
    settings = SimilaritySettings(method="prototype")

    def level(*places: tuple[int, int]) -> float:
        reference = build_reference(store, [PointPrompt((0, *place)) for place in places], ReferenceSettings())
        return float(compare(store, reference, settings).levels[0])

    assert level((24, 24), (24, 24), (56, 80)) < level((24, 24), (24, 24), (24, 24)) - 0.1
    reference = build_reference(store, [CLICK], ReferenceSettings())
    whole = compare(store, reference, settings)
    assert whole.levels[0] == pytest.approx(whole.values[0, 0, 5:7, 5:7].mean(), abs=0.1)  # nothing to hold out


def test_each_example_is_held_out_once(store: FeatureStore) -> None:
    places = [(24.0, float(x)) for x in range(8, 92, 7)]
    prompts = [PointPrompt((0, *place)) for place in places]
    prompts += [PointPrompt((0, 4, 4), "lonely"), PointPrompt((0, 60, 4), positive=False)]
    reference = build_reference(store, prompts, ReferenceSettings())
    known: list[int] = []

    def fit_counted(part: Reference, *, like: Matcher | None = None) -> Matcher:
        known.append(len(part.vectors))
        return fit(part, SimilaritySettings(method="prototype"), like)

    held = [out for _, out in held_out(reference, fit_counted)]
    assert sorted(np.concatenate(held)) == list(range(len(places)))
    assert known == [len(prompts), *(len(prompts) - len(out) for out in held)]
    assert len(held) == 5


class Fixed:
    """Tells the first feature."""

    def __init__(self, sign: float) -> None:
        self.sign = sign

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.sign * features[:, :1]


def test_auto_takes_the_method_under_which_examples_rank_best(store: FeatureStore) -> None:
    reference = build_reference(store, [CLICK, PointPrompt((0, 20, 28))], ReferenceSettings())
    good, bad = (lambda _, like=None: Fixed(1.0)), (lambda _, like=None: Fixed(-1.0))
    assert choose(reference, {"bad": bad, "good": good}) == "good"
    assert choose(reference, {"first": good, "second": good}) == "first"
    single = build_reference(store, [CLICK], ReferenceSettings())
    assert choose(single, {"bad": bad, "good": good}) == "bad"
    settled = settle(reference, SimilaritySettings(method="auto", penalty=3.0))
    assert settled.method in set(METHODS) - {"auto"}
    assert settled.penalty == 3.0


def test_prototypes_of_a_class_with_two_looks(store: FeatureStore) -> None:
    """The square and the ground as one class: two prototypes are the two groups, one is between them."""
    places = [(24, 24), (20, 28), (56, 80), (56, 40)]
    reference = build_reference(store, [PointPrompt((0, *place)) for place in places], ReferenceSettings())
    one, two = (fit_prototypes(reference, SimilaritySettings(prototypes=n)) for n in (1, 2))
    groups = [one.usual.standardise(reference.vectors[part]).mean(axis=0) for part in (slice(2), slice(2, 4))]
    np.testing.assert_allclose(sorted(two.wanted[0].tolist()), sorted(np.stack(groups).tolist()), rtol=1e-4)
    np.testing.assert_allclose(one.wanted[0][0], np.mean(groups, axis=0), rtol=1e-4)
    assert two.match(reference.vectors).min() > one.match(reference.vectors).min() + 0.2


def test_a_main_direction_can_be_left_out() -> None:
    """Channel 0 tells the position, loudly; channel 1 the object."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 3)).astype(np.float32)
    features[:, 2] = features[:, 0] + 0.1 * rng.normal(size=400)
    usual = replace(as_they_are(3), features=features)
    less = replace(usual, removed=main_directions(features, 1).astype(np.float32))
    assert np.abs(usual.standardise(features)[:, 0]).mean() > 0.5
    assert np.abs(less.standardise(features)[:, [0, 2]]).mean() < 0.1
    assert np.corrcoef(less.standardise(features)[:, 1], features[:, 1])[0, 1] > 0.95


def test_neighbours_know_what_they_were_told(store: FeatureStore) -> None:
    prompts = [CLICK, PointPrompt((0, 24, 64), positive=False)]
    reference = build_reference(store, prompts, ReferenceSettings())
    with patch.object(SteppedBank, "of") as bank_of:
        matcher = fit_neighbours(reference, SimilaritySettings(method="knn"))
    steps, labels, _ = bank_of.call_args.args
    np.testing.assert_allclose(sorted(labels[-2:, 0]), [0.05, 0.95], atol=1e-6)
    yes = int(labels[-1, 0] > 0.5) - 2
    np.testing.assert_array_equal(steps[yes], in_steps(matcher.probe.usual.standardise(reference.vectors[:1]))[0])
    assert len(steps) == 2 + len(matcher.probe.usual.features)  # all patches of so small an image


@pytest.mark.parametrize("method", ["knn", "probe", "prototype"])
def test_what_is_fitted_like_another_is_nearly_what_is_fitted_alone(store: FeatureStore, method: str) -> None:
    """All windows are the whole image here, so that what is usual is the same; only where the search begins differs."""
    places = [(24, 24), (20, 28), (28, 20), (56, 80)]
    reference = build_reference(store, [PointPrompt((0, *place)) for place in places], ReferenceSettings())
    settings = SimilaritySettings(method=method)
    some = keep_examples(reference, [True, True, False, True])
    alone, like = fit(some, settings), fit(some, settings, fit(reference, settings))
    features = store.read(store.grid.extent).reshape(-1, store.channels)
    np.testing.assert_allclose(like.match(features), alone.match(features), atol=1e-5)
