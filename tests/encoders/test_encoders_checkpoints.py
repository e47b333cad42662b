"""Layouts of weight files, and files that must be refused."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from dinoscope.encoders import create_encoder
from dinoscope.encoders._random import random_state
from dinoscope.encoders._vit import Architecture
from dinoscope.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder

State = dict[str, Tensor]

SIZES = Architecture(width=128, depth=3, heads=2, hidden=512, swiglu=False, registers=4, patch=14, grid=37)
PIXELS: NDArray[np.float32] = np.random.default_rng(0).random((1, 56, 70), dtype=np.float32)


@pytest.fixture(scope="module")
def state() -> State:
    return random_state(SIZES)


@pytest.fixture(scope="module")
def plain(state: State, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    path = tmp_path_factory.mktemp("plain") / "dinov2.pth"
    torch.save(state, path)
    return create_encoder(path, "cpu")


def in_memory_layout(state: State) -> State:
    """The names of the modules of transformers 5, which are not those of its files."""
    spelled: State = {}
    for name, tensor in state.items():
        name = name.replace("blocks.", "encoder.layer.").replace("pos_embed", "embeddings.position_embeddings")
        name = name.replace("patch_embed.proj.", "embeddings.patch_embeddings.projection.")
        name = name.replace(".attn.proj.", ".attention.o_proj.").replace(".ls1.gamma", ".layer_scale1.lambda1")
        name = name.replace(".ls2.gamma", ".layer_scale2.lambda1")
        if name in {"cls_token", "register_tokens", "mask_token"}:
            name = f"embeddings.{name}"
        if name.startswith("norm."):
            name = name.replace("norm.", "layernorm.")
        parts = {"attn.qkv.": ("q_proj", "k_proj", "v_proj"), "mlp.w12.": ("gate_proj", "up_proj")}
        for joined, names in parts.items():
            if joined in name:
                head, tail = name.split(joined)
                folder = "attention" if "attn" in joined else "mlp"
                chunks = zip(names, tensor.chunk(len(names)), strict=True)
                spelled |= {f"{head}{folder}.{part}.{tail}": chunk.contiguous() for part, chunk in chunks}
                break
        else:
            spelled[name.replace("mlp.w3.", "mlp.down_proj.")] = tensor
    return spelled


LAYOUTS: dict[str, Callable[[State], Any]] = {
    "mask token": lambda s: {**s, "mask_token": torch.zeros(1, 128)},
    "data parallel": lambda s: {f"module.{k}": v for k, v in s.items()},
    "wrapped": lambda s: {"model": s, "epoch": 3},
    "teacher": lambda s: {
        "teacher": {f"backbone.{k}": v for k, v in s.items()} | {"dino_head.mlp.0.weight": torch.zeros(2, 2)}
    },
    "chunked blocks": lambda s: {k.replace("blocks.", "blocks.0."): v for k, v in s.items()},
    "transformers 5": in_memory_layout,
    "double precision": lambda s: {k: v.double() for k, v in s.items()},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_known_layouts_are_the_same_encoder(layout: str, state: State, plain: Encoder, tmp_path: Path) -> None:
    torch.save(LAYOUTS[layout](state), tmp_path / "other.pth")
    other = create_encoder(tmp_path / "other.pth", "cpu")
    assert other.spec.fingerprint == plain.spec.fingerprint
    np.testing.assert_array_equal(other.encode(PIXELS), plain.encode(PIXELS))


@pytest.mark.parametrize("spell", [dict, in_memory_layout])
def test_safetensors_of_both_layouts(
    spell: Callable[[State], State], state: State, plain: Encoder, tmp_path: Path
) -> None:
    save_file(spell(state), tmp_path / "weights.safetensors")
    other = create_encoder(str(tmp_path / "weights.safetensors"), "cpu")
    assert other.spec.fingerprint == plain.spec.fingerprint
    assert other.spec.name == "weights"


def test_split_swiglu_is_joined(tmp_path: Path) -> None:
    weights = random_state(Architecture(64, depth=1, heads=1, hidden=72, swiglu=True, registers=0, patch=14, grid=4))
    torch.save(weights, tmp_path / "meta.pth")
    save_file(in_memory_layout(weights), tmp_path / "split.safetensors")
    meta, split = (create_encoder(tmp_path / name, "cpu") for name in ("meta.pth", "split.safetensors"))
    assert meta.spec.fingerprint == split.spec.fingerprint
    assert meta.spec.tile == 4 * 14


def test_em_dino_has_its_own_normalisation(state: State, plain: Encoder, tmp_path: Path) -> None:
    torch.save({f"vit.{name}": tensor for name, tensor in state.items()}, tmp_path / "backbone_emdino_v1.pt")
    em_dino = create_encoder(tmp_path / "backbone_emdino_v1.pt", "cpu")
    assert em_dino.spec.mean == (0.595446,) * 3
    assert em_dino.spec.std == (0.211906,) * 3
    assert em_dino.spec.fingerprint != plain.spec.fingerprint
    # The same network sees the same picture once the other normalisation is undone, per colour channel.
    normalised = (np.stack([PIXELS] * 3, axis=-1) - 0.595446) / 0.211906
    undone = normalised * np.asarray(plain.spec.std) + np.asarray(plain.spec.mean)
    np.testing.assert_allclose(em_dino.encode(PIXELS), plain.encode(undone.astype(np.float32)), atol=1e-4)


def test_one_changed_value_changes_the_fingerprint(state: State, plain: Encoder, tmp_path: Path) -> None:
    bias = state["norm.bias"].clone()
    bias[0] += 1e-3
    torch.save({**state, "norm.bias": bias}, tmp_path / "other.pth")
    assert create_encoder(tmp_path / "other.pth", "cpu").spec.fingerprint != plain.spec.fingerprint


def test_folder_tells_heads_and_normalisation(state: State, plain: Encoder, tmp_path: Path) -> None:
    folder = tmp_path / "my.dinov2"
    folder.mkdir()
    save_file(in_memory_layout(state), folder / "model.safetensors")
    same = create_encoder(folder, "cpu")
    assert (same.spec.name, same.spec.fingerprint) == ("my.dinov2", plain.spec.fingerprint)
    config = {"model_type": "dinov2_with_registers", "num_attention_heads": 4}
    (folder / "config.json").write_text(json.dumps(config))
    assert not np.allclose(create_encoder(folder, "cpu").encode(PIXELS), plain.encode(PIXELS), atol=1e-4)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.25] * 3}))
    assert create_encoder(folder, "cpu").spec.mean == (0.5, 0.5, 0.5)


def test_folder_in_several_files(state: State, plain: Encoder, tmp_path: Path) -> None:
    names = sorted(state)
    for number, part in enumerate((names[:10], names[10:])):
        save_file({name: state[name] for name in part}, tmp_path / f"model-0000{number + 1}-of-00002.safetensors")
    assert create_encoder(tmp_path, "cpu").spec.fingerprint == plain.spec.fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("norm.bias"), r"1 tensors are missing \(norm.bias\) and 0 are unknown"),
        (lambda s: s.pop("blocks.1.ls1.gamma"), "blocks.1.ls1.gamma"),
        (lambda s: s.update(head=torch.zeros(1)), r"0 tensors are missing \(none\) and 1 are unknown \(head\)"),
        (lambda s: s.pop("cls_token"), "no class token among"),
        (lambda s: s.pop("pos_embed"), "pos_embed is missing"),
        (lambda s: s.update(pos_embed=torch.zeros(1, 1001, 128)), r"pos_embed has shape .*expected \(1, 962, 128\)"),
        (lambda s: s.update({"norm.bias": torch.zeros(128, dtype=torch.int8)}), "int8"),
        (lambda s: s.update({"patch_embed.proj.weight": torch.zeros(128, 1, 14, 14)}), r"expected \(128, 3, 14, 14\)"),
        (lambda s: s.update({"patch_embed.proj.weight": torch.zeros(100, 3, 14, 14)}), "100 channels"),
        (lambda s: s.update(epoch=3), "entry 'epoch' of the file is a int"),
    ],
)
def test_other_weights_are_refused(
    change: Callable[[dict[str, Any]], object], message: str, state: State, tmp_path: Path
) -> None:
    changed: dict[str, Any] = dict(state)
    change(changed)
    torch.save(changed, tmp_path / "odd.pth")
    with pytest.raises(CheckpointError, match=message) as caught:
        create_encoder(tmp_path / "odd.pth", "cpu")
    assert str(tmp_path / "odd.pth") in str(caught.value)


def test_a_list_is_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="holds a list: expected a state dict"):
        create_encoder(tmp_path / "list.pth", "cpu")


class Malicious:
    """Unpickling it writes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.target), "w"))


@pytest.mark.parametrize(
    "save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, protocol=2))]
)
def test_a_pickle_that_would_run_code_is_refused(save: Callable[[Any, Path], object], tmp_path: Path) -> None:
    target = tmp_path / "written"
    save({"cls_token": torch.zeros(1), "payload": Malicious(target)}, tmp_path / "evil.pth")
    with pytest.raises(CheckpointError, match="never loaded as they could run code"):
        create_encoder(tmp_path / "evil.pth", "cpu")
    assert not target.exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_refused(suffix: str, kept: float, state: State, tmp_path: Path) -> None:
    path = tmp_path / f"cut{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(state, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(CheckpointError, match="cut"):
        create_encoder(path, "cpu")


@pytest.mark.parametrize("content", [b"not a checkpoint", b"<html>404</html>", bytes(1000)])
def test_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "page.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"page\.pth is damaged"):
        create_encoder(tmp_path / "page.pth", "cpu")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no model\.safetensors"):
        create_encoder(tmp_path, "cpu")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", '{"model_type": "vit"}', "model_type 'vit'"),
        ("config.json", "{", "config.json is not readable JSON"),
        ("preprocessor_config.json", '{"image_mean": 0.5}', "expected one number per colour channel"),
    ],
)
def test_a_folder_of_another_model_is_refused(
    name: str, content: str, message: str, state: State, tmp_path: Path
) -> None:
    save_file(state, tmp_path / "model.safetensors")
    (tmp_path / name).write_text(content)
    with pytest.raises(CheckpointError, match=message):
        create_encoder(tmp_path, "cpu")
