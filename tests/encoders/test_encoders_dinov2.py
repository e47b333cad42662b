"""DINOv2's numbers, against a forward pass written here from Meta's rules and against transformers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

from dinoscope.encoders import create_encoder, random_dinov2
from dinoscope.encoders._random import random_state
from dinoscope.encoders._vit import Architecture, interpolate_positions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder

WIDTH, HEADS, DEPTH, GRID = 128, 2, 2, 37
SIZES = [(518, 518), (224, 224), (266, 322)]
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

State = dict[str, Tensor]


def meta_state(registers: int, swiglu: bool, depth: int = DEPTH) -> State:
    """Random tensors with the names and shapes of Meta's files; none has a value that could hide its absence."""
    hidden = 344 if swiglu else 4 * WIDTH  # 2 / 3 of four times the width, rounded up to a multiple of 8
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, WIDTH),
        "mask_token": (1, WIDTH),
        "pos_embed": (1, 1 + GRID * GRID, WIDTH),
        "patch_embed.proj.weight": (WIDTH, 3, 14, 14),
        "patch_embed.proj.bias": (WIDTH,),
        "norm.weight": (WIDTH,),
        "norm.bias": (WIDTH,),
    }
    if registers:
        shapes["register_tokens"] = (1, registers, WIDTH)
    linear = {"attn.qkv": (3 * WIDTH, WIDTH), "attn.proj": (WIDTH, WIDTH)}
    linear |= (
        {"mlp.w12": (2 * hidden, WIDTH), "mlp.w3": (WIDTH, hidden)}
        if swiglu
        else {"mlp.fc1": (hidden, WIDTH), "mlp.fc2": (WIDTH, hidden)}
    )
    for i in range(depth):
        for name, (out, into) in linear.items():
            shapes |= {f"blocks.{i}.{name}.weight": (out, into), f"blocks.{i}.{name}.bias": (out,)}
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"):
            shapes[f"blocks.{i}.{name}"] = (WIDTH,)
    generator = torch.Generator().manual_seed(registers + swiglu)
    return {
        name: torch.randn(shape, generator=generator) * (0.08 if len(shape) == 2 or "proj" in name else 0.5)
        for name, shape in shapes.items()
    }


def reference_features(state: State, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Meta's forward pass in float64 with plain matrix products, (N, H, W, 3) to (N, H / 14, W / 14, C)."""
    p = {name: tensor.double() for name, tensor in state.items()}
    mean, std = (torch.tensor(values, dtype=torch.float64) for values in IMAGENET)
    x = (torch.from_numpy(pixels).double() - mean) / std  # N H W 3
    n, height, width, _ = x.shape
    rows, columns = height // 14, width // 14
    cut = x.reshape(n, rows, 14, columns, 14, 3).permute(0, 1, 3, 5, 2, 4).reshape(n, rows * columns, 3 * 14 * 14)
    patches = cut @ p["patch_embed.proj.weight"].reshape(WIDTH, -1).T + p["patch_embed.proj.bias"]
    table = p["pos_embed"][:, 1:].reshape(1, GRID, GRID, WIDTH).permute(0, 3, 1, 2)
    if (rows, columns) != (GRID, GRID):
        if "register_tokens" in p:
            table = F.interpolate(table, size=(rows, columns), mode="bicubic", antialias=True)
        else:
            factor = ((rows + 0.1) / GRID, (columns + 0.1) / GRID)
            table = F.interpolate(table, scale_factor=factor, mode="bicubic", antialias=False)
    tokens = [(p["cls_token"] + p["pos_embed"][:, :1]).expand(n, -1, -1)]
    if "register_tokens" in p:
        tokens.append(p["register_tokens"].expand(n, -1, -1))
    skipped = sum(t.shape[1] for t in tokens)
    x = torch.cat([*tokens, patches + table.reshape(1, WIDTH, -1).transpose(1, 2)], dim=1)
    depth = sum(name.endswith("ls1.gamma") for name in p)
    for i in range(depth):
        block = {
            name.removeprefix(f"blocks.{i}."): value for name, value in p.items() if name.startswith(f"blocks.{i}.")
        }
        x = x + block["ls1.gamma"] * reference_attention(block, reference_norm(block, "norm1", x))
        x = x + block["ls2.gamma"] * reference_feed_forward(block, reference_norm(block, "norm2", x))
    features: NDArray[np.float64] = reference_norm(p, "norm", x)[:, skipped:].reshape(n, rows, columns, WIDTH).numpy()
    return features


def reference_norm(p: State, name: str, x: Tensor) -> Tensor:
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = (centred**2).mean(dim=-1, keepdim=True)
    return centred / torch.sqrt(variance + 1e-6) * p[f"{name}.weight"] + p[f"{name}.bias"]


def reference_attention(p: State, x: Tensor) -> Tensor:
    qkv = x @ p["attn.qkv.weight"].T + p["attn.qkv.bias"]
    mixed = []
    for head in range(HEADS):
        query, key, value = (qkv[..., i * WIDTH + head * 64 : i * WIDTH + (head + 1) * 64] for i in range(3))
        mixed.append(torch.softmax(query @ key.transpose(1, 2) / sqrt(64), dim=-1) @ value)
    return torch.cat(mixed, dim=-1) @ p["attn.proj.weight"].T + p["attn.proj.bias"]


def reference_feed_forward(p: State, x: Tensor) -> Tensor:
    if "mlp.w12.weight" in p:
        both = x @ p["mlp.w12.weight"].T + p["mlp.w12.bias"]
        gate, content = both[..., : both.shape[-1] // 2], both[..., both.shape[-1] // 2 :]
        return (gate * torch.sigmoid(gate) * content) @ p["mlp.w3.weight"].T + p["mlp.w3.bias"]
    inner = x @ p["mlp.fc1.weight"].T + p["mlp.fc1.bias"]
    inner = inner * 0.5 * (1 + torch.erf(inner / sqrt(2)))
    return inner @ p["mlp.fc2.weight"].T + p["mlp.fc2.bias"]


def published_layout(state: State) -> State:
    """Meta's tensors under the names of the files that Hugging Face publishes."""
    names = {
        "cls_token": "embeddings.cls_token",
        "mask_token": "embeddings.mask_token",
        "register_tokens": "embeddings.register_tokens",
        "pos_embed": "embeddings.position_embeddings",
        "patch_embed.proj.weight": "embeddings.patch_embeddings.projection.weight",
        "patch_embed.proj.bias": "embeddings.patch_embeddings.projection.bias",
        "norm.weight": "layernorm.weight",
        "norm.bias": "layernorm.bias",
    }
    parts = {
        "attn.proj": "attention.output.dense",
        "ls1.gamma": "layer_scale1.lambda1",
        "ls2.gamma": "layer_scale2.lambda1",
        "mlp.w12": "mlp.weights_in",
        "mlp.w3": "mlp.weights_out",
    }
    published = {}
    for name, tensor in state.items():
        if name in names:
            published[names[name]] = tensor
            continue
        _, index, part = name.split(".", 2)
        layer = f"encoder.layer.{index}."
        if part.startswith("attn.qkv."):
            for kind, third in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                published[f"{layer}attention.attention.{kind}.{part.removeprefix('attn.qkv.')}"] = third.contiguous()
            continue
        for metas, theirs in parts.items():
            part = part.replace(metas, theirs)
        published[layer + part] = tensor
    return published


@dataclass(frozen=True, slots=True)
class Case:
    """The same random weights as a Meta file, as a Hugging Face folder and in transformers' own model."""

    state: State
    meta: Encoder
    hugging: Encoder
    transformers: Dinov2Model | Dinov2WithRegistersModel
    registers: int


@pytest.fixture(
    scope="module",
    params=[(0, False), (0, True), (4, False), (4, True)],
    ids=["mlp", "swiglu", "mlp-reg", "swiglu-reg"],
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    registers, swiglu = request.param
    state = meta_state(registers, swiglu)
    folder = tmp_path_factory.mktemp("weights")
    torch.save(state, folder / "meta.pth")
    common: dict[str, Any] = {
        "hidden_size": WIDTH,
        "num_hidden_layers": DEPTH,
        "num_attention_heads": HEADS,
        "image_size": 518,
        "patch_size": 14,
    }
    config = (
        Dinov2WithRegistersConfig(num_register_tokens=registers, use_swiglu_ffn=swiglu, **common)
        if registers
        else Dinov2Config(use_swiglu_ffn=swiglu, **common)
    )
    config.save_pretrained(folder)
    save_file(published_layout(state), folder / "model.safetensors", metadata={"format": "pt"})
    model_class = Dinov2WithRegistersModel if registers else Dinov2Model
    return Case(
        state=state,
        meta=create_encoder(folder / "meta.pth", "cpu"),
        hugging=create_encoder(folder, "cpu"),
        transformers=model_class.from_pretrained(folder),
        registers=registers,
    )


def picture(size: tuple[int, int], count: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((count, *size, 3), dtype=np.float32)


def transformers_features(case: Case, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    mean, std = (np.asarray(values, dtype=np.float32) for values in IMAGENET)
    batch = torch.from_numpy((pixels - mean) / std).permute(0, 3, 1, 2)
    with torch.inference_mode():
        tokens = case.transformers(batch).last_hidden_state[:, 1 + case.registers :]
    n, height, width, _ = pixels.shape
    features: NDArray[np.float32] = tokens.reshape(n, height // 14, width // 14, WIDTH).numpy()
    return features


@pytest.mark.parametrize("size", SIZES)
def test_meta_weights_give_metas_features_at_every_size(case: Case, size: tuple[int, int]) -> None:
    pixels = picture(size)
    features = case.meta.encode(pixels)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, reference_features(case.state, pixels), atol=2e-4)


@pytest.mark.parametrize("size", SIZES[1:])
def test_hugging_face_folder_and_meta_file_agree(case: Case, size: tuple[int, int]) -> None:
    pixels = picture(size)
    np.testing.assert_array_equal(case.hugging.encode(pixels), case.meta.encode(pixels))
    assert case.hugging.spec.fingerprint == case.meta.spec.fingerprint


def test_transformers_gives_the_same_on_the_trained_grid(case: Case) -> None:
    pixels = picture((518, 518))
    np.testing.assert_allclose(case.meta.encode(pixels), transformers_features(case, pixels), atol=2e-4)


def test_transformers_leaves_out_the_offset_of_models_without_registers(case: Case) -> None:
    pixels = picture((224, 224))
    difference = np.abs(case.meta.encode(pixels) - transformers_features(case, pixels)).max()
    if case.registers:
        assert difference < 2e-4
    else:
        assert difference > 1e-2


def test_small_tokens_are_normalised_with_metas_epsilon(tmp_path: Path) -> None:
    """With a variance near 1e-6 the epsilon of the norms decides the features."""
    state = meta_state(4, swiglu=False, depth=1)
    for name, tensor in state.items():
        if "embed" in name or "token" in name or "gamma" in name:
            tensor *= 1e-3
    torch.save(state, tmp_path / "small.pth")
    pixels = picture((56, 56))
    features = create_encoder(tmp_path / "small.pth", "cpu").encode(pixels)
    np.testing.assert_allclose(features, reference_features(state, pixels), atol=1e-3)


def test_grey_is_rgb_of_equal_channels(case: Case) -> None:
    grey = picture((56, 84))[..., 0]
    np.testing.assert_array_equal(case.meta.encode(grey), case.meta.encode(np.stack([grey] * 3, axis=-1)))


def test_a_batch_equals_its_pictures_one_by_one(case: Case) -> None:
    pixels = picture((70, 98), count=3)
    single = np.concatenate([case.meta.encode(pixels[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(case.meta.encode(pixels), single, atol=1e-5)


def test_spec_tells_what_the_weights_say(case: Case) -> None:
    spec = case.meta.spec
    assert (spec.name, spec.stride, spec.channels, spec.tile, spec.licence) == ("meta", 14, WIDTH, 518, "unknown")
    assert spec.halo % spec.stride == 0
    assert (spec.mean, spec.std) == IMAGENET
    json.dumps(spec.to_dict())


def test_pixels_may_be_read_only_or_mirrored(case: Case) -> None:
    pixels = picture((56, 56))
    expected = case.meta.encode(np.ascontiguousarray(pixels[:, ::-1]))
    pixels.flags.writeable = False
    np.testing.assert_array_equal(case.meta.encode(pixels[:, ::-1]), expected)


@given(
    rows=st.integers(1, 160), columns=st.integers(1, 160), grid=st.sampled_from([16, 37]), has_registers=st.booleans()
)
def test_positions_fit_every_grid(rows: int, columns: int, grid: int, has_registers: bool) -> None:
    table = torch.ones(1, 1 + grid * grid, 2)
    positions = interpolate_positions(table, (rows, columns), has_registers)
    assert positions.shape == (1, 1 + rows * columns, 2)
    torch.testing.assert_close(positions, torch.ones_like(positions))  # a bicubic kernel sums to 1


def test_trained_grid_is_not_interpolated() -> None:
    table = torch.randn(1, 1370, 8)
    assert torch.equal(interpolate_positions(table, (37, 37), has_registers=False), table)


def test_a_grid_of_as_many_patches_in_another_shape_is_interpolated() -> None:
    table = torch.randn(1, 1 + 36, 2)
    assert not torch.equal(interpolate_positions(table, (4, 9), has_registers=True), table)


@pytest.fixture(scope="module")
def untrained() -> Encoder:
    return random_dinov2("small", registers=True, seed=0)


def test_random_dinov2_has_the_full_size(untrained: Encoder) -> None:
    assert untrained.encode(picture((112, 112))).shape == (1, 8, 8, 384)
    assert untrained.spec.name == "random-dinov2-small-reg"


def test_random_blocks_are_no_identity(untrained: Encoder) -> None:
    """Pixels far away change a feature, which needs attention that counts."""
    pixels = picture((56, 56))
    changed = pixels.copy()
    changed[:, :14, :14] = 0
    difference = np.abs(untrained.encode(pixels) - untrained.encode(changed))[0, -1, -1]
    assert difference.max() > 1e-3


def test_the_seed_chooses_random_weights() -> None:
    sizes = Architecture(64, depth=1, heads=1, hidden=256, swiglu=False, registers=4, patch=14, grid=4)
    first, again, other = (random_state(sizes, seed) for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["pos_embed"], other["pos_embed"])
