"""The vote in steps: against a loop over whole numbers, and against the vote of the features themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.similarity import Bank
from dinoscope.similarity._steps import SteppedBank, _multiplies_whole, _products, in_steps

STEP = 6.0 / 127


def distinct_steps(seed: int, count: int, channels: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-127, 128, (count, channels)).astype(np.int64)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 50))
def test_the_nearest_vote_as_in_a_loop_over_whole_numbers(seed: int, neighbours: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    keys, queries = distinct_steps(seed, count, 5), distinct_steps(seed + 1, 7, 5)
    labels = rng.random((count, 2), dtype=np.float32)
    bank = SteppedBank.of(keys.astype(np.int8), labels, neighbours)
    found = bank.match((queries * STEP).astype(np.float32))
    for query, values in zip(queries, found, strict=True):
        distances = ((keys - query) ** 2).sum(axis=1)
        order = np.argsort(distances)
        last = distances[order[min(neighbours, count) - 1]]
        surely, perhaps = labels[distances < last], labels[distances == last]
        left = min(neighbours, count) - len(surely)
        if len(perhaps) == left:  # else there is a tie, and any of them may vote
            expected = np.concatenate([surely, perhaps]).mean(axis=0)
            np.testing.assert_allclose(values, expected, rtol=1e-5)


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
    exact, stepped = Bank(keys, labels, 20).match(queries), SteppedBank.of(in_steps(keys), labels, 20).match(queries)
    assert np.abs(exact - stepped).mean() < 0.01
    assert np.abs(exact - stepped).max() <= 0.15 + 1e-6  # three of twenty voters


@pytest.mark.parametrize("channels", [1, 7, 8, 384, 1024])
def test_whole_numbers_and_floats_multiply_alike(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, columns = (torch.from_numpy(distinct_steps(seed, 33, channels).astype(np.int8)) for seed in (0, 1))
    expected = rows.long().numpy() @ columns.long().numpy().T
    np.testing.assert_array_equal(_products(rows, columns.T).numpy(), expected)
    monkeypatch.setattr("dinoscope.similarity._steps._multiplies_whole", lambda: False)
    np.testing.assert_array_equal(_products(rows, columns.T).numpy(), expected)


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
