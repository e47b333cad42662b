from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.encoders._compact_net import CompactConfig, CompactNet
from dinoscope.training._clustering import SINKHORN_TEMPERATURE, ClusterNet, assign, dense_loss, sinkhorn

SMALL = CompactConfig(widths=(4, 4, 4), dilations=((), (), ()), channels=6)


def looped_sinkhorn(scores: np.ndarray, temperature: float, rounds: int) -> np.ndarray:
    """The same algorithm, entry by entry, in double precision."""
    tokens, prototypes = scores.shape
    plan = [[math.exp(float(scores[t, k]) / temperature) for k in range(prototypes)] for t in range(tokens)]
    for _ in range(rounds):
        for k in range(prototypes):
            total = sum(plan[t][k] for t in range(tokens))
            for t in range(tokens):
                plan[t][k] /= total
        for t in range(tokens):
            total = sum(plan[t])
            plan[t] = [value / total for value in plan[t]]
    return np.array(plan)


@pytest.mark.parametrize("rounds", [1, 3, 10])
def test_sinkhorn_equals_loops(rounds: int) -> None:
    scores = np.random.default_rng(rounds).uniform(-1, 1, (23, 7))
    # The balance of the first round depends on how rows are weighted at the start, so start alike: row maxima of 0.
    scores -= scores.max(axis=1, keepdims=True)
    ours = sinkhorn(torch.from_numpy(scores), 0.3, rounds).numpy()
    np.testing.assert_allclose(ours, looped_sinkhorn(scores, 0.3, rounds), rtol=1e-9)


@given(seed=st.integers(0, 1000), tokens=st.integers(8, 60), prototypes=st.integers(2, 8))
def test_sinkhorn_is_balanced(seed: int, tokens: int, prototypes: int) -> None:
    scores = torch.from_numpy(np.random.default_rng(seed).uniform(-1, 1, (tokens, prototypes)))
    plan = sinkhorn(scores, 0.5, 200)
    torch.testing.assert_close(plan.sum(dim=1), torch.ones(tokens, dtype=plan.dtype))
    share = torch.full((prototypes,), tokens / prototypes, dtype=plan.dtype)
    torch.testing.assert_close(plan.sum(dim=0), share, rtol=1e-3, atol=1e-3)


def test_sinkhorn_survives_low_temperatures() -> None:
    plan = sinkhorn(torch.tensor([[100.0, -100.0], [100.0, 90.0], [-100.0, -99.0]]), 0.05, 3)
    assert torch.isfinite(plan).all()


def test_assignments_keep_their_places() -> None:
    cosines = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)) * 2 - 1
    plan = assign(cosines)
    assert plan.shape == cosines.shape
    torch.testing.assert_close(plan.sum(dim=1), torch.ones(2, 4, 5))
    rows = [cosines[n, :, y, x] for n in range(2) for y in range(4) for x in range(5)]
    alone = sinkhorn(torch.stack(rows), SINKHORN_TEMPERATURE, 3)
    torch.testing.assert_close(plan[1, :, 2, 3], alone[20 + 2 * 5 + 3])


def test_loss_is_the_cross_entropy_of_valid_tokens() -> None:
    rng = np.random.default_rng(1)
    cosines, targets = rng.uniform(-1, 1, (2, 3, 2, 2)), rng.dirichlet([1, 1, 1], (2, 2, 2)).transpose(0, 3, 1, 2)
    valid = np.array([[[True, False], [True, True]], [[False, False], [False, True]]])
    expected = []
    for n, y, x in np.argwhere(valid):
        logits = cosines[n, :, y, x] / 0.1
        expected.append(-sum(targets[n, k, y, x] * (logits[k] - np.log(np.exp(logits).sum())) for k in range(3)))
    loss = dense_loss(torch.from_numpy(cosines), torch.from_numpy(targets), torch.from_numpy(valid))
    assert float(loss) == pytest.approx(np.mean(expected))


def test_loss_without_valid_tokens_is_zero() -> None:
    blank = torch.zeros(1, 2, 3, 3)
    assert float(dense_loss(blank, blank, torch.zeros(1, 3, 3, dtype=torch.bool))) == 0.0


def test_cluster_net_gives_cosines() -> None:
    torch.manual_seed(0)
    cosines = ClusterNet(CompactNet(SMALL), 9)(torch.rand(2, 1, 32, 48))
    assert cosines.shape == (2, 9, 4, 6)
    assert cosines.abs().max() <= 1.0 + 1e-6
