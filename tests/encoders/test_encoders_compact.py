from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dinoscope.encoders import create_encoder
from dinoscope.encoders._compact import (
    COMPACT_FILE,
    CompactEncoder,
    is_compact_checkpoint,
    load_compact,
    load_nano,
    read_compact_net,
    save_compact,
)
from dinoscope.encoders._compact_net import CompactConfig, CompactNet, context_pixels
from dinoscope.errors import CheckpointError, EncoderInputError

if TYPE_CHECKING:
    from pathlib import Path

SMALL = CompactConfig(widths=(4, 6, 8), dilations=((1,), (), (1, 2)), channels=5, licence="MIT")


def small_net(config: CompactConfig = SMALL) -> CompactNet:
    """Random weights, and running statistics that are not the neutral 0 and 1."""
    torch.manual_seed(3)
    net = CompactNet(config)
    net.train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.rand(2, 1, 64, 64))
    return net.eval()


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).random(shape, dtype=np.float32)


@pytest.fixture
def encoder() -> CompactEncoder:
    return CompactEncoder(small_net(), "small")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / COMPACT_FILE
    save_compact(small_net(), path)
    return path


def test_spec_tells_the_architecture(encoder: CompactEncoder) -> None:
    spec = encoder.spec
    assert (spec.name, spec.stride, spec.channels, spec.licence) == ("small", 8, 5, "MIT")
    assert spec.tile == 1280
    assert spec.halo % spec.stride == 0
    assert 0 <= spec.halo - context_pixels(SMALL) < spec.stride
    assert spec.mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (64, 40), (104, 128)])
def test_one_feature_per_patch(encoder: CompactEncoder, height: int, width: int) -> None:
    features = encoder.encode(pixels(2, height, width))
    assert features.shape == (2, height // 8, width // 8, 5)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


def test_rgb_of_equal_channels_is_grey(encoder: CompactEncoder) -> None:
    grey = pixels(2, 32, 48)
    rgb = np.repeat(grey[..., None], 3, axis=-1)
    np.testing.assert_allclose(encoder.encode(rgb), encoder.encode(grey), atol=1e-5)


def test_pictures_of_a_batch_do_not_touch(encoder: CompactEncoder) -> None:
    batch = pixels(3, 64, 64)
    alone = np.concatenate([encoder.encode(batch[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(encoder.encode(batch), alone, atol=1e-5)


def test_read_only_and_reversed_pixels_are_taken(encoder: CompactEncoder) -> None:
    grey = pixels(1, 32, 32)
    expected = encoder.encode(np.ascontiguousarray(grey[:, ::-1]))
    grey.flags.writeable = False
    np.testing.assert_array_equal(encoder.encode(grey[:, ::-1]), expected)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 8), np.float32),
        np.zeros((1, 8, 12), np.float32),
        np.zeros((1, 8, 8, 4), np.float32),
        np.zeros((1, 8, 8), np.float64),
        np.full((1, 8, 8), np.nan, np.float32),
    ],
    ids=["no batch", "not a multiple", "four colours", "float64", "nan"],
)
def test_wrong_pixels_are_refused(encoder: CompactEncoder, wrong: np.ndarray) -> None:
    with pytest.raises(EncoderInputError, match=r"pixels .*expected|pixels hold"):
        encoder.encode(wrong)


def reach_by_gradient(net: CompactNet, size: int) -> int:
    """Furthest pixel on either side that the middle patch depends on, seen in the gradient."""
    net = net.double()
    picture = torch.rand(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    patch = size // 16
    net(picture)[0, :, patch, patch].sum().backward()
    assert picture.grad is not None
    used = torch.nonzero(picture.grad[0, 0].abs().sum(dim=0))[:, 0]
    return max(8 * patch - int(used.min()), int(used.max()) - (8 * patch + 7))


@pytest.mark.parametrize("bottlenecks", [(), (0, 0, 3), (2, 0, 4)], ids=["wide", "last narrow", "two narrow"])
@pytest.mark.parametrize(
    "dilations", [((1,), (1, 1), (1, 2)), ((), (), ()), ((2,), (), (1, 3))], ids=["default", "plain", "dilated"]
)
def test_context_is_the_support_of_the_gradient(
    dilations: tuple[tuple[int, ...], ...], bottlenecks: tuple[int, ...]
) -> None:
    config = CompactConfig(widths=(6, 6, 6), dilations=dilations, channels=4, bottlenecks=bottlenecks)
    torch.manual_seed(0)
    net = CompactNet(config).eval()
    for module in net.modules():  # rectifiers would hide a part of the support
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.uniform_(module.weight, 0.1, 0.2)
    net.config = replace(config, mean=0.0)
    assert reach_by_gradient(net, 256) == context_pixels(config)


@pytest.mark.parametrize("bottlenecks", [(), (0, 3, 4)])
def test_folding_changes_no_feature(bottlenecks: tuple[int, ...]) -> None:
    net = small_net(replace(SMALL, dilations=((1,), (1,), (1, 2)), bottlenecks=bottlenecks))
    picture = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        expected = net(picture)
        net.fold()
        assert not [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        torch.testing.assert_close(net(picture), expected, atol=1e-4, rtol=1e-4)


def test_bottlenecks_are_kept_in_the_file(tmp_path: Path) -> None:
    config = replace(SMALL, bottlenecks=(0, 0, 4))
    save_compact(small_net(config), tmp_path / COMPACT_FILE)
    assert read_compact_net(tmp_path).config == config


def test_shift_by_the_stride_shifts_the_features(encoder: CompactEncoder) -> None:
    halo, stride = encoder.spec.halo, encoder.spec.stride
    picture = pixels(1, 4 * halo, 4 * halo)
    whole = encoder.encode(picture)
    moved = encoder.encode(np.ascontiguousarray(picture[:, 2 * stride :, 3 * stride :]))
    inner = halo // stride
    np.testing.assert_allclose(
        moved[:, inner:-inner, inner:-inner], whole[:, 2 + inner : -inner, 3 + inner : -inner], atol=1e-5
    )


def test_bundled_encoder_tiled_equals_untiled() -> None:
    encoder = load_nano()
    halo, stride, core = encoder.spec.halo, encoder.spec.stride, 64
    side = 2 * halo + 2 * core
    picture = pixels(1, side, side)
    whole = encoder.encode(picture)
    inner = halo // stride
    for top in (0, core):
        for left in (0, core):
            tile = picture[:, top : top + core + 2 * halo, left : left + core + 2 * halo]
            part = encoder.encode(tile)[:, inner:-inner, inner:-inner]
            rows, columns = top // stride + inner, left // stride + inner
            expected = whole[:, rows : rows + core // stride, columns : columns + core // stride]
            np.testing.assert_allclose(part, expected, atol=1e-4)


def test_folded_network_equals_the_trained_one() -> None:
    net = small_net()
    batch = pixels(2, 64, 64)
    with torch.no_grad():
        expected = net(torch.from_numpy(batch)[:, None]).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(CompactEncoder(net, "folded").encode(batch), expected, atol=1e-4)


def test_saved_encoder_comes_back(saved: Path) -> None:
    batch = pixels(1, 32, 32)
    before = CompactEncoder(small_net(), "before")
    for path in (saved, saved.parent):
        after = load_compact(path)
        assert after.spec.fingerprint == before.spec.fingerprint
        assert after.spec.name == str(path)
        np.testing.assert_array_equal(after.encode(batch), before.encode(batch))
    assert [file.name for file in saved.parent.iterdir()] == [COMPACT_FILE]


def test_create_encoder_finds_compact_weights(saved: Path) -> None:
    assert create_encoder(saved, "cpu").spec.channels == 5


def test_fingerprint_follows_weights_and_configuration() -> None:
    base = CompactEncoder(small_net(), "a").spec.fingerprint
    other_weights = small_net()
    with torch.no_grad():
        next(other_weights.parameters()).mul_(1.5)
    shifted = CompactConfig(widths=(4, 6, 8), dilations=((1,), (), (1, 2)), channels=5, mean=0.4, licence="MIT")
    assert CompactEncoder(small_net(), "b").spec.fingerprint == base
    assert CompactEncoder(other_weights, "a").spec.fingerprint != base
    assert CompactEncoder(small_net(shifted), "a").spec.fingerprint != base


def rewrite(path: Path, tensors: dict[str, torch.Tensor], **metadata: str) -> None:
    values = {"dinoscope.format": "compact-1", "dinoscope.config": SMALL.to_json(), **metadata}
    save_file(tensors, path, metadata=values)


def test_missing_tensor_is_refused(saved: Path) -> None:
    tensors = load_file(saved)
    del tensors["project.weight"]
    rewrite(saved, tensors)
    with pytest.raises(CheckpointError, match=r"project\.weight"):
        load_compact(saved)


def test_extra_tensor_is_refused(saved: Path) -> None:
    rewrite(saved, {**load_file(saved), "surplus": torch.zeros(2)})
    with pytest.raises(CheckpointError, match="surplus"):
        load_compact(saved)


def test_tensor_of_another_shape_is_refused(saved: Path) -> None:
    rewrite(saved, {**load_file(saved), "project.weight": torch.zeros(5, 7, 1, 1)})
    with pytest.raises(CheckpointError, match=r"project\.weight"):
        load_compact(saved)


@pytest.mark.parametrize(
    "change",
    [{"std": 0.0}, {"widths": []}, {"widths": [4, 6]}, {"channels": -1}, {"channels": None}, {"colour": "red"}],
    ids=str,
)
def test_wrong_configuration_is_refused(saved: Path, change: dict[str, object]) -> None:
    config = json.dumps({**json.loads(SMALL.to_json()), **change})
    rewrite(saved, load_file(saved), **{"dinoscope.config": config})
    with pytest.raises(CheckpointError, match="expected"):
        load_compact(saved)


def test_later_version_is_known_but_refused(saved: Path) -> None:
    rewrite(saved, load_file(saved), **{"dinoscope.format": "compact-99"})
    assert is_compact_checkpoint(saved)
    with pytest.raises(CheckpointError, match="compact-99"):
        load_compact(saved)


def test_other_files_are_told_apart(saved: Path, tmp_path: Path) -> None:
    assert is_compact_checkpoint(saved)
    assert is_compact_checkpoint(saved.parent)
    other = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, other)
    text = tmp_path / "text.pth"
    text.write_text("no weights")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(saved.read_bytes()[:500])
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (other, text, cut, empty, tmp_path / "absent"):
        assert not is_compact_checkpoint(path)
        with pytest.raises(CheckpointError, match="compact"):
            load_compact(path)


def test_bundled_weights_are_small_and_load(tmp_path: Path) -> None:
    encoder = load_nano()
    assert (encoder.spec.name, encoder.spec.stride) == ("nano", 8)
    assert encoder.spec.halo <= 128
    assert encoder.spec.licence == "BSD-3-Clause"
    copy = tmp_path / "copy.safetensors"
    from importlib import resources

    with resources.as_file(resources.files("dinoscope.encoders") / "weights" / "nano.safetensors") as path:
        assert path.stat().st_size <= 6_000_000
        assert path.with_name("nano.md").is_file()
        copy.write_bytes(path.read_bytes())
    assert read_compact_net(copy).parameter_count() < 1_500_000
    assert load_compact(copy).spec.fingerprint == encoder.spec.fingerprint


@pytest.mark.data
def test_bundled_features_are_standardised(data_dir: Path) -> None:
    from PIL import Image

    with Image.open(sorted((data_dir / "axon" / "images").iterdir())[2]) as opened:
        picture = np.asarray(opened.convert("L"), np.float32)[:512, :512]
    low, high = np.percentile(picture, [1, 99])
    unit = np.clip((picture - low) / (high - low), 0, 1).astype(np.float32)
    features = load_nano().encode(unit[None])
    assert np.abs(features.mean(axis=(0, 1, 2))).mean() < 1.0
    assert 0.3 < features.std() < 3.0
