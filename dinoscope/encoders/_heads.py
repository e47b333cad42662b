"""What others trained to be put on a frozen DINOv2, so that its patches mean something else: vision heads.

Two are known: the head of dino.txt, which brings patches into the space of its text tower (Jose et al. 2024,
arXiv 2412.16334), and the denoiser of DVT, which SimZSS was trained on (Yang et al. 2024, arXiv 2401.02957;
Stegmüller et al. 2024, arXiv 2406.16085). Their tensors are named as in the published files.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dinoscope.encoders._checkpoints import read_tensors
from dinoscope.encoders._layouts import HEAD_WIDTH
from dinoscope.encoders._strict import load_strictly
from dinoscope.encoders._vit import LAYER_NORM_EPS, MLP, Attention, LayerScale
from dinoscope.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.encoders._layouts import State

_TEXT_HEAD = "block_list.0.norm1.weight"
_DENOISER = "denoiser.norm1.weight"
_DENOISER_PREFIXES = ("", "module.visual.", "visual.", "module.")


@dataclass(frozen=True, slots=True, eq=False)
class VisionHead:
    """What is put on a DINOv2.

    Attributes
    ----------
    name
        What it is: ``dinotxt`` or ``denoiser``.
    width
        Channels of the tokens it takes and gives.
    digest
        Of its weights.
    module
        From all tokens (N, 1 + R + hw, C) and the grid to the patches (N, hw, C).
    """

    name: str
    width: int
    digest: str
    module: DinoTxtHead | Denoiser


class DinoTxtHead(nn.Module):
    """The vision head of dino.txt: transformer blocks over all tokens.

    Parameters
    ----------
    width, hidden, depth
        Channels of a token, inside of the feed-forward part, and the number of blocks.
    """

    def __init__(self, width: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.block_list = nn.ModuleList(_TextHeadBlock(width, hidden) for _ in range(depth))
        self.ln_final = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Patches (N, hw, C) of all tokens (N, 1 + R + hw, C) after the DINOv2's own LayerNorm."""
        for block in self.block_list:
            tokens = block(tokens)
        patches: Tensor = self.ln_final(tokens)[:, -grid[0] * grid[1] :]
        return patches


class Denoiser(nn.Module):
    """The denoiser of DVT: positions are added to the patches once more, and one block takes out what they cause.

    Parameters
    ----------
    width, hidden
        Channels of a patch, and inside of the feed-forward part.
    positions
        Cells of the square grid it was trained with.
    """

    def __init__(self, width: int, hidden: int, positions: int) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.empty(1, positions, width))
        self.denoiser = _DenoiserBlock(width, hidden)

    def forward(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Patches (N, hw, C) of all tokens (N, 1 + R + hw, C) after the DINOv2's own LayerNorm."""
        patches = tokens[:, -grid[0] * grid[1] :]
        denoised: Tensor = self.denoiser(patches + _resample(self.pos_embed, grid).to(patches.device))
        return denoised


class _TextHeadBlock(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, width // HEAD_WIDTH, qkv_bias=False)
        self.ls1 = LayerScale(width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = _AlignedSwiGLU(width, hidden)
        self.ls2 = LayerScale(width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        tokens = tokens + self.ls2(self.mlp(self.norm2(tokens)))
        return tokens


class _AlignedSwiGLU(nn.Module):
    """Gate and content are layers of their own here, unlike in a ViT-g."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(width, hidden)
        self.w2 = nn.Linear(width, hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = self.w3(F.silu(self.w1(tokens)) * self.w2(tokens))
        return tokens


class _DenoiserBlock(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.attn = Attention(width, width // HEAD_WIDTH)
        self.norm2 = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.mlp = MLP(width, hidden)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        tokens = tokens + self.mlp(self.norm2(tokens))
        return tokens


def read_head(path: Path) -> VisionHead:
    """Read a vision head from a file; which one it is, its tensors tell.

    Parameters
    ----------
    path
        Meta's ``…_vision_head.pth`` of dino.txt, a denoiser of DVT, or a checkpoint of SimZSS with one in it.

    Raises
    ------
    CheckpointError
        If the file is damaged, or holds neither.
    """
    try:
        return _head_of(read_tensors(path))
    except CheckpointError as error:
        raise CheckpointError(f"cannot use {path} as a vision head: {error}") from error


def _head_of(state: State) -> VisionHead:
    if _TEXT_HEAD in state:
        depth = len({name.split(".")[1] for name in state if name.startswith("block_list.")})
        hidden, width = _shape(state, "block_list.0.mlp.w1.weight", 2)
        return _finish("dinotxt", state, DinoTxtHead, (width, hidden, depth))
    for prefix in _DENOISER_PREFIXES:
        if prefix + _DENOISER in state:
            kept = ("denoiser.", "pos_embed")
            own = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
            own = {name: tensor for name, tensor in own.items() if name.startswith(kept)}
            hidden, width = _shape(own, "denoiser.mlp.fc1.weight", 2)
            return _finish("denoiser", own, Denoiser, (width, hidden, _shape(own, "pos_embed", 3)[1]))
    raise CheckpointError(
        f"none of its {len(state)} tensors is {_TEXT_HEAD} (the vision head of dino.txt) or {_DENOISER} (a denoiser of "
        "DVT, with a transformer): expected one of the two"
    )


def _finish(
    name: str, state: State, kind: type[DinoTxtHead] | type[Denoiser], sizes: tuple[int, int, int]
) -> VisionHead:
    width = sizes[0]
    if width % HEAD_WIDTH:
        raise CheckpointError(f"its tokens have {width} channels: expected a multiple of {HEAD_WIDTH}")
    with torch.device("meta"):
        module = kind(*sizes)
    load_strictly(module, state, f"the {name} head")
    return VisionHead(name, width, digest_of(module.state_dict()), module)


def digest_of(state: State) -> str:
    """Of names, shapes and values of tensors."""
    digest = hashlib.sha256()
    for key, tensor in sorted(state.items()):
        digest.update(f"{key} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().contiguous().numpy().data)
    return digest.hexdigest()


def _shape(state: State, name: str, ndim: int) -> tuple[int, ...]:
    if name not in state or state[name].ndim != ndim:
        raise CheckpointError(f"tensor {name} is missing or does not have {ndim} axes")
    return tuple(state[name].shape)


def _resample(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """Positions (1, G * G, C) on another grid, as timm's ``resample_abs_pos_embed`` makes them: antialiased."""
    side = round(positions.shape[1] ** 0.5)
    table = positions.detach().float().cpu()
    if grid == (side, side):
        return table
    table = table.reshape(1, side, side, -1).permute(0, 3, 1, 2)  # 1 C G G
    return F.interpolate(table, size=grid, mode="bicubic", antialias=True).flatten(2).transpose(1, 2)
