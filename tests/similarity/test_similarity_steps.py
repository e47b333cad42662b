"""The vote in steps: against a loop over whole numbers, and against the vote of the features themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.similarity._steps import _GROUPS, SteppedBank, _multiplies_whole, _products, in_steps

STEP = 6.0 / 127


def distinct_steps(seed: int, count: int, channels: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-127, 128, (count, channels)).astype(np.int64)


def votes(distances: np.ndarray, labels: np.ndarray, neighbours: int) -> tuple[np.ndarray, float]:
    """The mean of labels (M, K) by distances squared (M,), and how far off weights in steps may be from it."""
    groups = min(_GROUPS, len(labels))
    radius = sorted(distances[group::groups].min() for group in range(groups))[min(neighbours, groups) - 1]
    weights = np.maximum(radius + 1 - distances, 0)
    steps = 127 * weights / weights.max()
    return weights @ labels / weights.sum(), (steps > 0).sum() / max(1.0, steps.sum() - (steps > 0).sum())


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 700))
def test_the_nearest_vote_as_in_a_loop_over_whole_numbers(seed: int, neighbours: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    keys, queries = distinct_steps(seed, count, 5), distinct_steps(seed + 1, 7, 5)
    labels = rng.random((count, 2), dtype=np.float32)
    bank = SteppedBank.of(keys.astype(np.int8), labels, neighbours)
    found = bank.match((queries * STEP).astype(np.float32))
    for query, values in zip(queries, found, strict=True):
        expected, tolerance = votes(((keys - query) ** 2).sum(axis=1), labels, neighbours)
        np.testing.assert_allclose(values, expected, atol=tolerance + 1e-4)


def test_the_nearer_counts_the_more() -> None:
    keys, labels = np.array([[10], [20], [30]]), np.eye(3, dtype=np.float32)
    (found,) = SteppedBank.of(keys.astype(np.int8), labels, 3).match(np.zeros((1, 1), np.float32))
    weights = np.array([900 - 100, 900 - 400, 0]) + 1
    np.testing.assert_allclose(found, weights / weights.sum(), atol=0.01)


def test_all_that_are_equally_near_count_alike() -> None:
    keys, labels = np.array([[7, 0], [0, 7], [-7, 0]], np.int8), np.array([[1.0], [0.5], [0.0]], np.float32)
    np.testing.assert_allclose(SteppedBank.of(keys, labels, 2).match(np.zeros((1, 2), np.float32)), [[0.5]], atol=1e-4)


def test_labels_are_kept_finely() -> None:
    labels = np.linspace(0, 1, 301, dtype=np.float32)[:, np.newaxis]
    keys = distinct_steps(0, 301, 8).astype(np.int8)
    found = SteppedBank.of(keys, labels, 1).match((keys * STEP).astype(np.float32))
    np.testing.assert_allclose(found, labels, atol=1e-4)


def test_what_is_far_off_counts_as_the_last_step() -> None:
    keys = np.array([[6.0, 0.0], [-6.0, 0.0]], np.float32)
    bank = SteppedBank.of(
        in_steps(keys * np.array([[1.0], [50.0]], np.float32)), np.array([[1.0], [0.0]], np.float32), 1
    )
    np.testing.assert_array_equal(bank.match(np.array([[80.0, 0.0], [-7.0, 0.0]], np.float32)), [[1.0], [0.0]])
    np.testing.assert_array_equal(bank.steps, [[127, 0], [-127, 0]])


def test_a_vote_does_not_depend_on_who_else_asks() -> None:
    rng = np.random.default_rng(0)
    bank = SteppedBank.of(
        in_steps(rng.normal(size=(300, 64)).astype(np.float32)), rng.random((300, 1), dtype=np.float32), 20
    )
    queries = rng.normal(size=(2500, 64)).astype(np.float32)
    whole = bank.match(queries)
    np.testing.assert_array_equal(np.concatenate([bank.match(queries[:1]), bank.match(queries[1:])]), whole)
    np.testing.assert_array_equal(bank.match(queries[::-1])[::-1], whole)


def test_steps_change_a_vote_little() -> None:
    """Features of two groups that overlap, with labels that follow them."""
    rng = np.random.default_rng(0)
    keys = rng.normal(size=(1500, 384)).astype(np.float32)
    keys[:400, :8] += 1.5
    queries = rng.normal(size=(2000, 384)).astype(np.float32)
    queries[:600, :8] += rng.uniform(0, 2, (600, 1)).astype(np.float32)
    labels = (np.arange(1500) < 400).astype(np.float32)[:, np.newaxis]
    found = SteppedBank.of(in_steps(keys), labels, 30).match(queries)
    squares = np.stack([np.square(keys.astype(np.float64) - query).sum(axis=1) for query in queries])
    apart = np.abs(found - [votes(row / STEP**2, labels, 30)[0] for row in squares])
    assert apart.mean() < 0.005
    assert apart.max() < 0.05


@pytest.mark.parametrize("channels", [1, 7, 8, 384, 1024])
def test_whole_numbers_and_floats_multiply_alike(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, columns = (torch.from_numpy(distinct_steps(seed, 33, channels).astype(np.int8)) for seed in (0, 1))
    expected = rows.long().numpy() @ columns.long().numpy().T
    np.testing.assert_array_equal(_products(rows, columns.T).numpy(), expected)
    monkeypatch.setattr("dinoscope.similarity._steps._multiplies_whole", lambda: False)
    np.testing.assert_array_equal(_products(rows, columns.T).numpy(), expected)


def test_floats_hold_the_largest_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    """1535 squares of 127 and one of 126 and 127: a sum that single precision rounds."""
    monkeypatch.setattr("dinoscope.similarity._steps._multiplies_whole", lambda: False)
    rows = torch.full((2, 1536), 127, dtype=torch.int8)
    columns = rows.T.clone()
    columns[0, 0] = 126
    expected = (rows.long() @ columns.long()).tolist()
    assert expected[0][0] % 2 == 1
    assert _products(rows, columns).tolist() == expected


def test_a_product_that_is_wrong_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: True)
    monkeypatch.setattr(
        torch, "_int_mm", lambda rows, columns: torch.zeros(len(rows), columns.shape[1], dtype=torch.int32)
    )
    _multiplies_whole.cache_clear()
    try:
        assert not _multiplies_whole()
    finally:
        _multiplies_whole.cache_clear()
