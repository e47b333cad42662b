from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from dinoscope.encoders._compact import CompactEncoder, read_compact_net, save_compact
from dinoscope.encoders._compact_net import CompactConfig, CompactNet, context_pixels
from dinoscope.errors import SettingsError
from dinoscope.testing import FakeEncoder
from dinoscope.training._student import new_student, read_at_patches, read_common_patches
from dinoscope.training._teacher import Lessons

if TYPE_CHECKING:
    from pathlib import Path

STRIDES = [4, 7, 8, 12, 14, 16, 25, 32]
SMALL = CompactConfig(
    widths=(4, 6, 8), bottlenecks=(0, 2, 4), dilations=((1,), (), (1, 2)), channels=5, direct=(7, 9), length=3.0
)


class Places(torch.nn.Module):
    """A "student" of stride 8 whose feature is where in the picture its patch has its centre."""

    config = CompactConfig()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x, 8)


def net_of(config: CompactConfig = SMALL) -> CompactNet:
    torch.manual_seed(1)
    net = CompactNet(config).train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.rand(2, 1, 64, 64))
    return net.eval()


def lessons_of(tokens: np.ndarray, stride: int = 14) -> Lessons:
    rng = np.random.default_rng(0)
    count, rows, columns, _ = tokens.shape
    noise = rng.random((count, rows * stride, columns * stride), dtype=np.float32)
    return Lessons(noise, tokens.astype(np.float16), stride)


@pytest.mark.parametrize("stride", STRIDES)
def test_the_exam_asks_once_about_every_patch_of_the_teacher(stride: int) -> None:
    y, x = torch.meshgrid(torch.arange(9.0 * stride), torch.arange(11.0 * stride), indexing="ij")
    asked = torch.zeros(9, 11)
    for picture, axis in ((y, 0), (x, 1)):
        for read, (rows, columns) in read_common_patches(Places(), picture[None], stride):  # type: ignore[arg-type]
            asked[rows, columns] += 1
            at = (torch.arange(9)[rows, None], torch.arange(11)[None, columns])[axis]
            centre = (at * stride + (stride - 1) / 2).expand(read.shape[1:3])
            inside = (centre > 8) & (centre < picture.max() - 8)  # the others see mirrored pixels
            off = (read[0, ..., 0] - centre)[inside]
            torch.testing.assert_close(off, torch.full_like(off, 0.5 * (stride % 2)), atol=1e-3, rtol=0)
    assert (asked == 2).all()


@pytest.mark.parametrize("stride", STRIDES)
def test_the_direct_path_looks_at_the_same_pixels_in_training_and_exam(stride: int) -> None:
    net = net_of()
    assert net.direct
    deep = SMALL.widths[-1]
    with torch.no_grad():  # only the direct path counts: the other one is interpolated in training
        net.project.weight[:, :deep] = 0.0
        net.direct.mix.weight[:, :deep] = 0.0
        pixels = torch.rand(2, 9 * stride, 8 * stride)
        trained = read_at_patches(net, pixels, stride, (3, 5))
        asked = torch.empty_like(trained)
        for read, (rows, columns) in read_common_patches(net, pixels, stride):
            asked[:, rows, columns] = read
    rim = -(-8 // stride)
    torch.testing.assert_close(asked[:, rim:-rim, rim:-rim], trained[:, rim:-rim, rim:-rim], atol=1e-4, rtol=1e-4)


def test_the_direct_path_begins_whitened() -> None:
    lessons = lessons_of(np.random.default_rng(0).random((3, 20, 20, 4)))
    smooth = torch.from_numpy(lessons.pixels)[:, None]
    lessons = dataclasses.replace(lessons, pixels=F.avg_pool2d(smooth, 3, 1, 1)[:, 0].numpy())
    net = new_student(dataclasses.replace(FakeEncoder(stride=14).spec, channels=4), lessons, seed=0)
    assert net.direct
    windows = torch.from_numpy(lessons.pixels)[:, 13:-13, 13:-13].unfold(1, 16, 14).unfold(2, 16, 14)
    windows = (windows.reshape(-1, 1, 16, 16) - net.config.mean) / net.config.std
    with torch.no_grad():
        looks = F.conv2d(windows, net.direct.look.weight, net.direct.look.bias).flatten(1)
    covariance = torch.cov(looks.T)[:16, :16]
    torch.testing.assert_close(covariance, torch.eye(16), atol=0.25, rtol=0)
    assert looks.mean(dim=0).abs().max() < 0.2


def test_a_student_has_one_length_where_its_teacher_has() -> None:
    rng = np.random.default_rng(0)
    tokens = rng.normal(size=(2, 12, 12, 2))
    spec = FakeEncoder(stride=14).spec
    assert new_student(spec, lessons_of(tokens), seed=0).config.length == 0.0
    tokens *= 5.0 / np.linalg.norm(tokens, axis=-1, keepdims=True)
    assert new_student(spec, lessons_of(tokens), seed=0).config.length == pytest.approx(5.0, rel=1e-3)


def test_what_only_the_place_tells_is_measured() -> None:
    rng = np.random.default_rng(0)
    content, place = rng.normal(size=(40, 12, 12, 8)), rng.normal(size=(1, 12, 12, 8))
    assert lessons_of(content + place).position_share() == pytest.approx(0.5, abs=0.05)
    assert lessons_of(content).position_share() < 0.01
    assert lessons_of(content[:1]).position_share() == 0.0


def test_a_direct_path_is_kept_folded_and_equivariant(tmp_path: Path) -> None:
    net = net_of()
    save_compact(net, tmp_path / "encoder.safetensors")
    again = read_compact_net(tmp_path)
    assert again.config == SMALL
    pixels = np.random.default_rng(2).random((1, 320, 320), dtype=np.float32)
    with torch.no_grad():
        plain = net(torch.from_numpy(pixels)[None])[0].movedim(0, -1).numpy()
    features = CompactEncoder(again, "again").encode(pixels)[0]
    np.testing.assert_allclose(features, plain, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(features, axis=-1), 3.0, rtol=1e-4)
    moved = CompactEncoder(read_compact_net(tmp_path), "moved").encode(pixels[:, 16:, 8:])[0]
    rim = -(-context_pixels(SMALL) // 8)
    np.testing.assert_allclose(moved[rim:-rim, rim:-rim], features[2 + rim : -rim, 1 + rim : -rim], atol=1e-4)


@pytest.mark.parametrize("wrong", [{"direct": (4,)}, {"direct": (4, 0)}, {"length": -1.0}, {"length": float("inf")}])
def test_a_wrong_direct_path_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="expected"):
        CompactConfig(**wrong)  # type: ignore[arg-type]
