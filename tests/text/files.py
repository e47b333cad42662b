"""Text towers with random weights in the exact layout of the published files, small ones, and what they must give.

The forward passes are written here once more, from the published rules, in float64 and with plain products.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    State = dict[str, Tensor]

WIDTH, HEAD, DEPTH, CONTEXT = 128, 64, 2, 77

# The pairs that make a few words, in the order of OpenAI's file, and the numbers that the whole file gives to them.
MERGES = {
    ("o", "n"): 521,
    ("o", "n</w>"): 525,
    ("i", "t"): 529,
    ("t", "o</w>"): 531,
    ("i", "c"): 535,
    ("a", "t</w>"): 536,
    ("o", "f</w>"): 539,
    ("c", "h"): 540,
    ("r", "i"): 553,
    ("l", "e</w>"): 579,
    ("h", "o"): 606,
    ("v", "e"): 673,
    ("p", "ho"): 816,
    ("pho", "to</w>"): 1125,
    ("d", "ri"): 1203,
    ("c", "at</w>"): 2368,
    ("m", "it"): 3303,
    ("s", "ic"): 8278,
    ("ch", "on"): 20416,
    ("chon", "dri"): 37379,
    ("mit", "o"): 38254,
    ("mito", "chondri"): 42132,
}
BEGIN, END = "<|startoftext|>", "<|endoftext|>"


def letters() -> list[str]:
    """One for each byte, in OpenAI's order."""
    printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) for b in printing] + [chr(256 + n) for n in range(256 - len(printing))]


def true_vocabulary() -> dict[str, int]:
    """The part of CLIP's vocabulary that a few words need, under its true numbers."""
    found = {token: n for n, token in enumerate([*letters(), *(x + "</w>" for x in letters())])}
    return {**found, **{a + b: n for (a, b), n in MERGES.items()}, BEGIN: 49406, END: 49407}


def small_vocabulary() -> dict[str, int]:
    """The same tokens numbered without gaps, as OpenAI's code numbers those of a shorter file."""
    return {token: n for n, token in enumerate(true_vocabulary())}


VOCABULARY = len(small_vocabulary())


def write_openai(folder: Path) -> Path:
    """``bpe_simple_vocab_16e6.txt.gz`` with few merges."""
    path = folder / "bpe_simple_vocab_16e6.txt.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(["#version: 0.2", *(f"{a} {b}" for a, b in MERGES)]) + "\n")
    return path


def write_hub(folder: Path, vocabulary: Mapping[str, int] | None = None) -> Path:
    """``vocab.json`` and ``merges.txt``."""
    (folder / "vocab.json").write_text(json.dumps(dict(vocabulary or small_vocabulary())), encoding="utf-8")
    (folder / "merges.txt").write_text(
        "\n".join(["#version: 0.2", *(f"{a} {b}" for a, b in MERGES)]) + "\n", encoding="utf-8"
    )
    return folder / "vocab.json"


def randoms(shapes: Mapping[str, Sequence[int]], seed: int = 0) -> State:
    """Random tensors, none of which has a value that could hide its absence."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(tuple(shape), generator=generator) * (0.1 if len(shape) == 2 else 0.4)
        for name, shape in shapes.items()
    }


def dinotxt_text(channels: int = 2 * WIDTH) -> State:
    """``…_text_encoder.pth`` of dino.txt."""
    shapes: dict[str, Sequence[int]] = {
        "backbone.token_embedding.weight": (VOCABULARY, WIDTH),
        "backbone.positional_embedding": (CONTEXT, WIDTH),
        "backbone.ln_final.weight": (WIDTH,),
        "backbone.ln_final.bias": (WIDTH,),
        "head.linear_projection.weight": (channels, WIDTH),
    }
    for i in range(DEPTH):
        block = f"backbone.blocks.{i}"
        shapes |= {f"{block}.{n}.{p}": (WIDTH,) for n in ("attention_norm", "ffn_norm") for p in ("weight", "bias")}
        shapes |= {
            f"{block}.attention.qkv.weight": (3 * WIDTH, WIDTH),
            f"{block}.attention.proj.weight": (WIDTH, WIDTH),
            f"{block}.attention.proj.bias": (WIDTH,),
            f"{block}.feed_forward.fc1.weight": (4 * WIDTH, WIDTH),
            f"{block}.feed_forward.fc1.bias": (4 * WIDTH,),
            f"{block}.feed_forward.fc2.weight": (WIDTH, 4 * WIDTH),
            f"{block}.feed_forward.fc2.bias": (WIDTH,),
        }
    return randoms(shapes, seed=1)


def simzss_text(channels: int = WIDTH) -> State:
    """The text part of a checkpoint of SimZSS, without what stands before its names."""
    shapes: dict[str, Sequence[int]] = {
        "text_projection": (WIDTH, channels),
        "token_embedding.weight": (VOCABULARY, WIDTH),
        "positional_embedding": (CONTEXT, WIDTH),
        "ln_final.weight": (WIDTH,),
        "ln_final.bias": (WIDTH,),
    }
    for i in range(DEPTH):
        block = f"transformer.resblocks.{i}"
        shapes |= {f"{block}.{n}.{p}": (WIDTH,) for n in ("ln_1", "ln_2") for p in ("weight", "bias")}
        shapes |= {
            f"{block}.attn.in_proj_weight": (3 * WIDTH, WIDTH),
            f"{block}.attn.in_proj_bias": (3 * WIDTH,),
            f"{block}.attn.out_proj.weight": (WIDTH, WIDTH),
            f"{block}.attn.out_proj.bias": (WIDTH,),
            f"{block}.mlp.c_fc.weight": (4 * WIDTH, WIDTH),
            f"{block}.mlp.c_fc.bias": (4 * WIDTH,),
            f"{block}.mlp.c_proj.weight": (WIDTH, 4 * WIDTH),
            f"{block}.mlp.c_proj.bias": (WIDTH,),
        }
    return randoms(shapes, seed=2)


def denoiser(grid: int = 37, width: int = WIDTH) -> State:
    """What is under ``denoiser`` in a file of DVT."""
    shapes: dict[str, Sequence[int]] = {"pos_embed": (1, grid * grid, width)}
    shapes |= {f"denoiser.{n}.{p}": (width,) for n in ("norm1", "norm2") for p in ("weight", "bias")}
    for name, (out, into) in {
        "attn.qkv": (3 * width, width),
        "attn.proj": (width, width),
        "mlp.fc1": (4 * width, width),
        "mlp.fc2": (width, 4 * width),
    }.items():
        shapes |= {f"denoiser.{name}.weight": (out, into), f"denoiser.{name}.bias": (out,)}
    return randoms(shapes, seed=3)


def vision_head(width: int = WIDTH, hidden: int = 192) -> State:
    """``…_vision_head.pth`` of dino.txt."""
    shapes: dict[str, Sequence[int]] = {"ln_final.weight": (width,), "ln_final.bias": (width,)}
    for i in range(2):
        block = f"block_list.{i}"
        shapes |= {f"{block}.{n}.{p}": (width,) for n in ("norm1", "norm2") for p in ("weight", "bias")}
        shapes |= {
            f"{block}.attn.qkv.weight": (3 * width, width),
            f"{block}.attn.proj.weight": (width, width),
            f"{block}.attn.proj.bias": (width,),
            f"{block}.ls1.gamma": (width,),
            f"{block}.ls2.gamma": (width,),
            f"{block}.mlp.w3.weight": (width, hidden),
            f"{block}.mlp.w3.bias": (width,),
        }
        shapes |= {f"{block}.mlp.{w}.weight": (hidden, width) for w in ("w1", "w2")}
        shapes |= {f"{block}.mlp.{w}.bias": (hidden,) for w in ("w1", "w2")}
    return randoms(shapes, seed=4)


def attend(x: Tensor, qkv: Tensor, bias: Tensor | None, proj: Tensor, proj_bias: Tensor, causal: bool) -> Tensor:
    """Attention of one sequence (L, C), head by head."""
    width = x.shape[1]
    mixed = x @ qkv.T + (0 if bias is None else bias)
    parts = []
    for first in range(0, width, HEAD):
        q, k, v = (mixed[:, part * width + first : part * width + first + HEAD] for part in range(3))
        scores = q @ k.T / HEAD**0.5
        if causal:
            later = torch.ones_like(scores).triu(1).bool()
            scores = scores.masked_fill(later, float("-inf"))
        parts.append(torch.softmax(scores, dim=-1) @ v)
    return torch.cat(parts, dim=1) @ proj.T + proj_bias


def norm(x: Tensor, p: State, name: str, eps: float) -> Tensor:
    """LayerNorm by its definition."""
    centred = x - x.mean(dim=-1, keepdim=True)
    spread = (centred.pow(2).mean(dim=-1, keepdim=True) + eps).sqrt()
    return centred / spread * p[f"{name}.weight"] + p[f"{name}.bias"]


def gelu(x: Tensor) -> Tensor:
    """The exact one."""
    return x * 0.5 * (1 + torch.erf(x / 2**0.5))


def read_dinotxt(state: State, tokens: Sequence[int]) -> Tensor:
    """What dino.txt's code gives for a text that ends with the last of these tokens."""
    p = {name: tensor.double() for name, tensor in state.items()}
    x = p["backbone.token_embedding.weight"][list(tokens)] + p["backbone.positional_embedding"][: len(tokens)]
    for i in range(DEPTH):
        b = f"backbone.blocks.{i}"
        proj = (p[f"{b}.attention.proj.weight"], p[f"{b}.attention.proj.bias"])
        x = x + attend(norm(x, p, f"{b}.attention_norm", 1e-5), p[f"{b}.attention.qkv.weight"], None, *proj, True)
        hidden = norm(x, p, f"{b}.ffn_norm", 1e-5) @ p[f"{b}.feed_forward.fc1.weight"].T
        hidden = gelu(hidden + p[f"{b}.feed_forward.fc1.bias"])
        x = x + hidden @ p[f"{b}.feed_forward.fc2.weight"].T + p[f"{b}.feed_forward.fc2.bias"]
    return norm(x, p, "backbone.ln_final", 1e-5)[-1] @ p["head.linear_projection.weight"].T


def read_simzss(state: State, tokens: Sequence[int]) -> Tensor:
    """What SimZSS's code gives for a text that ends with the last of these tokens."""
    p = {name: tensor.double() for name, tensor in state.items()}
    x = p["token_embedding.weight"][list(tokens)] + p["positional_embedding"][: len(tokens)]
    for i in range(DEPTH):
        b = f"transformer.resblocks.{i}"
        qkv = (p[f"{b}.attn.in_proj_weight"], p[f"{b}.attn.in_proj_bias"])
        out = (p[f"{b}.attn.out_proj.weight"], p[f"{b}.attn.out_proj.bias"])
        x = x + attend(norm(x, p, f"{b}.ln_1", 1e-5), *qkv, *out, True)
        hidden = gelu(norm(x, p, f"{b}.ln_2", 1e-5) @ p[f"{b}.mlp.c_fc.weight"].T + p[f"{b}.mlp.c_fc.bias"])
        x = x + hidden @ p[f"{b}.mlp.c_proj.weight"].T + p[f"{b}.mlp.c_proj.bias"]
    return norm(x, p, "ln_final", 1e-5)[-1] @ p["text_projection"]


def through_head(state: State, tokens: Tensor, patches: int) -> Tensor:
    """What dino.txt's vision head makes of the tokens (L, C) of one picture, the patches last."""
    p, x = {name: tensor.double() for name, tensor in state.items()}, tokens.double()
    for i in range(2):
        b = f"block_list.{i}"
        proj = (p[f"{b}.attn.proj.weight"], p[f"{b}.attn.proj.bias"])
        mixed = attend(norm(x, p, f"{b}.norm1", 1e-5), p[f"{b}.attn.qkv.weight"], None, *proj, False)
        x = x + p[f"{b}.ls1.gamma"] * mixed
        y = norm(x, p, f"{b}.norm2", 1e-5)
        gate = y @ p[f"{b}.mlp.w1.weight"].T + p[f"{b}.mlp.w1.bias"]
        content = y @ p[f"{b}.mlp.w2.weight"].T + p[f"{b}.mlp.w2.bias"]
        y = (gate * torch.sigmoid(gate) * content) @ p[f"{b}.mlp.w3.weight"].T + p[f"{b}.mlp.w3.bias"]
        x = x + p[f"{b}.ls2.gamma"] * y
    return norm(x, p, "ln_final", 1e-5)[-patches:]


def through_denoiser(state: State, patches: Tensor, grid: tuple[int, int]) -> Tensor:
    """What DVT's denoiser makes of the patches (L, C) of one picture."""
    p = {name: tensor.double() for name, tensor in state.items()}
    side = round(p["pos_embed"].shape[1] ** 0.5)
    table = p["pos_embed"].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    if grid != (side, side):
        table = F.interpolate(table, size=grid, mode="bicubic", antialias=True)
    x = patches.double() + table.flatten(2)[0].T
    qkv = (p["denoiser.attn.qkv.weight"], p["denoiser.attn.qkv.bias"])
    proj = (p["denoiser.attn.proj.weight"], p["denoiser.attn.proj.bias"])
    x = x + attend(norm(x, p, "denoiser.norm1", 1e-6), *qkv, *proj, False)
    hidden = gelu(norm(x, p, "denoiser.norm2", 1e-6) @ p["denoiser.mlp.fc1.weight"].T + p["denoiser.mlp.fc1.bias"])
    return x + hidden @ p["denoiser.mlp.fc2.weight"].T + p["denoiser.mlp.fc2.bias"]


def ensemble(vectors: Sequence[Any]) -> Tensor:
    """The mean of vectors of length 1, of length 1."""
    mean: Tensor = torch.stack([v / v.norm() for v in vectors]).mean(dim=0)
    return mean.div(mean.norm())
