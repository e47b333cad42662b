"""What was found, over the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke

from dinoscope.errors import AxesError, SettingsError
from dinoscope.image import Image
from dinoscope.plot._look import INK, TEXT_SIZE, add_legend, class_order, colour_of, swatches
from dinoscope.plot._outlines import outlines, tints
from dinoscope.plot._picture import draw_image
from dinoscope.plot._view import read_middles, read_sampled, view_of
from dinoscope.segmentation import Segmentation, similarity_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.patheffects import AbstractPathEffect
    from numpy.typing import NDArray

    from dinoscope.geometry import Region
    from dinoscope.image import ArrayLike
    from dinoscope.outputs import Detections
    from dinoscope.plot._look import Colour
    from dinoscope.plot._view import View
    from dinoscope.similarity import SimilarityMap

_LINE = 1.2
_RING = 1.6
_MOST_OPAQUE = 0.85


def overlay(
    image: Image, labels: Segmentation | Image | ArrayLike, region: Region | None = None, ax: Axes | None = None
) -> Axes:
    """Draw labels over a section of an image, tinted and outlined.

    Parameters
    ----------
    image
        What was segmented.
    labels
        A segmentation, of which the classes are drawn and named; or whole numbers of the image's shape (an array, a
        lazy array or an image), 0 being none, of which every number is an object.
    region, ax
        As in `image`.

    Returns
    -------
    The axes.

    Raises
    ------
    AxesError
        If the labels have another shape than the image, or are no whole numbers.
    RegionError
        If the region is empty or leaves the image.
    """
    view = view_of(image.axes, region)
    array = labels.mask if isinstance(labels, Segmentation) else labels.data if isinstance(labels, Image) else labels
    _check_labels(array, image)

    def read(plane: Region) -> NDArray[Any]:
        voxels = np.asarray(array[view.boxed(plane).slices])
        return voxels[0] if view.stacked else voxels

    shown = read_middles(read, view)
    ax = draw_image(image, view, ax)
    ax.imshow(tints(shown), extent=view.extent, interpolation="nearest")
    drawn = list(outlines(shown))
    lines = [view.places(view.voxels_at(outline)) for _, outline in drawn]
    colours = [colour_of(label - 1) for label, _ in drawn]
    ax.add_collection(LineCollection(lines, colors=colours, linewidths=_LINE), autolim=False)
    if isinstance(labels, Segmentation):
        add_legend(ax, swatches({name: colour_of(index) for index, name in enumerate(labels.classes)}))
    return ax


def similarity(
    image: Image,
    similarity_map: SimilarityMap,
    class_name: str | None = None,
    region: Region | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how alike every place is to the examples of a class, the more opaque the more alike.

    Parameters
    ----------
    image
        What was compared.
    similarity_map
        Its similarities.
    class_name
        Which class; the first by default.
    region, ax
        As in `image`.

    Returns
    -------
    The axes; beside them there is a colour bar.

    Raises
    ------
    SettingsError
        If the map has no such class.
    AxesError
        If the map belongs to an image of another shape.
    RegionError
        If the region is empty or leaves the image.
    """
    classes = similarity_map.classes
    name = classes[0] if class_name is None else class_name
    if name not in classes:
        raise SettingsError(f"there is no class {name!r} in the map: expected one of {', '.join(classes)}")
    shape = _spatial_shape(image)
    voxels = similarity_map.grid.voxels
    if (1,) * (3 - len(shape)) + shape != voxels:
        raise AxesError(
            f"the map belongs to an image of {voxels} voxels (z, y, x), image {image.name!r} has shape {shape}: "
            "draw it over the image it was made from"
        )
    view = view_of(image.axes, region)
    k = classes.index(name)
    values = read_sampled(
        lambda plane: similarity_at(similarity_map, view.stack_box(plane), view.step)[k, 0].clip(0.0, 1.0), view
    )
    ax = draw_image(image, view, ax)
    opacity = _MOST_OPAQUE * values**2 * (3 - 2 * values)  # flat at both ends: what is hardly alike leaves no veil
    drawn = ax.imshow(values, cmap="viridis", vmin=0, vmax=1, alpha=opacity, extent=view.extent)
    bar = ax.figure.colorbar(drawn, ax=ax, fraction=0.045, pad=0.025, ticks=[0, 0.5, 1])
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=TEXT_SIZE - 1, width=0.8, color=INK, labelcolor=INK)
    bar.set_label(f"similarity to {name}", size=TEXT_SIZE, color=INK)
    return ax


def detections(
    image: Image,
    detections: Detections,
    region: Region | None = None,
    ax: Axes | None = None,
    *,
    classes: Sequence[str] = (),
) -> Axes:
    """Draw a ring around every detection of a section, and count them.

    Parameters
    ----------
    image
        Where they were found.
    detections
        Those whose centre lies in the region and nearest to the section are drawn, with their diameter.
    region, ax
        As in `image`.
    classes
        Class names in the order of their colours, such as `Segmentation.classes`; by default in alphabetical order.

    Returns
    -------
    The axes.

    Raises
    ------
    AxesError
        If the detections have other axes than the image.
    RegionError
        If the region is empty or leaves the image.
    """
    view = view_of(image.axes, region)
    names = "".join(axis.name for axis in image.axes if axis.kind == "space")
    if detections.axis_names != names:
        raise AxesError(
            f"detections with axes {detections.axis_names!r} cannot be drawn on image {image.name!r} with {names!r}: "
            "expected those of this image"
        )
    ax = draw_image(image, view, ax)
    shown = _inside(detections, view)
    found = np.array(detections.class_names, dtype=object)
    entries = {}
    for index, name in enumerate(class_order(detections.class_names, classes)):
        mine = shown & (found == name)
        colour = colour_of(index)
        if name in detections.class_names:
            _rings(ax, view, detections, mine).set_edgecolor(colour)
            entries[f"{name} ({np.count_nonzero(mine)})"] = _ring_sign(colour)
    add_legend(ax, entries)
    return ax


def _spatial_shape(image: Image) -> tuple[int, ...]:
    return tuple(axis.size for axis in image.axes if axis.kind == "space")


def _check_labels(labels: ArrayLike, image: Image) -> None:
    shape = _spatial_shape(image)
    if tuple(labels.shape) != shape:
        raise AxesError(
            f"labels of shape {tuple(labels.shape)} cannot be drawn over image {image.name!r} of shape {shape}: "
            "expected the same shape"
        )
    if np.dtype(labels.dtype).kind not in "biu":
        raise AxesError(f"labels of type {labels.dtype} cannot be drawn: expected whole numbers, 0 being none")


def _inside(detections: Detections, view: View) -> NDArray[np.bool_]:
    """Which detections have their centre on a voxel of a view, shape (n,)."""
    centres = detections.centres[:, -2:]
    low, high = np.asarray(view.plane.start) - 0.5, np.asarray(view.plane.stop) - 0.5
    on_plane = np.all((centres >= low) & (centres < high), axis=1)
    inside: NDArray[np.bool_] = on_plane & (detections.sections == view.section)
    return inside


def _rings(ax: Axes, view: View, detections: Detections, shown: NDArray[np.bool_]) -> EllipseCollection:
    diameters = detections.extents_px[shown] * view.voxel_size  # n 2: y, x
    rings = EllipseCollection(
        widths=diameters[:, 1],
        heights=diameters[:, 0],
        angles=0.0,
        units="xy",
        offsets=view.places(detections.centres[shown, -2:]),
        offset_transform=ax.transData,
        facecolors="none",
        linewidths=_RING,
        path_effects=_shadow(),
    )
    ax.add_collection(rings, autolim=False)
    return rings


def _ring_sign(colour: Colour) -> Line2D:
    return Line2D(
        [], [], linestyle="none", marker="o", markersize=7, markerfacecolor="none", markeredgecolor=colour, mew=_RING
    )


def _shadow() -> list[AbstractPathEffect]:
    """A dark rim, so that a bright line shows on bright ground."""
    return [Stroke(linewidth=_RING + 1.4, foreground="black", alpha=0.5), Normal()]
