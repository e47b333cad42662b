"""From voxels to the pixels an encoder sees: one intensity range per image, resampling and mirrored borders.

Both depend on absolute positions only, never on the tile, so that neighbouring tiles agree on every pixel they share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from dinoscope.errors import SettingsError
from dinoscope.geometry import Region
from dinoscope.image import intensity_sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.settings import IntensitySettings
    from dinoscope.tiling import PatchGrid


@dataclass(frozen=True, slots=True)
class IntensityRange:
    """The intensities that become 0 and 1.

    Attributes
    ----------
    low, high
        Finite, ``low <= high``; equal for a constant image.
    """

    low: float
    high: float

    def normalise(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Pixels as float32 in [0, 1]; NaN becomes 0, and so does everything in a constant image."""
        width = self.high - self.low
        if width <= 0:
            return np.zeros(pixels.shape, np.float32)
        unit = (pixels.astype(np.float64) - self.low) / width
        return np.clip(np.nan_to_num(unit, nan=0.0), 0.0, 1.0).astype(np.float32)


def measure_intensity(image: Image, settings: IntensitySettings) -> IntensityRange:
    """The percentile range of a whole image, from a sample spread over all of it.

    Raises
    ------
    SettingsError
        If the low percentile is not below the high one.
    """
    if settings.black >= settings.white:
        raise SettingsError(
            f"percentiles {settings.black} and {settings.white}: expected the low one below the high one"
        )
    sample = intensity_sample(image)
    finite = sample[np.isfinite(sample)]
    if finite.size == 0:
        return IntensityRange(0.0, 0.0)
    low, high = np.percentile(finite, [settings.black, settings.white])
    return IntensityRange(float(low), float(high))


def read_pixels(image: Image, intensity: IntensityRange, grid: PatchGrid, patches: Region) -> NDArray[np.float32]:
    """Working pixels of a region of patches within one section.

    Parameters
    ----------
    image
        With axes ``(z?, y, x, s?)``.
    intensity
        The range that becomes [0, 1].
    grid
        Patch grid of the image.
    patches
        Patches (z, gy, gx) with one section; they may reach past the image, which is then mirrored at its edges.

    Returns
    -------
    Array of shape (H, W) or (H, W, 3) with `grid.stride` pixels per patch, values in [0, 1].
    """
    spans = [(a * grid.stride, b * grid.stride) for a, b in zip(patches.start[1:], patches.stop[1:], strict=True)]
    if grid.scales == (1.0, 1.0):
        return intensity.normalise(_read_mirrored(image, patches.start[0], spans))
    sides = [_Side(*span, scale) for span, scale in zip(spans, grid.scales, strict=True)]
    pixels = intensity.normalise(_read_mirrored(image, patches.start[0], [side.reach for side in sides]))
    if pixels.ndim == 2:
        return _resample(pixels, sides)
    return np.stack([_resample(pixels[..., c], sides) for c in range(pixels.shape[-1])], axis=-1)


@dataclass(frozen=True, slots=True)
class _Side:
    """Working pixels `start` to `stop` along one axis, and the voxels they come from."""

    start: int
    stop: int
    scale: float

    @property
    def sigma(self) -> float:
        """The antialiasing of skimage.transform.resize, in voxels."""
        return max(0.0, (1.0 / self.scale - 1.0) / 2.0)

    @property
    def reach(self) -> tuple[int, int]:
        """The voxels that decide them."""
        margin = math.ceil(4.0 * self.sigma) + 1
        return math.floor(self._source(self.start)) - margin, math.ceil(self._source(self.stop - 1)) + margin + 1

    @property
    def offset(self) -> float:
        """Where the first lies among these voxels."""
        return self._source(self.start) - self.reach[0]

    def _source(self, pixel: int) -> float:
        return (pixel + 0.5) / self.scale - 0.5


def _resample(plane: NDArray[np.float32], sides: list[_Side]) -> NDArray[np.float32]:
    sigmas = [side.sigma for side in sides]
    smooth = ndimage.gaussian_filter(plane, sigmas, mode="nearest") if any(sigmas) else plane
    resampled: NDArray[np.float32] = ndimage.affine_transform(
        smooth,
        [1.0 / side.scale for side in sides],
        offset=[side.offset for side in sides],
        output_shape=tuple(side.stop - side.start for side in sides),
        order=1,
        mode="nearest",
    )
    return resampled


def _read_mirrored(image: Image, section: int, spans: list[tuple[int, int]]) -> NDArray[Any]:
    """Voxels of in-plane spans that may leave the image, which is mirrored as often as needed."""
    sizes = (image.axis("y").size, image.axis("x").size)
    wanted = [_mirror(np.arange(a, b), n) for (a, b), n in zip(spans, sizes, strict=True)]
    start = tuple(int(index.min()) for index in wanted)
    stop = tuple(int(index.max()) + 1 for index in wanted)
    pixels = _read_plane(image, section, Region(start, stop))
    if all(a >= 0 and b <= n for (a, b), n in zip(spans, sizes, strict=True)):
        return pixels
    return pixels[np.ix_(wanted[0] - start[0], wanted[1] - start[1])]


def _mirror(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Fold indices into ``[0, size)`` as if the image were mirrored at its edges (edge voxels repeat)."""
    folded = index % (2 * size)
    return np.where(folded < size, folded, 2 * size - 1 - folded)


def _read_plane(image: Image, section: int, plane: Region) -> NDArray[Any]:
    stacked = image.axis_names.startswith("z")
    samples = image.axis("s").size if image.axis_names.endswith("s") else 0
    start = ((section,) if stacked else ()) + plane.start + ((0,) if samples else ())
    stop = ((section + 1,) if stacked else ()) + plane.stop + ((samples,) if samples else ())
    pixels = image.read(Region(start, stop))
    return pixels[0] if stacked else pixels
