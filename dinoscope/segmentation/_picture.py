"""What the image itself says about where objects end: its pixels, a few to a patch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from scipy import ndimage

from dinoscope.features import read_pixels
from dinoscope.geometry import Region
from dinoscope.image import Image, Recent, coarsest_level
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dinoscope.features import IntensityRange

_REMEMBERED_BYTES = 64 * 2**20

_DIRECT = 8
"""Voxels per side that are read for one pixel of a display; where it takes more, the image has no say."""

_BLUR = 0.25
"""Sigma in patches of the Gaussian that takes the noise out of the pixels."""

_REACH = 3.0
"""Sigmas at which that Gaussian is cut off."""


def _remembered() -> Recent[NDArray[np.float32]]:
    return Recent(_REMEMBERED_BYTES, weigh=lambda pixels: pixels.nbytes)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image in whose pixels borders are looked for, and what was read of it last.

    Attributes
    ----------
    image
        With axes ``(z?, y, x, s?)``; of colours the mean counts.
    intensity
        The intensities that become 0 and 1, one range for the whole image.
    recent
        Intensities without noise that were asked for last: they are the same for every map.
    """

    image: Image
    intensity: IntensityRange
    recent: Recent[NDArray[np.float32]] = field(default_factory=_remembered, repr=False)

    def lattice(self, grid: PatchGrid, step: int) -> PatchGrid | None:
        """The pixels to look at: a grid of as many patches with an even number of pixels per side.

        Parameters
        ----------
        grid
            The patches of the features.
        step
            Voxels per pixel of the display.

        Returns
        -------
        As fine as the encoder saw the image, or as the display shows it, whichever is coarser. None where a patch has
        no two pixels, or where a display would have to read far more than it shows.
        """
        half = min(grid.stride // 2, round(grid.patch_voxels / step / 2))
        if half < 1:
            return None
        pixels = PatchGrid(grid.voxels, 2 * half, 2 * half / grid.patch_voxels)
        if step > 1 and 1.0 / pixels.scale > _DIRECT * self._level(pixels)[1]:
            return None
        return pixels

    def smoothed(self, pixels: PatchGrid, patches: Region, step: int) -> NDArray[np.float32]:
        """Intensities of patches of one section without noise; they may reach past the image, which is mirrored.

        Parameters
        ----------
        pixels
            What `lattice` gave.
        patches
            Patches (z, gy, gx).
        step
            As for `lattice`; only for displays the coarser levels of the image are read.

        Returns
        -------
        Array of shape (gy * stride, gx * stride), in [0, 1].

        Raises
        ------
        ImageReadError
            If the file behind the image turns out to be damaged.
        """
        key = (pixels, patches, step)
        kept = self.recent.get(key)
        if kept is None:
            kept = self._smooth(pixels, patches, step)
            self.recent.put(key, kept)
        return kept

    def _smooth(self, pixels: PatchGrid, patches: Region, step: int) -> NDArray[np.float32]:
        sigma = _BLUR * pixels.stride
        rim = math.ceil(_REACH * sigma / pixels.stride)
        image, grid, section = self._source(pixels, patches.start[0], step)
        plane = Region((section, *patches.start[1:]), (section + 1, *patches.stop[1:])).grow((0, rim, rim))
        seen = read_pixels(image, self.intensity, grid, plane)
        grey = seen if seen.ndim == 2 else seen.mean(axis=-1)
        margin = rim * pixels.stride
        smooth: NDArray[np.float32] = ndimage.gaussian_filter(grey, sigma, truncate=_REACH)
        return smooth[margin:-margin, margin:-margin]

    def _source(self, pixels: PatchGrid, section: int, step: int) -> tuple[Image, PatchGrid, int]:
        """The image to read, its grid, and the section in it."""
        level, factor = self._level(pixels) if step > 1 else (self.image.data, 1.0)
        if factor == 1.0:
            return self.image, pixels, section
        shape = tuple(level.shape)
        axes = tuple(replace(axis, size=size) for axis, size in zip(self.image.axes, shape, strict=True))
        image = Image(self.image.name, self.image.uri, axes, level)
        sections = image.axis("z").size if "z" in image.axis_names else 1
        grid = PatchGrid((sections, image.axis("y").size, image.axis("x").size), pixels.stride, pixels.scale * factor)
        return image, grid, section * sections // pixels.voxels[0]

    def _level(self, pixels: PatchGrid) -> tuple[Any, float]:
        """The coarsest level that is as fine as the pixels, and voxels of the image per voxel of it."""
        levels = (self.image.data, *self.image.coarser)
        level, factors = coarsest_level(levels, self.image.axis_names.index("y"), 1.0 / pixels.scale)
        return level, math.sqrt(factors[0] * factors[1])
