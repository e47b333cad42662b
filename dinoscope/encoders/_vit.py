"""The DINOv2 vision transformer, for inference only.

Why our own module and not the one of ``transformers``: its layers were renamed and its SwiGLU was split between the
releases that we support, it interpolates position embeddings unlike Meta's code for models without registers, and it
takes seconds to import. The network is small, its tensors are named as in Meta's checkpoints, and one position rule
then holds for every origin of the weights.

The architecture is that of Oquab et al. 2023 (arXiv 2304.07193), with the registers of Darcet et al. 2023
(arXiv 2309.16588).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dinoscope.encoders._attention import attend

LAYER_NORM_EPS = 1e-6


@dataclass(frozen=True, slots=True)
class Architecture:
    """The sizes of a DINOv2.

    Attributes
    ----------
    width
        Channels C of a token.
    depth
        Number of blocks.
    heads
        Attention heads per block; they divide `width`.
    hidden
        Channels between the two layers of the feed-forward network.
    swiglu
        Whether the feed-forward network is a SwiGLU (ViT-g) and not an MLP with GELU.
    registers
        Register tokens, 0 or 4 in the released models.
    patch
        Side of a patch in pixels.
    grid
        Side of the position grid the weights were trained with, in patches.
    """

    width: int
    depth: int
    heads: int
    hidden: int
    swiglu: bool
    registers: int
    patch: int
    grid: int

    @property
    def position_rule(self) -> str:
        """How position embeddings reach other grids, in words that go into the fingerprint."""
        return "bicubic antialias size" if self.registers else "bicubic scale+0.1"


def interpolate_positions(positions: Tensor, grid: tuple[int, int], has_registers: bool) -> Tensor:
    """Position embeddings for another grid of patches, exactly as Meta's code makes them.

    Models with registers use antialiasing and the output size. Models without use neither: their scale factor is
    ``(n + 0.1) / trained grid``, and torch samples at that factor and not at the ratio of the sizes, which shifts every
    position a little. Features that leave the 0.1 out differ (``interpolate_pos_encoding`` in Meta's
    ``vision_transformer.py``; ``interpolate_offset`` and ``interpolate_antialias`` in its ``hub/backbones.py``).

    Parameters
    ----------
    positions
        Shape (1, 1 + G * G, C) with the position of the class token first.
    grid
        Rows and columns of patches to get positions for.
    has_registers
        Which of the two rules holds.

    Returns
    -------
    Shape (1, 1 + rows * columns, C), on the CPU: not every device has these kernels, and the table is small.
    """
    side = round((positions.shape[1] - 1) ** 0.5)
    positions = positions.detach().float().cpu()
    if grid == (side, side):
        return positions
    table = positions[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)  # 1 C G G
    if has_registers:
        table = F.interpolate(table, size=grid, mode="bicubic", antialias=True)
    else:
        factors = tuple((n + 0.1) / side for n in grid)
        table = F.interpolate(table, scale_factor=factors, mode="bicubic")
    return torch.cat([positions[:, :1], table.flatten(2).transpose(1, 2)], dim=1)


class Dinov2(nn.Module):
    """A DINOv2 whose state dict has the names of Meta's checkpoints.

    Parameters
    ----------
    architecture
        Its sizes. Parameters are left uninitialised: load a state dict.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        width, patch = architecture.width, architecture.patch
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + architecture.grid**2, width))
        if architecture.registers:
            self.register_tokens = nn.Parameter(torch.empty(1, architecture.registers, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, patch)})
        self.blocks = nn.ModuleList(_Block(architecture) for _ in range(architecture.depth))
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)

    def forward(self, pixels: Tensor) -> Tensor:
        """Patch features after the final LayerNorm (Meta's ``x_norm_patchtokens``).

        Parameters
        ----------
        pixels
            Shape (N, 3, H, W), normalised; H and W are multiples of the patch.

        Returns
        -------
        Shape (N, H / patch, W / patch, C).
        """
        return self.patches_of(self.tokens(pixels), self.grid_of(pixels))

    def tokens(self, pixels: Tensor) -> Tensor:
        """All tokens after the final LayerNorm: the class token, the registers and the patches, (N, 1 + R + hw, C)."""
        patches = self.patch_embed["proj"](pixels)  # N C h w
        count, _, rows, columns = patches.shape
        has_registers = self.architecture.registers > 0
        positions = interpolate_positions(self.pos_embed, (rows, columns), has_registers).to(patches.device)
        leading = [self.cls_token + positions[:, :1]]
        if has_registers:
            leading.append(self.register_tokens)  # registers have no position
        tokens = torch.cat(
            [*(t.expand(count, -1, -1) for t in leading), patches.flatten(2).transpose(1, 2) + positions[:, 1:]], dim=1
        )  # N 1+R+hw C
        for block in self.blocks:
            tokens = block(tokens)
        normed: Tensor = self.norm(tokens)
        return normed

    def grid_of(self, pixels: Tensor) -> tuple[int, int]:
        """Rows and columns of the patches of a picture (N, 3, H, W)."""
        return pixels.shape[2] // self.architecture.patch, pixels.shape[3] // self.architecture.patch

    def patches_of(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """The patches among all tokens (N, 1 + R + hw, C), on their grid: (N, h, w, C)."""
        features = tokens[:, 1 + self.architecture.registers :]
        return features.reshape(len(tokens), *grid, -1)


class _Block(nn.Module):
    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        width = architecture.width
        feed_forward = _SwiGLU if architecture.swiglu else MLP
        self.norm1 = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.attn = Attention(width, architecture.heads)
        self.ls1 = LayerScale(width)
        self.norm2 = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.mlp = feed_forward(width, architecture.hidden)
        self.ls2 = LayerScale(width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        tokens = tokens + self.ls2(self.mlp(self.norm2(tokens)))
        return tokens


class Attention(nn.Module):
    """Self-attention as in Meta's code; with a mask that lets no token see those after it, if `is_causal`."""

    def __init__(self, width: int, heads: int, qkv_bias: bool = True, is_causal: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.is_causal = is_causal
        self.qkv = nn.Linear(width, 3 * width, bias=qkv_bias)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, L, C) mixed."""
        count, length, _ = tokens.shape
        query, key, value = (
            self.qkv(tokens).view(count, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        )  # N heads L c
        mixed = attend(query, key, value, self.is_causal)
        tokens = self.proj(mixed.transpose(1, 2).flatten(2))
        return tokens


class MLP(nn.Module):
    """Two layers with an exact GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, L, C), each by itself."""
        tokens = self.fc2(F.gelu(self.fc1(tokens)))
        return tokens


class _SwiGLU(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w12 = nn.Linear(width, 2 * hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        gate, content = self.w12(tokens).chunk(2, dim=-1)
        tokens = self.w3(F.silu(gate) * content)
        return tokens


class LayerScale(nn.Module):
    """A learned factor per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, L, C), scaled."""
        return tokens * self.gamma
