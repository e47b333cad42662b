from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from dinoscope.encoders import create_encoder
from dinoscope.encoders._compact_net import CompactConfig
from dinoscope.errors import OutputExistsError, SettingsError
from dinoscope.image import Image, open_image
from dinoscope.reference import check_same_encoder
from dinoscope.settings import DistillSettings, ImageSettings
from dinoscope.testing import FakeEncoder
from dinoscope.training import distill
from dinoscope.training._student import read_at_patches
from dinoscope.training._teacher import split_images

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Ramp(nn.Module):
    """A "student" of stride 8 whose feature is the mean pixel of each patch: linear pictures have known answers."""

    config = CompactConfig(mean=0.0, std=1.0)
    direct = None

    def body(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.avg_pool2d(x, 8)

    def answer(self, inner: torch.Tensor) -> torch.Tensor:
        return inner


def volume(shape: tuple[int, ...], axes: str, seed: int = 0) -> Image:
    values = np.random.default_rng(seed).random(shape, dtype=np.float32)
    return open_image(values, ImageSettings(axes=axes), name="noise")


@pytest.mark.parametrize("shift", [(0, 0), (3, 6)])
def test_the_student_is_read_at_the_centres_of_the_teachers_patches(shift: tuple[int, int]) -> None:
    y, x = torch.meshgrid(torch.arange(112.0), torch.arange(84.0), indexing="ij")
    picture = (2.0 * y + 0.5 * x)[None]
    read = read_at_patches(Ramp(), picture, 14, shift)[0, ..., 0]  # type: ignore[arg-type]
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(6.0), indexing="ij")
    expected = 2.0 * (14 * rows + 6.5) + 0.5 * (14 * columns + 6.5)
    torch.testing.assert_close(read[1:-1, 1:-1], expected[1:-1, 1:-1])


def test_what_is_held_out_is_never_learned_from() -> None:
    stack = volume((20, 40, 40), "zyx")
    (learn,), (exam,) = split_images([stack], 16)
    assert (learn.shape, exam.shape) == ((18, 40, 40), (2, 40, 40))
    np.testing.assert_array_equal(exam.read(exam.extent), stack.read(stack.extent)[18:])
    (learn,), (exam,) = split_images([volume((40, 100), "yx")], 30)
    assert (learn.shape, exam.shape) == ((40, 70), (40, 30))
    several = [volume((40, 40), "yx", seed) for seed in range(12)]
    learned, examined = split_images(several, 16)
    assert learned + examined == several
    assert len(examined) == 1
    with pytest.raises(SettingsError, match="too small"):
        split_images([volume((40, 40), "yx")], 30)
    with pytest.raises(SettingsError, match="no images"):
        split_images([], 30)


def test_a_student_learns_its_teacher(tmp_path: Path) -> None:
    teacher = FakeEncoder(stride=4, tile=96, halo=8)
    y, x = np.mgrid[:128, :400]
    waves = (np.sin(y / 9.0) * np.sin(x / 13.0) + 1.0) / 2.0
    image = open_image(waves.astype(np.float32), name="waves")
    settings = DistillSettings(crops=6, steps=60, batch=2, learning_rate=5e-3)
    outcome = distill([image], teacher, tmp_path / "student", settings)
    untrained = distill([image], teacher, tmp_path / "untrained", settings.model_copy(update={"steps": 1}))
    assert outcome.centred_cosine > 0.8
    assert outcome.centred_cosine > untrained.centred_cosine + 0.1
    assert outcome.steps == 60
    student = create_encoder(tmp_path / "student", "cpu")
    check_same_encoder(teacher.spec, student.spec)  # references of the teacher serve the student
    pixels = waves[None, :96, :96].astype(np.float32)
    features, truth = student.encode(pixels), teacher.encode(pixels)
    brightness = features[0, 4:8, 4:8, 0], truth[0, 8:16, 8:16, 0].reshape(4, 2, 4, 2).mean(axis=(1, 3))
    assert np.abs(brightness[0] - brightness[1]).mean() < 0.15  # the teacher's own numbers, not only its directions


class PatchTeacher:
    """Random linear functions of the pixels of each 14 x 14 patch, at one length: what an untrained ViT begins with."""

    spec = dataclasses.replace(FakeEncoder(stride=14, tile=280, halo=0).spec, channels=48)

    def __init__(self) -> None:
        self.weights = np.random.default_rng(0).normal(size=(14 * 14, 48))

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        n, height, width = pixels.shape
        patches = pixels.reshape(n, height // 14, 14, width // 14, 14).swapaxes(2, 3)
        tokens = patches.reshape(n, height // 14, width // 14, -1) @ self.weights
        unit = tokens / (np.linalg.norm(tokens, axis=-1, keepdims=True) + 1e-6)
        return np.asarray(7.0 * unit, np.float32)


def test_a_student_learns_where_inside_of_a_patch_things_lie(tmp_path: Path) -> None:
    noise = ndimage.uniform_filter(np.random.default_rng(0).random((280, 900)), 5)  # no patch tells of the next one
    image = open_image(noise.astype(np.float32), name="noise")
    teacher = PatchTeacher()
    settings = DistillSettings(crops=8, steps=30, batch=2, learning_rate=5e-3)
    outcome = distill([image], teacher, tmp_path, settings)
    assert outcome.cosine > 0.95
    assert outcome.centred_cosine > 0.8
    assert outcome.position_share < 0.1
    features = create_encoder(tmp_path, "cpu").encode(np.random.default_rng(1).random((1, 64, 64), dtype=np.float32))
    np.testing.assert_allclose(np.linalg.norm(features, axis=-1), 7.0, rtol=1e-3)  # as distances need it
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert f"{outcome.cosine:.3f}" in card
    assert "Nothing is interpolated" in card


def test_an_encoder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "encoder.safetensors").write_bytes(b"dear to me")
    with pytest.raises(OutputExistsError, match="is there already"):
        distill([volume((64, 200), "yx")], FakeEncoder(), tmp_path, DistillSettings())
