"""Attention by the fastest of the ways that give the same.

torch's kernel for CPUs is good in float32. In bfloat16 it takes as long, where the processor has AVX-512 and no AMX: it
multiplies small blocks one by one. There, products of whole rows take two thirds of its time (`benchmarks.backends`).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from dinoscope.encoders._precision import processor

_SCORES = 1 << 20
"""Scores at a time: 2 MB in bfloat16, which caches hold."""


def attend(query: Tensor, key: Tensor, value: Tensor, is_causal: bool = False) -> Tensor:
    """Means of the values (N, heads, L, c), weighted by how well their keys fit each query.

    Parameters
    ----------
    query, key, value
        Shape (N, heads, L, c).
    is_causal
        Whether no token sees those after it.
    """
    if query.dtype == torch.bfloat16 and query.device.type == "cpu" and not is_causal and _rows_are_faster():
        return torch.stack([attend_by_rows(*each) for each in zip(query, key, value, strict=True)])
    return F.scaled_dot_product_attention(query, key, value, is_causal=is_causal)


def attend_by_rows(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The same for one picture, (heads, L, c): as many rows of scores at a time as stay in the caches."""
    heads, length, channels = query.shape
    keys, values = key.transpose(1, 2).contiguous(), value.contiguous()
    parts = (query * channels**-0.5).split(max(1, _SCORES // (heads * length)), dim=1)
    return torch.cat([torch.softmax(part @ keys, dim=-1) @ values for part in parts], dim=1)


def _rows_are_faster() -> bool:
    able = processor()
    return bool(able.get("avx512_bf16")) and not able.get("amx_bf16")
