"""Text encoders from files in the published layouts, against forward passes written in the tests."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPModel

from dinoscope.errors import CheckpointError, EncoderNotFoundError, SettingsError
from dinoscope.text import TEMPLATES, convert_text, create_text_encoder, read_vocabulary
from tests.text.files import (
    CONTEXT,
    VOCABULARY,
    WIDTH,
    denoiser,
    dinotxt_text,
    ensemble,
    randoms,
    read_dinotxt,
    read_simzss,
    simzss_text,
    small_vocabulary,
    write_hub,
    write_openai,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

TEXTS = ["mitochondrion", "a photo of a vesicle", "細胞"]
NAME = "dinov2_vitl14_reg4_dinotxt_tet1280d20h24l"


def expected(folder: Path, read: Callable[[list[int]], Tensor]) -> np.ndarray[Any, Any]:
    """The mean over the templates, from a forward pass for one sentence."""
    tokenizer = read_vocabulary(folder)
    rows = [[read(tokenizer.encode(template.format(text))) for template in TEMPLATES] for text in TEXTS]
    return torch.stack([ensemble(vectors) for vectors in rows]).numpy()


@pytest.fixture
def dinotxt(tmp_path: Path) -> Path:
    """A folder as one that holds Meta's files; what is not text lies there, too."""
    torch.save(dinotxt_text(), tmp_path / f"{NAME}_text_encoder.pth")
    torch.save({"x": torch.zeros(1)}, tmp_path / f"{NAME}_vision_head.pth")
    torch.save({"x": torch.zeros(1)}, tmp_path / "dinov2_vitl14_reg4_pretrain.pth")
    write_openai(tmp_path)
    return tmp_path


def simzss_checkpoint(**more: Any) -> dict[str, Any]:
    """A checkpoint of SimZSS: text, vision and what training kept."""
    state: dict[str, Any] = {f"module.text.{name}": tensor for name, tensor in simzss_text().items()}
    state |= {f"module.visual.{name}": tensor for name, tensor in denoiser().items()}
    state |= {"module.visual.vit.model.cls_token": torch.zeros(1, 1, WIDTH), "module.logit_scale": torch.tensor(2.0)}
    return {**state, "module.classification_weights_ema": torch.zeros(575, WIDTH), **more}


def test_dinotxt_gives_the_patch_half_of_its_vectors(dinotxt: Path) -> None:
    encoder = create_text_encoder(dinotxt, "cpu")
    state = dinotxt_text()
    wanted = expected(dinotxt, lambda tokens: read_dinotxt(state, tokens)[WIDTH:])
    np.testing.assert_allclose(encoder.embed(TEXTS), wanted, atol=2e-6)
    assert encoder.spec.space == "dinov2-large-reg+dinotxt"
    assert encoder.spec.channels == WIDTH


def test_the_file_itself_may_be_named(dinotxt: Path) -> None:
    by_file = create_text_encoder(dinotxt / f"{NAME}_text_encoder.pth", "cpu")
    by_folder = create_text_encoder(str(dinotxt), "cpu")
    assert by_file.spec == by_folder.spec
    np.testing.assert_array_equal(by_file.embed(TEXTS), by_folder.embed(TEXTS))


@pytest.mark.parametrize("prefix", ["module.text.", "text.", ""])
def test_simzss_is_read_wherever_its_text_stands(tmp_path: Path, prefix: str) -> None:
    save_file({f"{prefix}{n}": t for n, t in simzss_text().items()}, tmp_path / "simzss.safetensors")
    write_openai(tmp_path)
    encoder = create_text_encoder(tmp_path, "cpu")
    state = simzss_text()
    wanted = expected(tmp_path, lambda tokens: read_simzss(state, tokens))
    np.testing.assert_allclose(encoder.embed(TEXTS), wanted, atol=2e-6)
    assert (encoder.spec.name, encoder.spec.space) == ("SimZSS", "dinov2-base-reg")


def test_a_pickle_is_read_when_it_is_trusted_only(tmp_path: Path) -> None:
    source, target = tmp_path / "coco.pt", tmp_path / "simzss.safetensors"
    # A namespace, as training scripts keep their flags, is an object that a safe reader refuses.
    torch.save({"epoch": 9, "args": argparse.Namespace(lr=1), "state_dict": simzss_checkpoint()}, source)
    write_openai(tmp_path)
    with pytest.raises(CheckpointError, match=r"never loaded as they could run code.*convert-text coco\.pt OUT"):
        create_text_encoder(tmp_path, "cpu")
    with pytest.raises(SettingsError, match="run any code on this machine"):
        convert_text(source, target, trust=False)
    assert not target.exists()
    counts = convert_text(source, target, trust=True)
    assert counts == {"text": len(simzss_text()), "denoiser": len(denoiser())}
    for name, tensor in load_file(target).items():
        part, own = (simzss_text(), "text.") if name.startswith("text.") else (denoiser(), "visual.")
        assert torch.equal(tensor, part[name.removeprefix(own)])
    source.unlink()
    wanted = expected(tmp_path, lambda tokens: read_simzss(simzss_text(), tokens))
    np.testing.assert_allclose(create_text_encoder(tmp_path, "cpu").embed(TEXTS), wanted, atol=2e-6)


def test_what_cannot_be_converted_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="none of its 1 tensors is of a text tower"):
        convert_text(tmp_path / "a.pt", tmp_path / "a.safetensors", trust=True)
    with pytest.raises(SettingsError, match=r"a\.pth: tensors are written as \.safetensors"):
        convert_text(tmp_path / "a.pt", tmp_path / "a.pth", trust=True)
    (tmp_path / "b.pt").write_bytes(b"junk")
    with pytest.raises(CheckpointError, match=r"b\.pt cannot be read"):
        convert_text(tmp_path / "b.pt", tmp_path / "b.safetensors", trust=True)


def clip_folder(folder: Path) -> Any:
    """CLIP as on the hub, small and untrained."""
    text = {
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": CONTEXT,
        "projection_dim": 48,
        "bos_token_id": VOCABULARY - 2,
        "eos_token_id": VOCABULARY - 1,
    }
    vision = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 1}
    torch.manual_seed(0)
    model: Any = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=48))
    model.train(False)
    for parameter in model.text_model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    write_hub(folder)
    return model


def projector(second: str = "hidden_layers.0", prefix: str = "") -> dict[str, Tensor]:
    shapes = {"linear_layer.weight": (80, 48), "linear_layer.bias": (80,)}
    shapes |= {f"{second}.weight": (96, 80), f"{second}.bias": (96,)}
    return {prefix + name: tensor for name, tensor in randoms(shapes, seed=5).items()}


@pytest.mark.parametrize(
    ("second", "prefix"), [("hidden_layers.0", ""), ("linear_layer2", ""), ("hidden_layers.0", "proj.")]
)
def test_talk2dino_projects_the_mean_of_clip(tmp_path: Path, second: str, prefix: str) -> None:
    clip = clip_folder(tmp_path)
    torch.save(projector(second, prefix), tmp_path / "vitb_mlp_infonce.pth")
    encoder = create_text_encoder(tmp_path, "cpu")
    tokenizer, p = read_vocabulary(tmp_path), {n: t.double() for n, t in projector().items()}
    for text, found in zip(TEXTS, encoder.embed(TEXTS), strict=True):
        vectors = []
        for template in TEMPLATES:
            tokens = torch.tensor([tokenizer.encode(template.format(text))])
            with torch.no_grad():
                states = clip.text_model(input_ids=tokens).last_hidden_state[0, -1]
            vectors.append(states.double() @ clip.text_projection.weight.double().T)
        mean = torch.stack(vectors).mean(dim=0)
        hidden = torch.tanh(mean @ p["linear_layer.weight"].T + p["linear_layer.bias"])
        wanted = hidden @ p["hidden_layers.0.weight"].T + p["hidden_layers.0.bias"]
        np.testing.assert_allclose(found, (wanted / wanted.norm()).detach().numpy(), atol=2e-6)
    assert (encoder.spec.name, encoder.spec.channels) == ("Talk2DINO", 96)


def test_clip_of_another_size_is_refused(tmp_path: Path) -> None:
    clip_folder(tmp_path)
    state = projector() | randoms({"linear_layer.weight": (80, 40)})
    torch.save(state, tmp_path / "projector.pth")
    with pytest.raises(CheckpointError, match="takes vectors of 40 channels, this CLIP gives 48"):
        create_text_encoder(tmp_path, "cpu")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(CheckpointError, match="model_type 'bert': expected clip"):
        create_text_encoder(tmp_path, "cpu")


@pytest.mark.parametrize("lost", ["backbone.blocks.1.ffn_norm.bias", "backbone.blocks.0.attention.qkv.weight"])
def test_a_missing_tensor_is_named(dinotxt: Path, lost: str) -> None:
    state = dinotxt_text()
    del state[lost]
    torch.save(state, dinotxt / f"{NAME}_text_encoder.pth")
    with pytest.raises(CheckpointError, match=rf"1 tensors are missing \({lost.removeprefix('backbone.')}\)"):
        create_text_encoder(dinotxt, "cpu")


def test_an_unknown_tensor_is_named(dinotxt: Path) -> None:
    torch.save(
        dinotxt_text() | {"backbone.blocks.0.ls1.gamma": torch.ones(WIDTH)}, dinotxt / f"{NAME}_text_encoder.pth"
    )
    with pytest.raises(CheckpointError, match=r"1 are unknown \(blocks\.0\.ls1\.gamma\)"):
        create_text_encoder(dinotxt, "cpu")


def test_a_vocabulary_of_another_size_is_refused(dinotxt: Path) -> None:
    (dinotxt / "bpe_simple_vocab_16e6.txt.gz").unlink()
    write_hub(dinotxt, small_vocabulary() | {"more": VOCABULARY})
    with pytest.raises(CheckpointError, match="do not belong together"):
        create_text_encoder(dinotxt, "cpu")


def test_two_towers_in_a_folder_leave_a_choice(dinotxt: Path) -> None:
    torch.save(dinotxt_text(), dinotxt / "another.pth")
    with pytest.raises(CheckpointError, match=rf"found another\.pth, {NAME}_text_encoder\.pth"):
        create_text_encoder(dinotxt, "cpu")


def test_names_that_cannot_be_fetched_say_what_to_bring() -> None:
    with pytest.raises(EncoderNotFoundError, match=r"SimZSS: put .*convert-text.* into one folder"):
        create_text_encoder("simzss")
    with pytest.raises(EncoderNotFoundError, match="no text encoder 'clap': expected dinotxt, talk2dino-base"):
        create_text_encoder("clap")


def test_no_text_gives_no_vector(dinotxt: Path) -> None:
    assert create_text_encoder(dinotxt, "cpu").embed([]).shape == (0, WIDTH)
