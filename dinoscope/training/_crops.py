"""Random grey crops from lazy images, at random scales and with one intensity range per image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from dinoscope.errors import AxesError, SettingsError
from dinoscope.features import measure_intensity
from dinoscope.geometry import Region
from dinoscope.settings import IntensitySettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.features import IntensityRange
    from dinoscope.image import Image

_SMALLEST_SIDE = 32


@dataclass(frozen=True, slots=True)
class _Source:
    image: Image
    intensity: IntensityRange


class CropSampler:
    """Draws crops from images; sources are drawn equally often, whatever their numbers of images.

    Images whose ``uri`` lies in one folder are one source.

    Parameters
    ----------
    images
        At least one; any axes. Colours are averaged; one channel, time point and section is drawn per crop.

    Raises
    ------
    SettingsError
        If there is no image.
    AxesError
        If an image is smaller than 32 pixels in y or x.
    """

    def __init__(self, images: Sequence[Image]) -> None:
        if not images:
            raise SettingsError("there are no images to train on: expected at least one; name some files")
        self._groups: dict[str, list[_Source]] = {}
        for image in images:
            _check_size(image)
            source = _Source(image, measure_intensity(image, IntensitySettings()))
            self._groups.setdefault(folder_of(image), []).append(source)

    def draw(self, rng: np.random.Generator, side: int, scales: tuple[float, float]) -> torch.Tensor:
        """A crop, shape (side, side), values in [0, 1].

        Parameters
        ----------
        rng
            Decides everything that is random.
        side
            Pixels of the crop, after rescaling.
        scales
            Smallest and largest factor of rescaling; drawn evenly in the logarithm. An image that is too small for
            the smallest one is shrunk less.
        """
        folders = sorted(self._groups)
        group = self._groups[folders[int(rng.integers(len(folders)))]]
        source = group[int(rng.integers(len(group)))]
        scale = math.exp(rng.uniform(math.log(scales[0]), math.log(scales[1])))
        pixels = _read_square(source.image, rng, round(side / scale))
        return _resized(torch.from_numpy(source.intensity.normalise(pixels)), side)


def folder_of(image: Image) -> str:
    """Where an image came from, without its own name; empty for an image without a folder."""
    return image.uri.replace("\\", "/").rpartition("/")[0]


def _read_square(image: Image, rng: np.random.Generator, side: int) -> NDArray[np.float32]:
    side = min(max(side, _SMALLEST_SIDE // 2), image.axis("y").size, image.axis("x").size)
    start, stop = [], []
    for axis in image.axes:
        extent = {"y": side, "x": side, "s": axis.size}.get(axis.name, 1)
        first = int(rng.integers(axis.size - extent + 1))
        start.append(first)
        stop.append(first + extent)
    pixels = image.read(Region(tuple(start), tuple(stop))).astype(np.float32)
    if image.axis_names.endswith("s"):
        pixels = pixels.mean(axis=-1)
    return pixels.reshape(side, side)


def _check_size(image: Image) -> None:
    height, width = image.axis("y").size, image.axis("x").size
    if min(height, width) < _SMALLEST_SIDE:
        raise AxesError(
            f"image {image.name!r} has {height} x {width} pixels: expected at least {_SMALLEST_SIDE} on each side; "
            "leave it out"
        )


def _resized(picture: torch.Tensor, side: int) -> torch.Tensor:
    resized = torch.nn.functional.interpolate(
        picture[None, None], size=(side, side), mode="bilinear", antialias=True, align_corners=False
    )
    return resized[0, 0].clamp_(0.0, 1.0)
