"""Names of tensors: every known layout of DINOv2 weights becomes Meta's.

Three spellings are in circulation: Meta's own, that of the published Hugging Face files, and that of the modules of
transformers 5 in memory. Training checkpoints of Meta's code number their blocks twice. Anything else is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING

import torch

from dinoscope.encoders._vit import Architecture, Dinov2
from dinoscope.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

State = dict[str, "Tensor"]

HEAD_WIDTH = 64
"""Channels per attention head in every released DINOv2."""

EM_DINO_PREFIX = "vit."
"""What EM-DINO (OmniEM) puts before Meta's names."""

_PREFIXES = ("", EM_DINO_PREFIX, "backbone.", "module.", "module.backbone.", "dinov2.", "dinov2_with_registers.")
_IGNORED = ("mask_token", "classifier.", "dino_head.", "ibot_head.")
"""Parts that take no part in inference: the token of masked training, and heads."""

_META_SPELLING = (
    ("embeddings.patch_embeddings.projection.", "patch_embed.proj."),
    ("embeddings.position_embeddings", "pos_embed"),
    ("embeddings.", ""),
    ("encoder.layer.", "blocks."),
    ("layernorm.", "norm."),
    (".attention.attention.query.", ".attn.q."),
    (".attention.attention.key.", ".attn.k."),
    (".attention.attention.value.", ".attn.v."),
    (".attention.output.dense.", ".attn.proj."),
    (".attention.q_proj.", ".attn.q."),
    (".attention.k_proj.", ".attn.k."),
    (".attention.v_proj.", ".attn.v."),
    (".attention.o_proj.", ".attn.proj."),
    (".layer_scale1.lambda1", ".ls1.gamma"),
    (".layer_scale2.lambda1", ".ls2.gamma"),
    (".mlp.weights_in.", ".mlp.w12."),
    (".mlp.gate_proj.", ".mlp.w1."),
    (".mlp.up_proj.", ".mlp.w2."),
    (".mlp.weights_out.", ".mlp.w3."),
    (".mlp.down_proj.", ".mlp.w3."),
)
_JOINED = ((".attn.q.", (".attn.q.", ".attn.k.", ".attn.v."), ".attn.qkv."),
           (".mlp.w1.", (".mlp.w1.", ".mlp.w2."), ".mlp.w12."))  # fmt: skip
_BLOCK = re.compile(r"^blocks\.(\d+)\.")
_CHUNKED_BLOCK = re.compile(r"^blocks\.\d+\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class MetaState:
    """Weights under Meta's names, in float32.

    Attributes
    ----------
    tensors
        Name to tensor; exactly what `Dinov2` of that architecture loads.
    architecture
        Sizes found in the tensors.
    prefix
        What stood before every name.
    """

    tensors: State
    architecture: Architecture
    prefix: str


def to_meta_state(state: State, heads: int | None = None) -> MetaState:
    """Rename, join and check the tensors of a checkpoint.

    Parameters
    ----------
    state
        Tensors in any known layout.
    heads
        Attention heads, where a configuration tells; otherwise heads have 64 channels.

    Raises
    ------
    CheckpointError
        If tensors are missing, unknown, not floating point or of unexpected shapes.
    """
    prefix = _find_prefix(state)
    renamed = {_meta_name(key.removeprefix(prefix)): tensor for key, tensor in state.items()}
    kept = {name: tensor for name, tensor in renamed.items() if not name.startswith(_IGNORED)}
    for name, tensor in kept.items():
        if not tensor.is_floating_point():
            raise CheckpointError(
                f"tensor {name} has type {tensor.dtype}: expected floating point, not quantised weights"
            )
    tensors = {name: tensor.detach().float() for name, tensor in _join_split_layers(kept).items()}
    architecture = infer_architecture(tensors, heads)
    _check_complete(tensors, architecture)
    return MetaState(tensors, architecture, prefix)


def infer_architecture(tensors: State, heads: int | None = None) -> Architecture:
    """The sizes that tensors with Meta's names tell.

    Raises
    ------
    CheckpointError
        If a tensor that tells a size is missing, or no DINOv2 has such sizes.
    """
    swiglu = "blocks.0.mlp.w12.weight" in tensors
    output = "blocks.0.mlp.w3.weight" if swiglu else "blocks.0.mlp.fc2.weight"
    telling = {"patch_embed.proj.weight": 4, "pos_embed": 3, output: 2}
    for name, ndim in telling.items():
        if name not in tensors or tensors[name].ndim != ndim:
            raise CheckpointError(
                f"tensor {name} is missing or does not have {ndim} axes: expected a DINOv2 checkpoint"
            )
    width, _, _, patch = tensors["patch_embed.proj.weight"].shape
    if width % (heads or HEAD_WIDTH):
        raise CheckpointError(f"features have {width} channels: expected a multiple of {heads or HEAD_WIDTH}")
    registers = tensors["register_tokens"].shape[1] if "register_tokens" in tensors else 0
    return Architecture(
        width=width,
        depth=len({found[1] for name in tensors if (found := _BLOCK.match(name))}),
        heads=heads or width // HEAD_WIDTH,
        hidden=tensors[output].shape[1],
        swiglu=swiglu,
        registers=registers,
        patch=patch,
        grid=isqrt(tensors["pos_embed"].shape[1] - 1),
    )


def _find_prefix(state: State) -> str:
    for prefix in _PREFIXES:
        if f"{prefix}cls_token" in state or f"{prefix}embeddings.cls_token" in state:
            return prefix
    raise CheckpointError(
        f"no class token among {len(state)} tensors (first: {_some(state)}): "
        "expected DINOv2 weights with the names of Meta's or of Hugging Face's files"
    )


def _meta_name(key: str) -> str:
    for theirs, metas in _META_SPELLING:
        key = key.replace(theirs, metas)
    return _CHUNKED_BLOCK.sub(r"blocks.\1.", key)


def _join_split_layers(tensors: State) -> State:
    """Stack separate query, key and value (and gate and content of a SwiGLU) as Meta does."""
    joined = dict(tensors)
    for first, parts, whole in _JOINED:
        for name in [name for name in tensors if first in name]:
            names = [name.replace(first, part) for part in parts]
            if all(part in joined for part in names):
                joined[name.replace(first, whole)] = torch.cat([joined.pop(part) for part in names])
    return joined


def _check_complete(tensors: State, architecture: Architecture) -> None:
    with torch.device("meta"):
        expected = Dinov2(architecture).state_dict()
    missing = [name for name in expected if name not in tensors]
    unknown = [name for name in tensors if name not in expected]
    if missing or unknown:
        raise CheckpointError(
            f"{len(missing)} tensors are missing ({_some(missing)}) and {len(unknown)} are unknown ({_some(unknown)}): "
            f"expected exactly those of a DINOv2 with {architecture.depth} blocks"
        )
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise CheckpointError(
                f"tensor {name} has shape {tuple(tensor.shape)}: expected {tuple(expected[name].shape)} "
                f"in a DINOv2 with {architecture.width} channels"
            )


def _some(names: list[str] | State) -> str:
    """The first names of many, for a message."""
    shown = list(names)[:3]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "") if shown else "none"
