"""Attention in bfloat16, against its formula in double precision."""

from __future__ import annotations

import pytest
import torch

from dinoscope.encoders import _attention
from dinoscope.encoders._attention import attend, attend_by_rows

SHAPE = (2, 3, 37, 8)  # N heads L c


def tokens() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(SHAPE, generator=generator).bfloat16() for _ in range(3)]


def formula(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    query, key, value = query.double(), key.double(), value.double()
    return torch.softmax(query @ key.transpose(-1, -2) / SHAPE[-1] ** 0.5, dim=-1) @ value


@pytest.mark.parametrize("scores", [1, 37 * 3 * 5, 10**6])
def test_rows_at_a_time_are_the_formula(scores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row, five rows (of which 37 are no multiple), all of them."""
    monkeypatch.setattr(_attention, "_SCORES", scores)
    query, key, value = tokens()
    for picture in range(SHAPE[0]):
        found = attend_by_rows(query[picture], key[picture], value[picture])
        assert found.dtype == torch.bfloat16
        expected = formula(query, key, value)[picture]
        torch.testing.assert_close(found.double(), expected, atol=0.03, rtol=0.02)


@pytest.mark.parametrize("able", [{}, {"avx512_bf16": True}, {"avx512_bf16": True, "amx_bf16": True}])
def test_every_processor_comes_to_the_same(able: dict[str, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def by_rows(*each: torch.Tensor) -> torch.Tensor:
        taken.append(1)
        return attend_by_rows(*each)

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    monkeypatch.setattr(_attention, "attend_by_rows", by_rows)
    query, key, value = tokens()
    found, expected = attend(query, key, value), formula(query, key, value)
    torch.testing.assert_close(found.double(), expected, atol=0.03, rtol=0.02)
    assert len(taken) == (SHAPE[0] if able == {"avx512_bf16": True} else 0)
    exact = attend(query.float(), key.float(), value.float())
    torch.testing.assert_close(exact.double(), expected, atol=1e-5, rtol=1e-5)
    assert len(taken) <= SHAPE[0], "float32 goes to torch"


def test_no_token_sees_those_after_it_if_causal() -> None:
    query, key, value = tokens()
    found = attend(query, key, value, is_causal=True)
    for last in (1, 20):
        expected = formula(query[..., :last, :], key[..., :last, :], value[..., :last, :])[..., -1, :]
        torch.testing.assert_close(found[..., last - 1, :].double(), expected, atol=0.03, rtol=0.02)
