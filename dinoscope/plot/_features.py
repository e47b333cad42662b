"""What the encoder sees, as colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import RegionError
from dinoscope.features import feature_colours
from dinoscope.geometry import Axis, Region
from dinoscope.plot._look import axes_or_new, frame_picture
from dinoscope.plot._view import read_means, view_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dinoscope.features import FeatureStore, ImageFacts

_MISSING = "#d9dbe0"
"""Where there are no features yet."""


def features(store: FeatureStore, section: int = 0, ax: Axes | None = None) -> Axes:
    """Draw the three main directions of the features of a section as red, green and blue.

    What looks alike to the encoder has the same colour; grey is what has not been encoded yet.

    Parameters
    ----------
    store
        Features, filled as far as they may be.
    section
        Index of the section.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    The axes, in nm, or in voxels where the pixel size is unknown; 0 is the centre of the first voxel.

    Raises
    ------
    RegionError
        If there is no such section.
    StoreError
        If features are damaged on disk.
    """
    facts = store.manifest.image
    if not 0 <= section < facts.voxels[0]:
        raise RegionError(f"section {section} of {facts.name!r}: expected one from 0 to {facts.voxels[0] - 1}")
    colours = feature_colours(store, section)  # gy gx 3
    patches = view_of((Axis("y", colours.shape[0]), Axis("x", colours.shape[1])), None)
    means = read_means(lambda block: colours[block.slices], patches)
    view = view_of(_axes(facts), _section(facts, section))
    left, right, bottom, top = view.frame
    ax = axes_or_new(ax, (bottom - top) / (right - left))
    opaque = np.isfinite(means[..., :1]).astype(np.float64)
    pixels = np.concatenate([np.nan_to_num(means), opaque], axis=-1)  # h w 4
    ax.set_facecolor(_MISSING)
    # A patch is a square of voxels, and the first begins with the first voxel.
    steps = [store.grid.patch_voxels * patches.step * size for size in view.voxel_size]
    ends = [edge + n * step for edge, n, step in zip((top, left), patches.shape, steps, strict=True)]
    ax.imshow(pixels, extent=(left, ends[1], ends[0], top), interpolation="nearest")
    frame_picture(ax, view)
    return ax


def _axes(facts: ImageFacts) -> tuple[Axis, ...]:
    sizes: Any = zip("zyx", facts.voxels, facts.voxel_size, facts.units, strict=True)
    return facts.own(tuple(Axis(name, count, size, unit) for name, count, size, unit in sizes))


def _section(facts: ImageFacts, section: int) -> Region:
    _, height, width = facts.voxels
    return Region((section, 0, 0), (section + 1, height, width))
