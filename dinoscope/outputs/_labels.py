"""Label images: OME-Zarr, OME-TIFF or PNG, by the suffix of the name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import AxesError, OutputExistsError, SettingsError, StoreError
from dinoscope.outputs._multiscale import build_pyramid, multiscales
from dinoscope.outputs._palette import class_colour
from dinoscope.outputs._sink import CHUNK, LabelSink, SpooledSink, SpoolLayout, read_level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import zarr
    from numpy.typing import DTypeLike, NDArray

    from dinoscope.geometry import Axis
    from dinoscope.image import Image

LABEL_SUFFIXES = (".zarr", ".tif", ".tiff", ".png")
"""What a label image can be written as."""

_OME_TIFF_BYTES = 4
_BIGTIFF_FROM = 2**31


@dataclass(frozen=True, slots=True)
class LabelsInfo:
    """What the values of a label image stand for.

    Attributes
    ----------
    name
        Short name of the result.
    class_names
        Name of value 1, 2, …; empty where the values number objects.
    """

    name: str = "labels"
    class_names: tuple[str, ...] = ()


def create_labels(path: Path, image: Image, dtype: DTypeLike, *, info: LabelsInfo, force: bool = False) -> LabelSink:
    """Begin a label image of the size of an image, to be written region by region.

    Parameters
    ----------
    path
        Name of the result. ``.zarr`` gives a multiscale OME-Zarr 0.5 label image, ``.tif`` and ``.tiff`` a tiled
        OME-TIFF, ``.png`` a grey picture of one section (held in memory as a whole when it is finished).
    image
        The image the labels belong to. The labels have its axes z, y and x, and their scale.
    dtype
        An integer type that holds all labels.
    info
        What the values stand for.
    force
        Whether an earlier result of this name may be replaced; it stays until the new one is complete.

    Returns
    -------
    A sink that takes regions in the axes (z, y, x) or (y, x).

    Raises
    ------
    OutputExistsError
        If something of this name exists and `force` is off, or if it is the image itself.
    SettingsError
        If the suffix is unknown, or `dtype` is no integer type or too wide for the format.
    AxesError
        If a stack is to become a PNG.
    StoreError
        If the folder cannot be written to.
    """
    axes = tuple(axis for axis in image.axes if axis.kind == "space")
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        raise SettingsError(f"labels of type {kind} cannot be written: expected an integer type such as uint16")
    _check_not_the_image(path, image)
    layout = SpoolLayout(tuple(axis.size for axis in axes), kind, tuple(axis.name for axis in axes))
    complete = _completion(path, axes, layout, info)
    return SpooledSink(path, layout, complete, force=force)


def _check_not_the_image(path: Path, image: Image) -> None:
    source = image.uri.removeprefix("file://")
    target = str(path.resolve())
    if source == target or source.startswith((f"{target}/", f"{target}#")):
        raise OutputExistsError(f"{path} is the image itself, which is never overwritten: choose another name")


def _completion(
    path: Path, axes: tuple[Axis, ...], layout: SpoolLayout, info: LabelsInfo
) -> Callable[[zarr.Group, Path], Path]:
    suffix = path.suffix.lower()
    if suffix == ".zarr":
        return partial(_complete_zarr, axes=axes, layout=layout, info=info)
    if suffix in (".tif", ".tiff"):
        if layout.dtype.itemsize > _OME_TIFF_BYTES:
            raise SettingsError(f"OME-TIFF cannot hold labels of type {layout.dtype}: use uint32, or write a .zarr")
        return partial(_complete_tiff, axes=axes, info=info)
    if suffix == ".png":
        if len(axes) > 2:
            raise AxesError(f"{path.name}: a PNG holds one section, the labels have axes z, y, x: use .zarr or .tif")
        return _complete_png
    raise SettingsError(f"{path.name}: cannot tell the format from {suffix!r}: expected {', '.join(LABEL_SUFFIXES)}")


def _complete_zarr(
    group: zarr.Group, folder: Path, *, axes: tuple[Axis, ...], layout: SpoolLayout, info: LabelsInfo
) -> Path:
    build_pyramid(group, layout)
    image_label: dict[str, Any] = {"version": "0.5"}
    if info.class_names:
        values = list(enumerate(info.class_names, start=1))
        image_label["colors"] = [{"label-value": i, "rgba": [*class_colour(i - 1), 255]} for i, _ in values]
        image_label["properties"] = [{"label-value": i, "class": name} for i, name in values]
    scales = multiscales(info.name, axes, (0.0,) * len(axes))
    ome: dict[str, Any] = {"version": "0.5", "multiscales": scales, "image-label": image_label}
    group.attrs.update({"ome": ome})
    return folder


def _complete_tiff(group: zarr.Group, folder: Path, *, axes: tuple[Axis, ...], info: LabelsInfo) -> Path:
    import tifffile

    labels = read_level(group, "0")
    finished = folder / "labels.tif"
    with tifffile.TiffWriter(finished, bigtiff=labels.nbytes >= _BIGTIFF_FROM, ome=True) as writer:
        writer.write(
            _tiles(labels),
            shape=labels.shape,
            dtype=labels.dtype,
            tile=(CHUNK, CHUNK),
            compression="zlib",
            photometric="minisblack",
            metadata={"axes": "".join(axis.name for axis in axes).upper(), "Name": info.name, **_sizes(axes)},
        )
    return finished


def _tiles(labels: zarr.Array[Any]) -> Iterator[NDArray[Any]]:
    """All tiles of all sections in the order of the file; those at the far border are filled up with 0."""
    *_, height, width = labels.shape
    for section in range(labels.shape[0] if labels.ndim == 3 else 1):
        for y in range(0, height, CHUNK):
            for x in range(0, width, CHUNK):
                tile = (slice(y, y + CHUNK), slice(x, x + CHUNK))
                block = np.asarray(labels[(section, *tile) if labels.ndim == 3 else tile])
                yield np.pad(block, [(0, CHUNK - size) for size in block.shape])


def _sizes(axes: tuple[Axis, ...]) -> dict[str, Any]:
    sizes: dict[str, Any] = {}
    for axis in axes:
        if axis.unit == "nm":
            sizes[f"PhysicalSize{axis.name.upper()}"] = axis.scale
            sizes[f"PhysicalSize{axis.name.upper()}Unit"] = "nm"
    return sizes


def _complete_png(group: zarr.Group, folder: Path) -> Path:
    from PIL import Image as Picture

    labels = np.asarray(read_level(group, "0")[:])
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest > np.iinfo(np.uint16).max:
        raise StoreError(f"a PNG holds labels from 0 to 65535, these go from {lowest} to {highest}: use .zarr or .tif")
    finished = folder / "labels.png"
    Picture.fromarray(labels.astype(np.uint8 if highest < 256 else np.uint16)).save(finished)
    return finished
