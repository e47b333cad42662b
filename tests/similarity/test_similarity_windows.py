"""The patches around examples, each of which counts once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.encoders import in_passes
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.reference import Reference, Window, build_reference, pool_references
from dinoscope.settings import IntensitySettings, ReferenceSettings, SimilaritySettings, TilingSettings
from dinoscope.similarity import build_bank
from dinoscope.similarity._windows import core, distinct, surroundings, wide
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ReferenceSettings(crop=32)  # 8 x 8 patches of 4 working pixels
IMAGE = open_image(np.random.default_rng(0).random((96, 120), dtype=np.float32), name="i")
CLICK = PointPrompt((0, 24.0, 24.0))  # inside of the first 64 voxels, so that indices coincide at scales 1 and 0.5


def reference_at(folder: Path, scale: float, passes: int = 1, click: PointPrompt = CLICK) -> Reference:
    encoder = in_passes(FakeEncoder(), passes)
    manifest = plan_features(IMAGE, encoder.spec, TilingSettings(scale=scale), IntensitySettings())
    store = FeatureStore.open_or_create(folder / f"{scale}-{passes}.zarr", manifest)
    extract_features(IMAGE, encoder, store)
    return build_reference(store, [click], SMALL)


def counted_once(*references: Reference) -> int:
    return len(distinct(tuple(window for reference in references for window in reference.windows)))


def test_patches_under_two_examples_count_once(tmp_path: Path) -> None:
    here, beside = reference_at(tmp_path, 1.0), reference_at(tmp_path, 1.0, click=PointPrompt((0, 24.0, 32.0)))
    assert counted_once(here, here) == 8 * 8
    assert counted_once(here, beside) == 8 * 8 + 8 * 2


@pytest.mark.parametrize(("scale", "passes"), [(0.5, 1), (1.0, 2), (0.5, 2)])
def test_patches_of_two_grids_are_not_the_same(tmp_path: Path, scale: float, passes: int) -> None:
    here, other = reference_at(tmp_path, 1.0), reference_at(tmp_path, scale, passes)
    (one,), (two,) = here.windows, other.windows
    starts = np.maximum(one.patches.start, two.patches.start)
    assert (starts < np.minimum(one.patches.stop, two.patches.stop)).all()  # some indices coincide
    assert counted_once(other) == np.prod(two.patches.shape)
    assert counted_once(here, other) == 8 * 8 + counted_once(other)
    bank = build_bank(pool_references([here, other]), SimilaritySettings(method="dinosim"))
    assert len(bank.features) == 8 * 8 + counted_once(other)


def test_a_saved_reference_still_knows_its_grid(tmp_path: Path) -> None:
    saved = [reference_at(tmp_path, scale).save(tmp_path / f"{scale}.safetensors") for scale in (1.0, 0.5)]
    here, other = map(Reference.load, saved)
    assert here.windows[0].grid != other.windows[0].grid
    assert counted_once(here, other, here) == 8 * 8 + counted_once(other)


def test_a_window_of_an_older_file_is_of_some_grid(tmp_path: Path) -> None:
    (window,) = reference_at(tmp_path, 1.0).windows
    facts = {name: fact for name, fact in window.facts.items() if name != "grid"}
    old = Window.of(facts, window.features)
    assert replace(window, grid=old.grid).facts == old.facts
    assert len(distinct((old, old))) == 8 * 8


def test_what_lies_around_some_of_the_examples(tmp_path: Path) -> None:
    clicks = [CLICK, PointPrompt((0, 24.0, 32.0)), PointPrompt((0, 60.0, 90.0))]
    reference = pool_references([reference_at(tmp_path, 1.0, click=click) for click in clicks])
    usual = surroundings(reference)
    assert len(usual.features) == counted_once(reference)
    for chosen in ([0], [1], [2], [0, 1], [0, 2], [0, 1, 2], []):
        windows = [reference.windows[i] for i in chosen]
        inside = usual.within(windows)
        told = np.concatenate([core(w.features, w) for w in windows]) if windows else np.zeros((0, 2))
        assert {tuple(row) for row in usual.features[inside].tolist()} == {tuple(row) for row in told.tolist()}
        assert inside.sum() == (len(distinct(windows)) if windows else 0)


def test_of_many_patches_some_are_looked_at_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clicks = [CLICK, PointPrompt((0, 24.0, 32.0)), PointPrompt((0, 60.0, 90.0))]
    reference = pool_references([reference_at(tmp_path, 1.0, click=click) for click in clicks])
    every = surroundings(reference)
    monkeypatch.setattr("dinoscope.similarity._windows._FEWEST", 10)
    monkeypatch.setattr("dinoscope.similarity._windows._PER_WINDOW", 8)
    monkeypatch.setattr("dinoscope.similarity._windows._MOST", 20)
    some = surroundings(reference)
    rows = {tuple(row): number for number, row in enumerate(every.features.tolist())}
    found = [rows[tuple(row)] for row in some.features.tolist()]
    assert len(set(found)) == 20
    assert set(np.diff(sorted(found)).tolist()) <= {len(rows) // 20, len(rows) // 20 + 1}
    np.testing.assert_array_equal(some.inside, every.inside[found])
    np.testing.assert_allclose(some.mean, some.features.mean(axis=0), rtol=1e-5)


def test_half_precision_is_widened_without_a_loss() -> None:
    half = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float16)
    for part in (half, half[::2], half.T, half[:0]):
        np.testing.assert_array_equal(wide(part), part.astype(np.float32), strict=True)
    single = half.astype(np.float32)
    np.testing.assert_array_equal(wide(single), single, strict=True)
