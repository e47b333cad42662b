"""The benchmark of speed: its yardstick is right, what is compared takes turns, and all of it runs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image as Picture
from scipy import ndimage

from benchmarks import speed_click, speed_extraction, speed_view
from benchmarks._dense import Dense
from benchmarks._exact import ExactBank, exactly
from benchmarks._report_speed import draw_speed, speed
from benchmarks._scenes import draw_stack
from benchmarks._textures import HALO, STRIDE, Textures
from benchmarks._turns import QUICK, Scope, in_turns, ratios
from benchmarks.speed_click import Ours, Theirs, dense_agreement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

SIDE, STEP = 5, 4
"""Patches per side of a window and voxels per patch."""

SCOPE = replace(QUICK, side=400, rounds=1, compared=(400,), viewed=(400,), views=(200, 300))


def planted(seed: int = 0) -> NDArray[np.float32]:
    """Two sections of 10 x 10 patches of 6 channels: noise, and in it a square of one kind on each section."""
    features = np.random.default_rng(seed).normal(0.0, 0.3, (2, 10, 10, 6))
    features[0, 1:4, 1:4] += 3.0
    features[1, 6:9, 5:9] += 3.0
    return features.astype(np.float32)


def test_dense_is_what_loops_make_of_the_same_clicks() -> None:
    features, places = planted(), [(0.0, 8.0, 9.0), (0.0, 10.0, 6.0), (1.0, 30.0, 26.0)]
    found = Dense.of(features, (2, 40, 40), STEP, SIDE).click(places).numpy()
    np.testing.assert_allclose(found, in_loops(features, places), atol=1e-5)


def in_loops(features: NDArray[np.float32], places: list[tuple[float, float, float]]) -> NDArray[np.float64]:
    """DINOSim's steps, patch by patch, in double precision."""
    windows, vectors = [], []
    for z, y, x in places:
        top, left = int(y // (SIDE * STEP)) * SIDE, int(x // (SIDE * STEP)) * SIDE
        windows.append(features[int(z), top : top + SIDE, left : left + SIDE].astype(np.float64))
        row, column = (min(round(voxel / STEP - first), SIDE - 1) for voxel, first in ((y, top), (x, left)))
        vectors.append(windows[-1][row, column])
    away = [smooth(np.linalg.norm(window - np.mean(vectors, axis=0), axis=-1)) for window in windows]
    low, high = np.quantile(away, [0.01, 0.99])
    labels = np.clip((np.ravel(away) - low) / (high - low), 0.0, 1.0)
    bank = np.concatenate([window.reshape(-1, 6) for window in windows])  # a window twice where two clicks are in it
    votes = np.zeros(features.shape[:3])
    for index in np.ndindex(votes.shape):
        nearest = np.argsort(np.linalg.norm(bank - features[index], axis=1), kind="stable")[:5]
        votes[index] = labels[nearest].mean()
    middles = np.clip((np.arange(40) + 0.5) / STEP - 0.5, 0, 9)
    grid = np.stack(np.meshgrid(middles, middles, indexing="ij"))
    return np.stack([ndimage.map_coordinates(smooth(section), grid, order=1) for section in votes])


def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.exp(-0.5 * np.array([1.0, 0.0, 1.0]))
    for axis in (0, 1):
        values = ndimage.correlate1d(values, weights / weights.sum(), axis=axis, mode="mirror")
    return values


def test_dense_finds_what_was_planted_on_another_section() -> None:
    found = Dense.of(planted(), (2, 40, 40), STEP, SIDE).click([(0.0, 8.0, 8.0)]).numpy()
    middles = found[:, STEP // 2 :: STEP, STEP // 2 :: STEP]
    assert middles[1, 7, 6:8].max() < 0.5 < middles[1, :5].min()


def test_dense_is_our_dinosim_told_to_do_as_the_public_code(tmp_path: Path) -> None:
    scene = draw_stack(tmp_path / "scene", 1, 1036, "textures-32")
    low, _, _ = dense_agreement(scene, Theirs(scene))
    assert low > 0.99


def test_features_of_textures_do_not_depend_on_where_a_tile_begins() -> None:
    pixels = np.random.default_rng(0).random((1, 420, 420), dtype=np.float32)
    whole, part = Textures(16).encode(pixels), Textures(16).encode(pixels[:, 70:350, 140:420])
    rim = HALO // STRIDE
    np.testing.assert_allclose(part[0, rim:-rim, rim:-rim], whole[0, 5:25, 10:30][rim:-rim, rim:-rim], atol=1e-5)


def test_ways_take_turns_and_the_first_round_does_not_count() -> None:
    called: list[tuple[str, int]] = []

    def way(name: str, number: int) -> float:
        called.append((name, number))
        return float(number)

    seconds = in_turns({name: partial(way, name) for name in "ab"}, rounds=2)
    assert called == [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)]
    assert seconds == {"a": [1.0, 2.0], "b": [1.0, 2.0]}


def test_ratios_are_those_of_a_round() -> None:
    assert ratios([2.0, 9.0, 8.0], [1.0, 3.0, 2.0]) == [2.0, 3.0, 4.0]


def test_masks_of_a_click_are_neither_empty_nor_full_and_those_of_the_exact_way(tmp_path: Path) -> None:
    scene = draw_stack(tmp_path / "scene", 1, 700)
    scene.store()
    ours = Ours(scene)
    mask = ours.mask(5)
    with exactly():
        exact = ours.mask(5)
    assert 0.01 < mask.mean() < 0.5
    assert speed_click.overlap(mask, exact) >= 0.99
    with patch.object(ExactBank, "match", lambda bank, features: np.zeros((len(features), 1), np.float32)), exactly():
        assert not np.array_equal(ours.mask(5), exact)  # it is the exact vote that was asked


@pytest.mark.parametrize("part", ["click, methods", "click, prompts", "views", "extraction, small"])
def test_a_part_runs_and_is_told(part: str, tmp_path: Path) -> None:
    parts: dict[str, Callable[[Scope], dict[str, Any]]] = {
        "click, methods": speed_click.methods,
        "click, prompts": speed_click.prompts,
        "views": speed_view.views,
        "extraction, small": partial(speed_extraction.extraction, "textures-8"),
    }
    figures = {part: parts[part](SCOPE)}
    assert speed(figures).count("###") == 1
    draw_speed(figures, tmp_path / "speed.png")
    with Picture.open(tmp_path / "speed.png") as drawn:
        assert drawn.size == (900, 600)
