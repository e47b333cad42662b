"""The image itself, under everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.image import coarsest_level, spatial
from dinoscope.plot._look import axes_or_new, frame_picture
from dinoscope.plot._view import read_means, view_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from dinoscope.geometry import Region
    from dinoscope.image import Image
    from dinoscope.plot._view import View

_PERCENTILES = (0.5, 99.5)
"""Of what is shown: black and white."""


def image(image: Image, region: Region | None = None, ax: Axes | None = None) -> Axes:
    """Draw a section of an image, grey or in colours, with a scale bar.

    Parameters
    ----------
    image
        One channel and time point, any size; only what is drawn is read, from a coarser level where that suffices.
    region
        Voxels (z, y, x) or (y, x), of which the middle section is drawn; the whole image by default.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    The axes, in nm, or in voxels where the pixel size is unknown; 0 is the centre of the first voxel.

    Raises
    ------
    RegionError
        If the region is empty or leaves the image.
    AxesError
        If the image has several channels or time points.
    ImageReadError
        If the file behind the image turns out to be damaged.

    Notes
    -----
    Contrast reaches from the 0.5th to the 99.5th percentile of what is drawn.
    """
    return draw_image(image, view_of(image.axes, region), ax)


def draw_image(image: Image, view: View, ax: Axes | None) -> Axes:
    """Draw a view of an image, unless the axes show it already."""
    picture = spatial(image)
    left, right, bottom, top = view.frame
    ax = axes_or_new(ax, (bottom - top) / (right - left))
    name = f"{image.uri} {view.box}"
    if any(shown.get_gid() == name for shown in ax.images):
        return ax
    pixels, extent = _read(picture, view)
    low, high = _contrast(pixels)
    if "s" in picture.axis_names:
        colours = np.nan_to_num((pixels - low) / (high - low), nan=0.0).clip(0.0, 1.0)
        ax.imshow(colours, extent=extent, gid=name)
    else:
        ax.imshow(pixels, cmap="gray", vmin=low, vmax=high, extent=extent, gid=name)
    frame_picture(ax, view)
    return ax


def _read(picture: Image, view: View) -> tuple[NDArray[np.float64], tuple[float, float, float, float]]:
    """Pixels of a view, shape (h, w) or (h, w, 3), from the coarsest level that suffices, and their outer edges."""
    source, factors = coarsest_level((picture.data, *picture.coarser), int(view.stacked), view.step)
    section = view.section * source.shape[0] // picture.data.shape[0] if view.stacked else 0
    part = view.on_level(factors, section)
    samples = (slice(None),) if "s" in picture.axis_names else ()

    def read(plane: Region) -> NDArray[Any]:
        voxels = np.asarray(source[(*part.boxed(plane).slices, *samples)])
        return voxels[0] if view.stacked else voxels

    # The centre of the first voxel of a level lies further inside of the image than that of the first voxel.
    down, aside = ((factor - 1) / 2 * size for factor, size in zip(factors, view.voxel_size, strict=True))
    left, right, bottom, top = part.extent
    return read_means(read, part), (left + aside, right + aside, bottom + down, top + down)


def _contrast(pixels: NDArray[np.float64]) -> tuple[float, float]:
    """The intensities that are drawn black and white."""
    finite = pixels[np.isfinite(pixels)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(finite, _PERCENTILES))
    return (low, high) if high > low else (low - 0.5, low + 0.5)
