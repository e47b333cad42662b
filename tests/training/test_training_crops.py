from __future__ import annotations

import numpy as np
import pytest
import torch

from dinoscope.errors import AxesError, SettingsError
from dinoscope.geometry import Axis
from dinoscope.image import Image
from dinoscope.training._crops import CropSampler, folder_of


def image_of(array: np.ndarray, axes: str, uri: str = "a/image") -> Image:
    sizes = zip(axes, array.shape, strict=True)
    return Image("image", uri, tuple(Axis(name, size) for name, size in sizes), array)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)


@pytest.mark.parametrize(
    ("axes", "shape"), [("yx", (90, 120)), ("zyx", (3, 90, 80)), ("yxs", (70, 90, 3)), ("tczyxs", (2, 2, 2, 50, 60, 3))]
)
def test_crops_of_any_axes(axes: str, shape: tuple[int, ...]) -> None:
    sampler = CropSampler([image_of(noise(*shape), axes)])
    crop = sampler.draw(np.random.default_rng(1), 48, (0.4, 2.5))
    assert crop.shape == (48, 48)
    assert crop.dtype == torch.float32
    assert 0 <= crop.min() < crop.max() <= 1


def test_crop_at_scale_one_is_a_part_of_the_image() -> None:
    ramp = np.add.outer(1000.0 * np.arange(60), np.arange(70)).astype(np.float32)
    low, high = np.percentile(ramp, [1, 99])
    unit = np.clip((ramp - low) / (high - low), 0, 1)
    crop = CropSampler([image_of(ramp, "yx")]).draw(np.random.default_rng(2), 32, (1.0, 1.0)).numpy()
    found = [(y, x) for y in range(29) for x in range(39) if np.allclose(unit[y : y + 32, x : x + 32], crop, atol=1e-5)]
    assert found


def test_sources_are_drawn_equally_often() -> None:
    """Nine dark pictures of one folder against a bright one of another: half of the crops are bright."""
    ramp = np.linspace(0, 100, 64 * 64).reshape(64, 64).astype(np.float32)
    many = [image_of(ramp, "yx", f"many/{number}") for number in range(9)]
    steps = np.where(ramp > 50, 1.0, 0.0).astype(np.float32)
    sampler = CropSampler([*many, image_of(steps, "yx", "one/0")])
    rng = np.random.default_rng(0)
    binary = [bool(((crop == 0) | (crop == 1)).all()) for crop in (sampler.draw(rng, 64, (1, 1)) for _ in range(200))]
    assert 70 <= sum(binary) <= 130


def test_odd_images_do_no_harm() -> None:
    blank = np.full((40, 40), 7, np.uint16)
    holes = noise(40, 40).astype(np.float32)
    holes[::2] = np.nan
    for array in (blank, holes, np.full((40, 40), np.nan, np.float32)):
        crop = CropSampler([image_of(array, "yx")]).draw(np.random.default_rng(0), 32, (0.4, 2.5))
        assert torch.isfinite(crop).all()


def test_only_the_crop_is_read() -> None:
    reads: list[int] = []

    class Spy:
        shape = (4096, 4096)
        dtype = np.dtype(np.uint8)

        def __getitem__(self, index: tuple[slice, ...]) -> np.ndarray:
            part = np.broadcast_to(np.uint8(3), self.shape)[index]
            reads.append(part.size)
            return part

    sampler = CropSampler([Image("spy", "spy", (Axis("y", 4096), Axis("x", 4096)), Spy())])
    reads.clear()
    sampler.draw(np.random.default_rng(0), 160, (0.4, 2.5))
    assert len(reads) == 1
    assert reads[0] <= (160 / 0.4 + 1) ** 2


def test_no_image_and_tiny_images_are_refused() -> None:
    with pytest.raises(SettingsError, match="no images"):
        CropSampler([])
    with pytest.raises(AxesError, match="20 x 300"):
        CropSampler([image_of(noise(20, 300), "yx")])


@pytest.mark.parametrize(
    ("uri", "folder"), [("/data/flyem/a.tif", "/data/flyem"), ("C:\\data\\a.tif", "C:/data"), ("memory", "")]
)
def test_folder_of_an_image(uri: str, folder: str) -> None:
    assert folder_of(image_of(noise(40, 40), "yx", uri)) == folder
