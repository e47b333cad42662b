"""The image itself, under everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.image import spatial
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
        One channel and time point, any size; only what is drawn is read.
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
    pictures = spatial(image)
    left, right, bottom, top = view.frame
    ax = axes_or_new(ax, (bottom - top) / (right - left))
    name = f"{image.uri} {view.box}"
    if any(shown.get_gid() == name for shown in ax.images):
        return ax
    samples = (slice(None),) if "s" in pictures.axis_names else ()

    def read(plane: Region) -> NDArray[Any]:
        voxels = np.asarray(pictures.data[(*view.boxed(plane).slices, *samples)])
        return voxels[0] if view.stacked else voxels

    pixels = read_means(read, view)  # h w or h w 3
    low, high = _contrast(pixels)
    if samples:
        colours = np.nan_to_num((pixels - low) / (high - low), nan=0.0).clip(0.0, 1.0)
        ax.imshow(colours, extent=view.extent, gid=name)
    else:
        ax.imshow(pixels, cmap="gray", vmin=low, vmax=high, extent=view.extent, gid=name)
    frame_picture(ax, view)
    return ax


def _contrast(pixels: NDArray[np.float64]) -> tuple[float, float]:
    """The intensities that are drawn black and white."""
    finite = pixels[np.isfinite(pixels)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(finite, _PERCENTILES))
    return (low, high) if high > low else (low - 0.5, low + 0.5)
