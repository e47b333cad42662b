"""OME-Zarr 0.1 to 0.5 and plain zarr, in folders or at URLs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import zarr

from dinoscope.errors import ImageReadError, MissingDependencyError
from dinoscope.geometry import AXIS_ORDER
from dinoscope.image._failures import READ_FAILURES
from dinoscope.image._lazy import Deferred, LazyArray
from dinoscope.image._opened import Opened, check_level
from dinoscope.image._units import to_nm
from dinoscope.image._zarr_damage import guard_blosc

if TYPE_CHECKING:
    from pathlib import Path

_MARKERS = ("zarr.json", ".zgroup", ".zarray")

_METADATA_THREADS = 8
"""Levels of which the metadata are asked for at once: over a network each answer takes a while."""


def is_zarr(folder: Path) -> bool:
    """Whether a local folder is a zarr array or group."""
    return any((folder / marker).is_file() for marker in _MARKERS)


def open_zarr(location: str, level: int) -> Opened:
    """The image at a path or URL: a multiscale image, the first image of a conversion, or a plain array.

    Raises
    ------
    ImageReadError
        If the group holds several things to choose from.
    SettingsError
        If there is no such level.
    MissingDependencyError
        If the URL's protocol needs a package that is not installed.
    """
    try:
        node = zarr.open(location, mode="r")
    except ImportError as error:  # a URL whose protocol needs one more package
        raise MissingDependencyError(f"{location} cannot be opened: {error}") from error
    return open_node(node, level, location)


def open_node(node: zarr.Array[Any] | zarr.Group, level: int, location: str) -> Opened:
    """The image that an opened zarr array or group holds."""
    if isinstance(node, zarr.Array):
        check_level(level, 1, location)
        return Opened(guard_blosc(node), _dimension_names(node))
    attributes: Any = dict(node.attrs)
    ome = attributes.get("ome", attributes)  # 0.5 keeps its metadata under one key
    if ome.get("multiscales"):
        return _open_multiscale(node, ome["multiscales"][0], level, location)
    if "bioformats2raw.layout" in ome and "0" in node:
        return open_node(node["0"], level, f"{location}/0")
    arrays = dict(node.arrays())
    if len(arrays) == 1:
        return open_node(next(iter(arrays.values())), level, location)
    raise ImageReadError(
        f"{location} is a zarr group and not an image; choose one of {_choices(node, ome)} by adding it to the path"
    )


def _choices(node: zarr.Group, ome: dict[str, Any]) -> str:
    """What a user could have meant: the wells of a plate, the labels of an image, or whatever is inside."""
    if "plate" in ome:
        names = [f"{well['path']}/0" for well in ome["plate"].get("wells", [])]
    elif "well" in ome:
        names = [image["path"] for image in ome["well"].get("images", [])]
    else:
        names = sorted(ome.get("labels") or [name for name, _ in node.members()])
    shown = ", ".join(names[:8]) or "nothing (it is empty)"
    return f"{shown}, ..." if len(names) > 8 else shown


def _open_multiscale(node: zarr.Group, multiscale: dict[str, Any], level: int, location: str) -> Opened:
    datasets = multiscale["datasets"]
    check_level(level, len(datasets), location)
    array = node[datasets[level]["path"]]
    if not isinstance(array, zarr.Array):
        raise ImageReadError(f"{location}: level {level} is a group, expected an array; the file is damaged")
    axes = multiscale.get("axes") or "tczyx"[-array.ndim :]  # 0.1 and 0.2 do not name them: always tczyx
    described = [{"name": axis} if isinstance(axis, str) else axis for axis in axes]
    names = [_axis_name(axis) for axis in described]
    scales = [1.0] * len(names)
    for transforms in (datasets[level], multiscale):
        for transform in transforms.get("coordinateTransformations", []):
            if transform["type"] == "scale":
                scales = [a * b for a, b in zip(scales, transform["scale"], strict=True)]
    lengths = {
        name: to_nm(scale, axis.get("unit"))
        for name, scale, axis in zip(names, scales, described, strict=True)
        if name in "zyx"
    }
    known = {name: length for name, length in lengths.items() if length is not None}
    return Opened(guard_blosc(array), "".join(names), known, _coarser(node, datasets[level + 1 :]))


def _coarser(node: zarr.Group, datasets: list[Any]) -> tuple[LazyArray, ...]:
    """The arrays of these datasets, without those that cannot be opened: the image is of use without them."""

    def opened(dataset: Any) -> LazyArray | None:
        with suppress(*READ_FAILURES):
            array = node[str(dataset["path"])]
            if isinstance(array, zarr.Array):
                return Deferred(array.shape, array.dtype, partial(guard_blosc, array))
        return None

    if not datasets:
        return ()
    with ThreadPoolExecutor(_METADATA_THREADS) as pool:
        return tuple(level for level in pool.map(opened, datasets) if level is not None)


def _axis_name(axis: dict[str, Any]) -> str:
    """The letter of an axis: its name where that is one, else by its type."""
    name = str(axis["name"]).lower()
    by_type = {"channel": "c", "time": "t"}.get(str(axis.get("type")), name)
    return name if name in AXIS_ORDER else by_type


def _dimension_names(array: zarr.Array[Any]) -> str | None:
    """Names of a zarr v3 array's dimensions (or xarray's in v2), where they are letters that we know."""
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    if not isinstance(names, list | tuple):
        return None
    letters = [str(name).lower() for name in names]
    known = all(letter in tuple(AXIS_ORDER) for letter in letters) and {"y", "x"} <= set(letters)
    return "".join(letters) if known and len(set(letters)) == len(letters) else None
