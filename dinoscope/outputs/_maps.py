"""Similarity maps as OME-Zarr, one channel per class on the patch grid."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import AxesError, SettingsError
from dinoscope.geometry import Axis
from dinoscope.outputs._multiscale import build_pyramid, multiscales
from dinoscope.outputs._palette import class_colour
from dinoscope.outputs._sink import LabelSink, SpooledSink, SpoolLayout

if TYPE_CHECKING:
    from pathlib import Path

    import zarr


def create_map(
    path: Path,
    axes: tuple[Axis, ...],
    translation: tuple[float, ...],
    class_names: tuple[str, ...],
    *,
    force: bool = False,
) -> LabelSink:
    """Begin a similarity map, to be written region by region as float32.

    Parameters
    ----------
    path
        Name of the result, ending in ``.zarr``.
    axes
        Axes (z, y, x) or (y, x) of the patch grid. Their scale is the distance of neighbouring patches.
    translation
        Position of the centre of the first patch in the image, per axis and in its unit. It is counted from the
        centre of the image's first voxel: with patches of s voxels of size p it is ``(s - 1) / 2 * p``.
    class_names
        Name of every channel.
    force
        Whether an earlier result of this name may be replaced; it stays until the new one is complete.

    Returns
    -------
    A sink that takes regions in the axes (c, z, y, x) or (c, y, x); what is never written is NaN.

    Raises
    ------
    OutputExistsError
        If something of this name exists and `force` is off.
    SettingsError
        If the suffix is not ``.zarr``, or if no class is named.
    AxesError
        If `translation` has another length than `axes`.
    StoreError
        If the folder cannot be written to.
    """
    if path.suffix.lower() != ".zarr":
        raise SettingsError(f"{path.name}: a similarity map is written as OME-Zarr: end its name in .zarr")
    if not class_names:
        raise SettingsError(f"{path.name}: a similarity map needs the name of at least one class")
    if len(translation) != len(axes):
        raise AxesError(f"{len(axes)} axes and a translation of {len(translation)} values do not fit together")
    all_axes = (Axis("c", len(class_names)), *axes)
    shape = tuple(axis.size for axis in all_axes)
    layout = SpoolLayout(shape, np.dtype(np.float32), tuple(axis.name for axis in all_axes), float("nan"))
    scales = multiscales("similarity", all_axes, (0.0, *translation))
    metadata = {"version": "0.5", "multiscales": scales, "omero": _display(class_names)}
    return SpooledSink(path, layout, partial(_complete, layout=layout, metadata=metadata), force=force)


def _display(class_names: tuple[str, ...]) -> dict[str, Any]:
    """How viewers show the channels: named, in the colours of their classes, and from 0 to 1."""
    window = {"start": 0.0, "end": 1.0, "min": 0.0, "max": 1.0}
    colours = ["{:02X}{:02X}{:02X}".format(*class_colour(index)) for index in range(len(class_names))]
    pairs = zip(class_names, colours, strict=True)
    return {"channels": [{"label": name, "color": colour, "window": window} for name, colour in pairs]}


def _complete(group: zarr.Group, folder: Path, *, layout: SpoolLayout, metadata: dict[str, Any]) -> Path:
    build_pyramid(group, layout)
    group.attrs.update({"ome": metadata})
    return folder
