"""Words on the command line, with small encoders on disk: what is read, what is written, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import torch

from dinoscope.encoders import create_encoder
from dinoscope.encoders._random import random_state
from dinoscope.encoders._vit import Architecture
from dinoscope.prompts import PointPrompt, write_prompts
from dinoscope.reference import Reference
from dinoscope.text import TEXT_CATALOGUE, create_text_encoder
from tests.commands import refuse, run
from tests.text.files import WIDTH, denoiser, dinotxt_text, simzss_text, vision_head, write_openai

if TYPE_CHECKING:
    from pathlib import Path

SIZES = Architecture(width=WIDTH, depth=1, heads=2, hidden=256, swiglu=False, registers=4, patch=14, grid=16)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image, and small files of dino.txt and SimZSS in their published layouts."""
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 60, (224, 224), dtype=np.uint8)
    pixels[28:56, 28:56] += 180
    tifffile.imwrite("image.tif", pixels)
    torch.save(random_state(SIZES), "dinov2_vitl14_reg4_pretrain.pth")
    torch.save(vision_head(), "vision_head.pth")
    for name in ("dinotxt", "simzss"):
        (tmp_path / name).mkdir()
        write_openai(tmp_path / name)
    torch.save(dinotxt_text(), "dinotxt/text_encoder.pth")
    return tmp_path


ENCODER = ("--encoder", "dinov2_vitl14_reg4_pretrain.pth+vision_head.pth", "--text-encoder", "dinotxt")


def test_a_word_is_segmented_and_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--text", "mitochondrion, vesicle=round vesicle", "--text-against", "cytoplasm")
    found = run(
        capsys, "segment", "image.tif", "-o", "mask.tif", *words, *ENCODER, "--save-reference", "words.safetensors"
    )
    assert found["classes"] == ["mitochondrion", "vesicle"]
    reference = Reference.load("words.safetensors")
    wanted = create_text_encoder("dinotxt", "cpu").embed(["mitochondrion", "round vesicle", "cytoplasm", "cytoplasm"])
    np.testing.assert_allclose(reference.vectors, wanted, atol=1e-6)
    assert reference.positive.tolist() == [True, True, False, False]
    assert reference.class_index.tolist() == [0, 1, 0, 1]
    record = json.loads((folder / found["record"]).read_text())
    assert [example["text"] for example in record["examples"]][:2] == ["mitochondrion", "round vesicle"]
    assert record["settings"]["reference"]["text_encoder"] == "dinotxt"
    again = run(capsys, "segment", "image.tif", "-o", "again.tif", "--reference", "words.safetensors", *ENCODER[:2])
    assert again["thresholds"] == found["thresholds"]
    np.testing.assert_array_equal(tifffile.imread("again.tif"), tifffile.imread("mask.tif"))


def test_the_map_is_the_cosine_of_both_towers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dinoscope.geometry import Region
    from dinoscope.image import open_image

    words = ("--text", "mitochondrion", "--smoothing", "0", "--halo", "0", "--similarity", "map.zarr")
    run(capsys, "segment", "image.tif", "-o", "mask.tif", *words, *ENCODER)
    pixels = tifffile.imread("image.tif").astype(np.float32)
    low, high = np.percentile(pixels, [1, 99])
    grey = np.clip((pixels - low) / (high - low), 0, 1)[None].astype(np.float32)
    features = create_encoder(ENCODER[1], "cpu").encode(grey)[0]
    (vector,) = create_text_encoder("dinotxt", "cpu").embed(["mitochondrion"])
    cosines = features @ vector / np.linalg.norm(features, axis=-1)
    found = open_image("map.zarr")
    values = np.asarray(found.read(Region((0,) * len(found.shape), found.shape))).reshape(cosines.shape)
    np.testing.assert_allclose(values, (1 + cosines) / 2, atol=0.01)


def test_words_and_clicks_add_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_prompts([PointPrompt((0, 42, 42), "mitochondrion")], folder / "clicks.csv")
    words = ("--text", "mitochondrion", "--text-weight", "2", "--prompts", "clicks.csv")
    run(capsys, "detect", "image.tif", "-o", "points.csv", *words, *ENCODER, "--save-reference", "both.safetensors")
    reference = Reference.load("both.safetensors")
    assert reference.is_text.tolist() == [False, True]
    assert np.linalg.norm(reference.vectors[1]) == pytest.approx(2.0)


def test_it_is_told_how_words_are_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dinoscope.cli import DONE, main

    assert main(["segment", "image.tif", "-o", "mask.tif", "--text", "vesicle", *ENCODER]) == DONE
    said = capsys.readouterr().err
    assert "compared by their plain cosine and not by the method knn" in said
    assert "trained on photographs" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--text", "vesicle"), "no text encoder to read it: name one as text_encoder (--text-encoder)"),
        (("--text", " , ", *ENCODER), "name nothing"),
        (("--text", "vesicle", *ENCODER[:2], "--text-encoder", "absent"), "no text encoder 'absent'"),
        (("--text", "vesicle", *ENCODER[:2], "--text-encoder", "talk2dino-base"), "vitb_mlp_infonce.pth"),
        (("--text", "vesicle", "--encoder", "nano", "--text-encoder", "dinotxt"), "use the encoder dinov2-large-reg+"),
        (("--text", "vesicle", "--text-weight", "0", *ENCODER), "a positive weight"),
        ((), "in words with --text"),
    ],
)
def test_what_cannot_be_read_gets_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refuse(capsys, "segment", "image.tif", "-o", "mask.tif", *words)
    assert not (folder / "mask.tif").exists()


def test_a_pickle_of_simzss_is_converted_and_serves(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = {f"module.text.{name}": tensor for name, tensor in simzss_text().items()}
    state |= {f"module.visual.{name}": tensor for name, tensor in denoiser(grid=16).items()}
    torch.save({"state_dict": state, "rng": np.random.default_rng(0)}, "coco.pt")
    out = "simzss/simzss.safetensors"
    assert "run any code" in refuse(capsys, "convert-text", "coco.pt", out)
    counts = run(capsys, "convert-text", "coco.pt", out, "--trust")
    assert counts == {"written": out, "text_tensors": len(simzss_text()), "denoiser_tensors": len(denoiser())}
    assert "already" in refuse(capsys, "convert-text", "coco.pt", out, "--trust")
    backbone = "dinov2_vitb14_reg4_pretrain.pth"
    torch.save(random_state(SIZES), backbone)
    for encoder in (backbone, f"{backbone}+{out}"):  # without the denoiser, and with it
        words = ("--text", "vesicle", "--text-encoder", "simzss", "--encoder", encoder)
        assert run(capsys, "segment", "image.tif", "-o", "mask.tif", "--force", *words)["classes"] == ["vesicle"]


def test_the_catalogue_tells_what_to_bring(capsys: pytest.CaptureFixture[str]) -> None:
    found = {entry["name"]: entry for entry in run(capsys, "encoders")["text_encoders"]}
    assert set(found) == {"dinotxt", "talk2dino-base", "talk2dino-large", "simzss"}
    assert found["dinotxt"]["encoder"] == "dinov2-large-reg+dinotxt"
    assert any("text_encoder.pth" in file for file in found["dinotxt"]["files"])
    assert found["dinotxt"]["weight_bytes"] == 4 * found["dinotxt"]["parameters"]


def tower(width: int, depth: int, channels: int, qkv_bias: bool) -> int:
    """Parameters of a text tower of 49408 tokens that reads 77, counted from its description."""
    attention = 3 * width * width + 3 * width * qkv_bias + width * width + width
    feed_forward = 2 * 4 * width * width + 4 * width + width
    block = attention + feed_forward + 2 * 2 * width
    return (49408 + 77) * width + depth * block + 2 * width + width * channels


def test_parameters_are_those_of_the_published_sizes() -> None:
    parameters = {name: entry.parameters for name, entry in TEXT_CATALOGUE.items()}
    clip = tower(512, 12, 512, True)
    assert parameters["dinotxt"] == tower(1280, 24, 2048, False)
    assert parameters["simzss"] == tower(512, 12, 768, True)
    assert parameters["talk2dino-base"] == clip + 512 * 768 + 768 + 768 * 768 + 768


def test_listing_loads_no_torch() -> None:
    code = "import sys, dinoscope.text as t; list(t.TEXT_CATALOGUE); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
