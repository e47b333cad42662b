"""Random grey crops from lazy images, at random scales and with one intensity range per image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from dinoscope.errors import AxesError, SettingsError
from dinoscope.geometry import Region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.image import Image

_RANGE_CROPS = 16
_RANGE_SIDE = 256
_RANGE_PERCENTILES = (1.0, 99.0)
_SMALLEST_SIDE = 32


@dataclass(frozen=True, slots=True)
class _Source:
    image: Image
    low: float
    high: float


class CropSampler:
    """Draws crops from images; sources are drawn equally often, whatever their numbers of images.

    Images whose ``uri`` lies in one folder are one source.

    Parameters
    ----------
    images
        At least one; any axes. Colours are averaged; one channel, time point and section is drawn per crop.
    seed
        Decides where the intensity range of each image is looked up.

    Raises
    ------
    SettingsError
        If there is no image.
    AxesError
        If an image is smaller than 32 pixels in y or x.
    """

    def __init__(self, images: Sequence[Image], seed: int) -> None:
        if not images:
            raise SettingsError("there are no images to train on: expected at least one; name some files")
        self._groups: dict[str, list[_Source]] = {}
        for number, image in enumerate(images):
            low, high = _intensity_range(image, np.random.default_rng([seed, number]))
            folder = image.uri.rpartition("/")[0]
            self._groups.setdefault(folder, []).append(_Source(image, low, high))

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
        group = self._groups[_pick(rng, sorted(self._groups))]
        source = group[int(rng.integers(len(group)))]
        scale = math.exp(rng.uniform(math.log(scales[0]), math.log(scales[1])))
        pixels = _read_square(source.image, rng, round(side / scale))
        unit = np.clip((pixels - source.low) / (source.high - source.low), 0.0, 1.0)
        return _resized(torch.from_numpy(np.nan_to_num(unit).astype(np.float32)), side)


def sample_plane(image: Image, rng: np.random.Generator, side: int) -> NDArray[np.float32]:
    """A square of the image as it is, in grey: at most `side` pixels wide."""
    return _read_square(image, rng, side)


def _pick(rng: np.random.Generator, names: list[str]) -> str:
    return names[int(rng.integers(len(names)))]


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


def _intensity_range(image: Image, rng: np.random.Generator) -> tuple[float, float]:
    height, width = image.axis("y").size, image.axis("x").size
    if min(height, width) < _SMALLEST_SIDE:
        raise AxesError(
            f"image {image.name!r} has {height} x {width} pixels: expected at least {_SMALLEST_SIDE} on each side; "
            "leave it out"
        )
    values = np.concatenate([_read_square(image, rng, _RANGE_SIDE).ravel() for _ in range(_RANGE_CROPS)])
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(finite, _RANGE_PERCENTILES))
    return low, high if high > low else low + 1.0


def _resized(picture: torch.Tensor, side: int) -> torch.Tensor:
    resized = torch.nn.functional.interpolate(
        picture[None, None], size=(side, side), mode="bilinear", antialias=True, align_corners=False
    )
    return resized[0, 0].clamp_(0.0, 1.0)
