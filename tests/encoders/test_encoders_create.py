"""Names, devices, the catalogue and the refusal of odd pixels; none of it may touch the network unasked."""

from __future__ import annotations

import socket
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

from dinoscope.encoders import CATALOGUE, create_encoder, list_encoders
from dinoscope.encoders._compact import read_compact_net
from dinoscope.encoders._devices import available_devices, pick_device
from dinoscope.encoders._random import random_state
from dinoscope.encoders._vit import Architecture
from dinoscope.errors import CheckpointError, EncoderInputError, EncoderNotFoundError, SettingsError

if TYPE_CHECKING:
    from dinoscope.encoders import CatalogueEntry, Encoder

SMALLEST = Architecture(width=64, depth=1, heads=1, hidden=256, swiglu=False, registers=0, patch=14, grid=37)
DINOV2_NAMES = [f"dinov2-{size}{reg}" for size in ("small", "base", "large", "giant") for reg in ("", "-reg")]


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache without anything in it, and no way to the network."""

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise socket.gaierror("no network in tests")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tmp_path


def put_into_cache(cache: Path, source: str) -> None:
    repository = cache / f"models--{source.replace('/', '--')}"
    snapshot = repository / "snapshots" / "0123456789"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123456789")
    save_file(random_state(SMALLEST), snapshot / "model.safetensors")


def test_importing_and_listing_load_no_torch() -> None:
    code = "import sys, dinoscope.encoders as e; e.list_encoders(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_catalogue_has_every_dinov2() -> None:
    assert set(CATALOGUE) == {"nano", *DINOV2_NAMES}
    assert CATALOGUE["dinov2-small"].source == "facebook/dinov2-small"
    assert CATALOGUE["dinov2-giant-reg"].source == "facebook/dinov2-with-registers-giant"


def formula(entry: CatalogueEntry) -> int:
    """Parameters of a DINOv2, counted from its description."""
    c = entry.channels
    hidden = {"mlp": 4 * c, "swiglu": 4096}[entry.ffn]
    attention = (c * 3 * c + 3 * c) + (c * c + c)
    wide = 2 * hidden if entry.ffn == "swiglu" else hidden
    feed_forward = (c * wide + wide) + (hidden * c + c)
    block = attention + feed_forward + 2 * 2 * c + 2 * c  # two norms and two layer scales
    tokens = (1 + 1 + entry.registers) * c + (1 + 37 * 37) * c  # class, mask, registers; positions
    patches = 3 * 14 * 14 * c + c
    return tokens + patches + entry.layers * block + 2 * c


@pytest.mark.parametrize("name", DINOV2_NAMES)
def test_catalogued_parameters_are_exact(name: str) -> None:
    entry = CATALOGUE[name]
    sizes: dict[str, Any] = {
        "hidden_size": entry.channels,
        "num_hidden_layers": entry.layers,
        "num_attention_heads": entry.heads,
        "use_swiglu_ffn": entry.ffn == "swiglu",
        "image_size": 518,
        "patch_size": 14,
    }
    with torch.device("meta"):
        model = (
            Dinov2WithRegistersModel(Dinov2WithRegistersConfig(num_register_tokens=entry.registers, **sizes))
            if entry.registers
            else Dinov2Model(Dinov2Config(**sizes))
        )
    assert entry.parameters == formula(entry) == sum(p.numel() for p in model.parameters())
    assert entry.weight_bytes == 4 * entry.parameters
    assert entry.memory_bytes > entry.weight_bytes
    assert entry.licence == "Apache-2.0"


def test_listing_asks_the_disk_only(empty_cache: Path) -> None:
    put_into_cache(empty_cache, "facebook/dinov2-with-registers-base")
    here = {listing.entry.name for listing in list_encoders() if listing.is_here}
    assert here - {"nano"} == {"dinov2-base-reg"}


def test_cached_weights_need_no_network(empty_cache: Path) -> None:
    put_into_cache(empty_cache, "facebook/dinov2-small")
    encoder = create_encoder("dinov2-small", "cpu")
    assert (encoder.spec.name, encoder.spec.licence) == ("dinov2-small", "Apache-2.0")


@pytest.mark.parametrize("offline", [True, False])
def test_without_network_the_files_to_bring_are_named(
    offline: bool, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    with pytest.raises(EncoderNotFoundError) as caught:
        create_encoder("dinov2-small-reg", "cpu")
    message = str(caught.value)
    assert "https://huggingface.co/facebook/dinov2-with-registers-small" in message
    assert "model.safetensors" in message
    assert "dinov2_vits14/dinov2_vits14_reg4_pretrain.pth" in message
    assert ("HF_HUB_OFFLINE is set" if offline else "no network in tests") in message
    assert list(empty_cache.iterdir()) == []


def test_offline_by_environment_is_quick(tmp_path: Path) -> None:
    code = (
        "from dinoscope.encoders import create_encoder\n"
        "from dinoscope.errors import EncoderNotFoundError\n"
        "try: create_encoder('dinov2-base')\n"
        "except EncoderNotFoundError as error: print(error)"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True, timeout=120
    )
    assert "HF_HUB_OFFLINE is set" in done.stdout
    assert "dinov2_vitb14/dinov2_vitb14_pretrain.pth" in done.stdout


def test_a_broken_download_names_the_files_to_bring(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError

    client_error: type[Exception] = HfHubHTTPError.__bases__[0]
    assert client_error not in (Exception, BaseException, OSError)

    def break_off(*_args: Any) -> None:
        raise client_error("connection reset")

    monkeypatch.setattr("dinoscope.encoders._hub._check_reachable", lambda _url: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", break_off)
    with pytest.raises(EncoderNotFoundError, match=r"connection reset.*model\.safetensors"):
        create_encoder("dinov2-giant", "cpu")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("dinov2-smal", "unknown encoder 'dinov2-smal': expected a name such as dinov2-small"),
        ("resnet", "expected a name such as nano, dinov2-small"),
        ("facebook/dinov2-with-registers-large", "did you mean the encoder 'dinov2-large-reg'"),
        ("weights.pth", "no file or folder 'weights.pth'"),
        ("no/such/folder", "no file or folder"),
    ],
)
def test_unknown_names(wrong: str, message: str, empty_cache: Path) -> None:
    with pytest.raises(EncoderNotFoundError, match=message):
        create_encoder(wrong, "cpu")


def test_a_path_is_never_taken_for_a_name(empty_cache: Path) -> None:
    with pytest.raises(EncoderNotFoundError, match=r"no file or folder 'dinov2-small'.*did you mean"):
        create_encoder(Path("dinov2-small"), "cpu")


def test_auto_takes_the_first_device(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pick_device("auto") == torch.device(available_devices()[0])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: False)
    assert available_devices() == ["cuda:0", "cuda:1", "cpu"]
    assert pick_device("auto") == pick_device("cuda") == torch.device("cuda:0")
    assert pick_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(SettingsError, match="device 'cuda:2' is not available here: choose auto, cuda:0, cuda:1, cpu"):
        pick_device("cuda:2")


@pytest.mark.parametrize("device", ["gpu", "", "cuda:99", "cpu:1"])
def test_a_missing_device_names_those_that_are_here(device: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"choose auto, .*cpu"):
        create_encoder(tmp_path, device)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    path = tmp_path_factory.mktemp("weights") / "smallest.pth"
    torch.save(random_state(SMALLEST), path)
    return create_encoder(path, "cpu")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((28, 28), r"expected \(N, H, W\) for grey or \(N, H, W, 3\)"),
        ((1, 28, 28, 4), r"shape \(1, 28, 28, 4\)"),
        ((1, 3, 28, 28), r"expected \(N, H, W\)"),
        ((1, 28, 30), "multiples of 14"),
        ((1, 0, 28), "multiples of 14"),
    ],
)
def test_odd_shapes_are_refused(encoder: Encoder, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(EncoderInputError, match=message):
        encoder.encode(np.zeros(shape, dtype=np.float32))


def test_other_types_and_values_are_refused(encoder: Encoder) -> None:
    with pytest.raises(EncoderInputError, match="type float64: expected float32"):
        encoder.encode(np.zeros((1, 28, 28)))  # type: ignore[arg-type]
    with pytest.raises(EncoderInputError, match="NaN"):
        encoder.encode(np.full((1, 28, 28), np.nan, dtype=np.float32))
    with pytest.raises(EncoderInputError, match="range from 255 to 255: scale them"):
        encoder.encode(np.full((1, 28, 28), 255, dtype=np.float32))


def test_nano_in_the_catalogue_is_the_bundled_one() -> None:
    weights = Path(str(resources.files("dinoscope.encoders") / "weights" / "nano.safetensors"))
    entry, spec, net = CATALOGUE["nano"], create_encoder("nano", "cpu").spec, read_compact_net(weights)
    assert (entry.channels, entry.licence) == (spec.channels, spec.licence)
    assert entry.parameters == net.parameter_count()
    assert entry.layers == sum(len(dilations) for dilations in net.config.dilations)


def test_damaged_cache_is_a_checkpoint_error(empty_cache: Path) -> None:
    put_into_cache(empty_cache, "facebook/dinov2-small")
    weights = next(empty_cache.rglob("model.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="damaged"):
        create_encoder("dinov2-small", "cpu")
