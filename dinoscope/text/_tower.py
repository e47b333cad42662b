"""The text towers of dino.txt and of SimZSS: one transformer in two spellings.

Both read CLIP's tokens from left to right, and the text's vector is what the token that ends it becomes. dino.txt's has
24 blocks of 1280 channels and projects to 2048 (Jose et al. 2024, arXiv 2412.16334), SimZSS's 12 of 512 and projects to
768 (Stegmüller et al. 2024, arXiv 2406.16085).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dinoscope.encoders._layouts import HEAD_WIDTH
from dinoscope.encoders._strict import load_strictly
from dinoscope.encoders._vit import MLP, Attention
from dinoscope.errors import CheckpointError

if TYPE_CHECKING:
    from dinoscope.encoders._layouts import State

_BLOCK = re.compile(r"^blocks\.(\d+)\.")

_DINOTXT_SPELLING = (("backbone.", ""), ("head.linear_projection.", "projection."))

_SIMZSS_SPELLING = (
    ("transformer.resblocks.", "blocks."),
    (".ln_1.", ".attention_norm."),
    (".attn.in_proj_weight", ".attention.qkv.weight"),
    (".attn.in_proj_bias", ".attention.qkv.bias"),
    (".attn.out_proj.", ".attention.proj."),
    (".ln_2.", ".ffn_norm."),
    (".mlp.c_fc.", ".feed_forward.fc1."),
    (".mlp.c_proj.", ".feed_forward.fc2."),
)
_SIMZSS_PROJECTION = "text_projection"
SIMZSS_PREFIXES = ("module.text.", "text.", "")
"""What may stand before the names of SimZSS's text tower; the rest of its checkpoints is no text."""


@dataclass(frozen=True, slots=True)
class TowerSizes:
    """The sizes of a text tower.

    Attributes
    ----------
    width
        Channels of a token.
    depth
        Number of blocks.
    hidden
        Channels inside of the feed-forward part.
    vocabulary
        Tokens it knows.
    context
        Tokens it reads.
    channels
        Length C of a text's vector.
    qkv_bias
        Whether query, key and value have a bias.
    """

    width: int
    depth: int
    hidden: int
    vocabulary: int
    context: int
    channels: int
    qkv_bias: bool


class TextTower(nn.Module):
    """A transformer that reads tokens from left to right.

    Parameters
    ----------
    sizes
        Its sizes. Parameters are left uninitialised: load a state dict.
    """

    def __init__(self, sizes: TowerSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.token_embedding = nn.Embedding(sizes.vocabulary, sizes.width)
        self.positional_embedding = nn.Parameter(torch.empty(sizes.context, sizes.width))
        self.blocks = nn.ModuleList(_Block(sizes) for _ in range(sizes.depth))
        self.ln_final = nn.LayerNorm(sizes.width)
        self.projection = nn.Linear(sizes.width, sizes.channels, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """The vectors (n, C) of texts from their tokens (n, L); the one that ends a text has the largest number."""
        embedded = self.token_embedding(tokens) + self.positional_embedding[: tokens.shape[1]]  # n L c
        for block in self.blocks:
            embedded = block(embedded)
        ends = embedded[torch.arange(len(tokens), device=tokens.device), tokens.argmax(dim=-1)]  # n c
        vectors: Tensor = self.projection(self.ln_final(ends))
        return vectors


class _Block(nn.Module):
    def __init__(self, sizes: TowerSizes) -> None:
        super().__init__()
        width = sizes.width
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, width // HEAD_WIDTH, qkv_bias=sizes.qkv_bias, is_causal=True)
        self.ffn_norm = nn.LayerNorm(width)
        self.feed_forward = MLP(width, sizes.hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.attention_norm(tokens))
        tokens = tokens + self.feed_forward(self.ffn_norm(tokens))
        return tokens


def is_dinotxt(state: State) -> bool:
    """Whether tensors are a text tower of dino.txt."""
    return "backbone.token_embedding.weight" in state


def is_simzss(state: State) -> bool:
    """Whether there is a text tower of SimZSS among some tensors."""
    return any(prefix + _SIMZSS_PROJECTION in state for prefix in SIMZSS_PREFIXES)


def dinotxt_tower(state: State) -> TextTower:
    """The tower from the tensors of Meta's ``…_text_encoder.pth``.

    Raises
    ------
    CheckpointError
        If tensors are missing, unknown or of unexpected shapes.
    """
    return _load({_respelled(name, _DINOTXT_SPELLING): tensor for name, tensor in state.items()}, "dino.txt")


def simzss_tower(state: State) -> TextTower:
    """The tower from the tensors of a checkpoint of SimZSS; what of them is no text is left out.

    Raises
    ------
    CheckpointError
        If tensors are missing, unknown or of unexpected shapes.
    """
    prefix = next(prefix for prefix in SIMZSS_PREFIXES if prefix + _SIMZSS_PROJECTION in state)
    own = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    renamed = {_respelled(name, _SIMZSS_SPELLING): tensor for name, tensor in own.items()}
    renamed["projection.weight"] = renamed.pop(_SIMZSS_PROJECTION).T.contiguous()  # theirs multiplies from the right
    return _load(renamed, "SimZSS")


def _respelled(name: str, spelling: tuple[tuple[str, str], ...]) -> str:
    for theirs, ours in spelling:
        name = name.replace(theirs, ours)
    return name


def _load(state: State, system: str) -> TextTower:
    what = f"the text tower of {system}"
    with torch.device("meta"):
        tower = TextTower(_sizes(state, what))
    load_strictly(tower, state, what)
    return tower


def _sizes(state: State, what: str) -> TowerSizes:
    telling = {
        "token_embedding.weight": 2,
        "positional_embedding": 2,
        "blocks.0.feed_forward.fc1.weight": 2,
        "projection.weight": 2,
    }
    for name, ndim in telling.items():
        if name not in state or state[name].ndim != ndim:
            raise CheckpointError(f"tensor {name} (as dinoscope calls it) is missing or has other axes: not {what}")
    vocabulary, width = state["token_embedding.weight"].shape
    if width % HEAD_WIDTH:
        raise CheckpointError(f"{what} has tokens of {width} channels: expected a multiple of {HEAD_WIDTH}")
    return TowerSizes(
        width=width,
        depth=len({found[1] for name in state if (found := _BLOCK.match(name))}),
        hidden=state["blocks.0.feed_forward.fc1.weight"].shape[0],
        vocabulary=vocabulary,
        context=state["positional_embedding"].shape[0],
        channels=state["projection.weight"].shape[0],
        qkv_bias="blocks.0.attention.qkv.bias" in state,
    )
