"""napari layers as files of ours: labels and points, with their physical size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import AxesError
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image
from dinoscope.napari._images import length_nm
from dinoscope.napari._reader import is_label_folder
from dinoscope.outputs import Detections, LabelsInfo, create_labels, write_csv, write_geojson, write_sidecar
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import DTypeLike, NDArray

_BLOCK = 2048
"""Voxels per side in y and x of what is written at once."""


def write_labels(path: str, data: Any, meta: Mapping[str, Any]) -> list[str]:
    """Write a labels layer as OME-Zarr or OME-TIFF, block by block.

    Parameters
    ----------
    path
        Ends in ``.zarr``, ``.tif`` or ``.tiff``. A file of this name is replaced, and so is a label image; any other
        folder is not.
    data
        Labels (y, x) or (z, y, x), or all levels of them.
    meta
        The layer's attributes.

    Raises
    ------
    AxesError
        If the layer has other than 2 or 3 axes.
    OutputExistsError
        If a folder of this name is something else than labels.
    """
    target = Path(path)
    labels = data[0] if meta.get("multiscale") else data
    axes = _axes(labels.shape, meta)
    image = Image(meta["name"], f"layer:{meta['name']}", axes, labels)
    classes = tuple(meta.get("metadata", {}).get("classes", ()))
    whole = list(blocks(image.extent, (1, _BLOCK, _BLOCK)[-len(axes) :]))
    force = not target.is_dir() or is_label_folder(target)
    with create_labels(
        target, image, _narrowest(image, whole), info=LabelsInfo(image.name, classes), force=force
    ) as sink:
        for block in whole:
            sink.write(block, image.read(block))
    write_sidecar(target, {"layer": image.name, "outcome": {"classes": list(classes)}, "image": _facts(axes)})
    return [path]


def write_points(path: str, data: NDArray[Any], meta: Mapping[str, Any]) -> list[str]:
    """Write a points layer as detections: GeoJSON or CSV.

    Class and score come from the features of these names; without them every point is of the class that the layer is
    called, with score 1. Diameters are the sizes of the points.

    Parameters
    ----------
    path
        Ends in ``.geojson`` or ``.csv``. A file of this name is replaced.
    data
        Positions (n, 2) or (n, 3) in pixels of the layer.
    meta
        The layer's attributes.

    Raises
    ------
    AxesError
        If the layer has other than 2 or 3 axes.
    """
    target, count = Path(path), len(data)
    axes = _axes(tuple(np.ceil(np.max(data, axis=0, initial=0)).astype(int) + 1), meta)
    scale = tuple(axis.scale for axis in axes)
    columns = meta.get("features", {})
    table = Detections(
        axis_names="".join(axis.name for axis in axes),
        centres=np.asarray(data, np.float64) + np.divide(meta["translate"], meta["scale"]),
        scores=np.asarray(columns.get("score", np.ones(count)), np.float64),
        class_names=tuple(str(name) for name in columns.get("class", [meta["name"]] * count)),
        diameters=np.broadcast_to(meta["size"], count).astype(np.float64) * np.mean(scale[-2:]),
        unit=axes[-1].unit,
        scale=scale,
    )
    write = write_csv if target.suffix.lower() == ".csv" else write_geojson
    write(target, table)
    write_sidecar(target, {"layer": meta["name"], "image": _facts(axes)})
    return [path]


def _axes(shape: Sequence[int], meta: Mapping[str, Any]) -> tuple[Axis, ...]:
    """The axes of a layer; in nm where all of them are lengths, in pixels otherwise."""
    if len(shape) not in (2, 3):
        raise AxesError(f"layer {meta['name']!r} has {len(shape)} axes: expected (y, x) or (z, y, x)")
    names = "zyx"[-len(shape) :]
    lengths = [length_nm(scale, unit) for scale, unit in zip(meta["scale"], meta["units"], strict=True)]
    return tuple(
        Axis(name, int(size)) if None in lengths or length is None else Axis(name, int(size), length, "nm")
        for name, size, length in zip(names, shape, lengths, strict=True)
    )


def _narrowest(image: Image, whole: Sequence[Region]) -> DTypeLike:
    """The smallest type that holds all labels: viewers count in 64 bits, which TIFF does not hold."""
    lowest, highest = 0, 0
    for block in whole:
        labels = image.read(block)
        lowest, highest = min(lowest, int(labels.min())), max(highest, int(labels.max()))
    return np.result_type(np.min_scalar_type(lowest), np.min_scalar_type(highest))


def _facts(axes: Sequence[Axis]) -> dict[str, Any]:
    """What a record says of an image, as in the manifest of its features."""
    by_name = {axis.name: axis for axis in axes}
    all_axes = [by_name.get(name, Axis(name, 1)) for name in "zyx"]
    return {
        "axis_names": "".join(by_name),
        "voxels": [axis.size for axis in all_axes],
        "voxel_size": [axis.scale for axis in all_axes],
        "units": [axis.unit for axis in all_axes],
    }
