"""Words as examples: planted directions, words with clicks, and words that make no sense."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.detection import detect
from dinoscope.errors import PromptError, ReferenceMismatchError
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import open_image
from dinoscope.prompts import (
    PointPrompt,
    TextPrompt,
    class_names,
    describe_prompt,
    placed,
    read_prompts,
    text_notice,
    text_prompts,
    write_prompts,
)
from dinoscope.reference import (
    Reference,
    build_reference,
    keep_examples,
    list_examples,
    pool_references,
    prompted_patches,
)
from dinoscope.segmentation import refine_map, segment, suggest
from dinoscope.settings import (
    DetectionSettings,
    IntensitySettings,
    ReferenceSettings,
    SegmentationSettings,
    SimilaritySettings,
    TilingSettings,
)
from dinoscope.similarity import compare, examples_at, fit, settle
from dinoscope.testing import FakeEncoder
from dinoscope.text import TextLookUp, TextSpaceWarning, TextSpec, check_space
from tests.text.fakes import GROUND, SQUARE, FakeTextEncoder, planted, stand_in

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.prompts import Prompt
    from dinoscope.similarity import SimilarityMap

WORD = TextPrompt("square")
CLICK = PointPrompt((0, 48, 48), "square")
EXACT = SegmentationSettings(refine="none")


IMAGE, TRUTH = open_image(planted()[0], name="planted"), planted()[1]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    encoder, intensity = FakeEncoder(), IntensitySettings(black=0, white=100)
    manifest = plan_features(IMAGE, encoder.spec, TilingSettings(skip_blank=0), intensity)
    store = FeatureStore.create(tmp_path_factory.mktemp("store") / "features.zarr", manifest)
    extract_features(IMAGE, encoder, store)
    return store


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> FakeTextEncoder:
    encoder = FakeTextEncoder()
    stand_in(monkeypatch, encoder)
    return encoder


def reference_of(store: FeatureStore, *prompts: Prompt) -> Reference:
    return build_reference(store, prompts, ReferenceSettings(), TextLookUp("fake"))


def map_of(store: FeatureStore, *prompts: Prompt, **settings: Any) -> SimilarityMap:
    return compare(store, reference_of(store, *prompts), SimilaritySettings(smoothing=0, **settings))


def mask_of(store: FeatureStore, similarity: SimilarityMap) -> NDArray[Any]:
    """On the patches, as large as the picture: the squares end where patches end."""
    thresholds = segment(similarity, store.manifest.image, EXACT).thresholds
    values = np.asarray(similarity.values)[:, 0]
    best = np.where((values >= np.array(thresholds)[:, None, None]).any(axis=0), values.argmax(axis=0) + 1, 0)
    return best.repeat(4, 0).repeat(4, 1)


@pytest.mark.parametrize("method", ["knn", "probe", "prototype", "dinosim", "auto"])
def test_a_word_segments_what_it_names(store: FeatureStore, reader: FakeTextEncoder, method: str) -> None:
    similarity = map_of(store, WORD, TextPrompt("faint", "square", positive=False), method=method)
    assert np.isnan(similarity.levels).all()
    np.testing.assert_array_equal(mask_of(store, similarity), TRUTH == 1)
    found = segment(similarity, store.manifest.image, EXACT)
    assert found.object_classes == ("square", "square")
    inside = np.asarray(found.mask[:]).reshape(TRUTH.shape)  # bilinear between patches: rims may lie half a patch off
    assert (inside[TRUTH != 1] == 0).mean() > 0.99
    assert inside[36:60, 36:60].all()


def test_several_words_part_the_image(store: FeatureStore, reader: FakeTextEncoder) -> None:
    similarity = map_of(store, *text_prompts("square, faint", "ground"))
    np.testing.assert_array_equal(mask_of(store, similarity), TRUTH)


def test_words_are_found_as_points_too(store: FeatureStore, reader: FakeTextEncoder) -> None:
    similarity = map_of(store, *text_prompts("square", "faint, ground"))
    found = detect(similarity, store.manifest.image, DetectionSettings())
    assert sorted(np.round(found.centres / 10).astype(int).tolist()) == [[5, 5], [11, 14]]


def test_the_map_is_the_cosine(store: FeatureStore, reader: FakeTextEncoder) -> None:
    features = store.read(store.grid.extent).astype(np.float64)
    wanted = np.array(SQUARE) / np.linalg.norm(SQUARE)
    cosines = features @ wanted / np.linalg.norm(features, axis=-1)
    np.testing.assert_allclose(np.asarray(map_of(store, WORD).values)[0], (1 + cosines) / 2, atol=1e-6)


def test_the_background_takes_what_is_nearer_to_it(store: FeatureStore, reader: FakeTextEncoder) -> None:
    """``min(1, 2 softmax)`` of the two cosines at the temperature 0.07."""
    features = store.read(store.grid.extent).astype(np.float64)
    features /= np.linalg.norm(features, axis=-1, keepdims=True)
    to_class, to_ground = (features @ (np.array(v) / np.linalg.norm(v)) for v in (SQUARE, GROUND))
    odds = np.exp(to_class / 0.07) / (np.exp(to_class / 0.07) + np.exp(to_ground / 0.07))
    found = np.asarray(map_of(store, *text_prompts("square", "ground")).values)[0]
    np.testing.assert_allclose(found, (1 + to_class) / 2 * np.minimum(1, 2 * odds), atol=1e-5)


@pytest.mark.parametrize("weight", [0.5, 1.0, 3.0])
def test_words_and_clicks_add_up_by_their_weights(store: FeatureStore, reader: FakeTextEncoder, weight: float) -> None:
    clicks = [CLICK, PointPrompt((0, 112, 144), "square")]
    texture = TextPrompt("texture", "square", weight=weight)
    found = fit(reference_of(store, *clicks, texture), SimilaritySettings())
    vectors = reference_of(store, *clicks).vectors.astype(np.float64)
    directions = [v / np.linalg.norm(v) for v in vectors] + [weight * np.array([0.0, 1.0])]
    mean = np.sum(directions, axis=0)
    probes = np.random.default_rng(0).random((50, 2))
    cosines = probes @ (mean / np.linalg.norm(mean)) / np.linalg.norm(probes, axis=1)
    np.testing.assert_allclose(found.match(probes.astype(np.float32))[:, 0], (1 + cosines) / 2, atol=1e-6)


def test_with_a_click_what_the_click_reaches_counts(store: FeatureStore, reader: FakeTextEncoder) -> None:
    similarity = map_of(store, WORD, CLICK, TextPrompt("faint", "square", positive=False))
    assert similarity.levels == pytest.approx(np.asarray(similarity.values)[0, 0, 12, 12], abs=1e-3)
    np.testing.assert_array_equal(mask_of(store, similarity), TRUTH == 1)


def test_a_word_that_is_not_alone_teaches_what_an_object_resembles(
    store: FeatureStore, reader: FakeTextEncoder
) -> None:
    reference = reference_of(store, TextPrompt("texture", "square"), CLICK)
    found = examples_at(reference, store, np.array([[0.0, 112.0, 144.0]]), ["square"])
    assert found.tolist() == [1]
    alone = reference_of(store, WORD)
    assert examples_at(alone, store, np.array([[0.0, 112.0, 144.0]]), ["square"]).tolist() == [0]


def test_a_reference_with_words_is_saved_pooled_and_thinned(
    store: FeatureStore, tmp_path: Path, reader: FakeTextEncoder
) -> None:
    words, clicks = reference_of(store, TextPrompt("square", weight=2.0)), reference_of(store, CLICK)
    words.save(tmp_path / "words.safetensors")
    loaded = Reference.load(tmp_path / "words.safetensors")
    assert loaded.is_text.tolist() == [True]
    np.testing.assert_array_equal(loaded.vectors, words.vectors)
    assert np.linalg.norm(loaded.vectors) == pytest.approx(2.0)
    pooled = pool_references([loaded, replace(clicks, pixel_size_nm=8.0)])
    assert pooled.is_text.tolist() == [True, False]
    assert pooled.pixel_size_nm == 8.0  # words have no size
    assert keep_examples(pooled, [False, True]).is_text.tolist() == [False]
    assert str(settle(pooled, SimilaritySettings()).method) == "text"
    assert settle(clicks, SimilaritySettings()).method == "knn"
    (example,) = list_examples(words)
    assert example.place == "text “square”"


def test_it_is_said_when_the_method_is_another() -> None:
    assert "by their plain cosine and not by the method probe. Text" in text_notice("probe")
    assert "by their plain cosine. Text" in text_notice("auto")


def test_smoothing_is_what_the_settings_ask_for(store: FeatureStore, reader: FakeTextEncoder) -> None:
    reference = reference_of(store, WORD)
    assert settle(reference, SimilaritySettings(method="dinosim")).sigma == 1.0
    assert settle(reference, SimilaritySettings(method="dinosim", smoothing=0.3)).sigma == 0.3


def test_no_patch_is_needed_around_a_word(store: FeatureStore) -> None:
    assert prompted_patches(store.grid, [WORD], ReferenceSettings()) == []
    assert placed([WORD, CLICK]) == [CLICK]


def test_the_next_example_is_suggested_with_words_too(store: FeatureStore, reader: FakeTextEncoder) -> None:
    similarity = map_of(store, *text_prompts("square", "ground"))
    assert suggest(similarity, np.array([0.99], np.float32), [WORD], None, None) is not None
    fine = refine_map(similarity, IMAGE, store.manifest, SegmentationSettings())
    assert np.isfinite(segment(fine, store.manifest.image, SegmentationSettings()).thresholds).all()


def test_texts_are_read_once(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = FakeTextEncoder()
    asked = stand_in(monkeypatch, encoder)
    look_up = TextLookUp("somewhere", "cpu")
    spec = store.manifest.encoder
    first = look_up(["square", "ground"], spec)
    np.testing.assert_array_equal(look_up(["ground"], spec), first[1:])
    look_up(["square", "texture"], spec)
    assert encoder.read == ["square", "ground", "texture"]
    assert asked == [("somewhere", "cpu")] * 2


def test_without_a_text_encoder_it_says_what_to_name(store: FeatureStore) -> None:
    for embed in ((), (TextLookUp(None),)):
        with pytest.raises(PromptError, match="the text 'square' is an example, but there is no text encoder"):
            build_reference(store, [WORD], ReferenceSettings(), *embed)


SPEC = replace(FakeEncoder().spec, name="dinov2-base-reg", channels=768)
TEXT = TextSpec("SimZSS", "dinov2-base-reg", 768, "f")


@pytest.mark.parametrize(
    "name", ["dinov2-base-reg", "dinov2_vitb14_reg4_pretrain", "dinov2-with-registers-base",
             "dinov2-base-reg in 2 x 2 passes", "dinov2-base-reg+denoiser", "dinov2_vitb14_reg4_pretrain+denoiser"],
)  # fmt: skip
def test_published_weights_are_known_by_any_name(name: str) -> None:
    check_space(TEXT, replace(SPEC, name=name))


def test_other_features_are_refused() -> None:
    with pytest.raises(ReferenceMismatchError, match=r"among the features of dinov2-base-reg \(768 channels\)"):
        check_space(TEXT, replace(SPEC, channels=1024))
    with pytest.raises(ReferenceMismatchError, match="use the encoder dinov2-base-reg"):
        check_space(TEXT, replace(SPEC, name="dinov2-base"))
    with pytest.warns(TextSpaceWarning, match="whether my weights has the same weights nobody can tell"):
        check_space(TEXT, replace(SPEC, name="my weights"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_space(replace(TEXT, space="fake"), replace(SPEC, name="my weights"))  # the fingerprint tells


def test_a_line_of_words_becomes_prompts() -> None:
    found = text_prompts(" mitochondrion , vesicle = small vesicle,vesicle=synaptic vesicle,, ", "cytoplasm", 2.0)
    assert found[:3] == [
        TextPrompt("mitochondrion", "mitochondrion", weight=2.0),
        TextPrompt("small vesicle", "vesicle", weight=2.0),
        TextPrompt("synaptic vesicle", "vesicle", weight=2.0),
    ]
    assert found[3:] == [TextPrompt("cytoplasm", name, positive=False) for name in ("mitochondrion", "vesicle")]
    assert class_names(found) == ("mitochondrion", "vesicle")
    assert describe_prompt(found[1])["text"] == "small vesicle"


@pytest.mark.parametrize("line", ["", " , ", "=vesicle", "vesicle="])
def test_a_line_that_names_nothing_is_refused(line: str) -> None:
    with pytest.raises(PromptError, match="expected"):
        text_prompts(line)


@pytest.mark.parametrize(("text", "weight"), [("", 1.0), ("  \t", 1.0), ("a", 0.0), ("a", -1.0), ("a", float("nan"))])
def test_a_prompt_without_sense_is_refused(text: str, weight: float) -> None:
    with pytest.raises(PromptError, match="expected at least one word, and a positive weight"):
        TextPrompt(text, weight=weight)


@pytest.mark.parametrize("text", ["細胞", "митохондрия", "xyzzy", "word " * 200, "{0} {} 100 %"])
def test_any_word_is_looked_for(store: FeatureStore, reader: FakeTextEncoder, text: str) -> None:
    similarity = map_of(store, TextPrompt(text))
    assert similarity.classes == (text.strip(),)
    assert np.isfinite(np.asarray(similarity.values)).all()


def test_words_are_kept_in_files(tmp_path: Path) -> None:
    prompts: list[Prompt] = [
        WORD,
        CLICK,
        TextPrompt("cytoplasm", "square", positive=False),
        TextPrompt("細胞", weight=0.5),
    ]
    write_prompts(prompts, tmp_path / "prompts.geojson")
    assert read_prompts(tmp_path / "prompts.geojson") == prompts
    with pytest.raises(PromptError, match="a CSV holds points only, found a TextPrompt"):
        write_prompts(prompts, tmp_path / "prompts.csv")


def test_a_class_needs_a_positive_word_or_click(store: FeatureStore, reader: FakeTextEncoder) -> None:
    against = TextPrompt("ground", "square", positive=False)
    with pytest.raises(PromptError, match="class 'square' has counter-examples only"):
        reference_of(store, against)
    assert reference_of(store, against, CLICK).is_text.tolist() == [True, False]
