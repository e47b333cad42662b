"""From an array as it lies in a file to an image with its axes in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import AxesError, ImageReadError
from dinoscope.geometry import AXIS_ORDER, Axis
from dinoscope.image._image import Image
from dinoscope.image._lazy import Adopted
from dinoscope.image._views import Cropped, Picked, Reordered

if TYPE_CHECKING:
    from dinoscope.image._image import ArrayLike
    from dinoscope.image._opened import Opened

_MUCH_LARGER = 8
"""An RGB picture is taken for one when its sides are at least this many times its number of samples."""


def infer_axes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """Axis names of an array about which nothing is known but its shape and dtype.

    Two axes are ``yx``. Three are ``zyx``, unless the last one holds 3 or 4 samples of 8 bits and the other two are
    at least 8 times larger: those are the ``yxs`` of an RGB or RGBA picture. Anything else could be several things.

    Raises
    ------
    AxesError
        If there are fewer than 2 or more than 3 axes.
    """
    if len(shape) == 2:
        return "yx"
    if len(shape) == 3:
        samples = shape[-1]
        colour = samples in (3, 4) and dtype == np.uint8 and min(shape[:2]) >= _MUCH_LARGER * samples
        return "yxs" if colour else "zyx"
    example = "zcyx" if len(shape) == 4 else "tczyx"[-len(shape) :]
    raise AxesError(
        f"an array of {len(shape)} axes with shape {shape} does not tell what its axes are: name them, one letter of "
        f"{AXIS_ORDER!r} each, with --axes or ImageSettings(axes=...), such as {example!r}"
    )


def arrange(opened: Opened, told_axes: str | None, name: str, uri: str) -> Image:
    """An image from what an adapter found: axes named and put in order, single channels and alpha dropped.

    Raises
    ------
    AxesError
        If the axes are unknown, or the told ones do not fit the array.
    ImageReadError
        If the samples are neither integers nor floats, or the array is empty.
    """
    data: ArrayLike = opened.data
    shape, dtype = tuple(int(extent) for extent in data.shape), np.dtype(data.dtype)
    if dtype.kind not in "biuf":
        raise ImageReadError(f"image {name!r} has samples of type {dtype}: expected integers or floats")
    if 0 in shape:
        raise ImageReadError(f"image {name!r} is empty: its shape is {shape}")
    names = told_axes or opened.axes or infer_axes(shape, dtype)
    _check_names(names, shape, name)
    if not dtype.isnative:
        data = Adopted(data)
    data, names = _only_colours(*_without_singles(data, names))
    order = tuple(names.index(axis) for axis in AXIS_ORDER if axis in names)
    if order != tuple(range(len(names))):
        data, names = Reordered(data, order), "".join(names[i] for i in order)
    axes = tuple(_axis(axis, size, opened) for axis, size in zip(names, data.shape, strict=True))
    return Image(name, uri, axes, data)


def _axis(name: str, size: int, opened: Opened) -> Axis:
    scale = opened.scale_nm.get(name)
    return Axis(name, int(size)) if scale is None else Axis(name, int(size), float(scale), "nm")


def _check_names(names: str, shape: tuple[int, ...], name: str) -> None:
    if len(names) != len(shape) or len(set(names)) != len(names) or not {"y", "x"} <= set(names) <= set(AXIS_ORDER):
        raise AxesError(
            f"axes {names!r} do not fit image {name!r} of shape {shape}: expected {len(shape)} different letters of "
            f"{AXIS_ORDER!r}, y and x among them; tell the right ones with --axes"
        )


def _without_singles(data: ArrayLike, names: str) -> tuple[ArrayLike, str]:
    """The array without axes t, c and s of size 1: one channel is no choice."""
    for axis in "tcs":
        if axis in names and data.shape[names.index(axis)] == 1:
            data, names = Picked(data, names.index(axis), 0), names.replace(axis, "")
    return data, names


def _only_colours(data: ArrayLike, names: str) -> tuple[ArrayLike, str]:
    """The array with exactly three samples per pixel, or none: alpha is dropped, spectra become channels."""
    if "s" not in names:
        return data, names
    at = names.index("s")
    samples = data.shape[at]
    if samples == 2:  # grey and alpha
        return Picked(data, at, 0), names.replace("s", "")
    if samples == 4:  # RGB and alpha
        index = [slice(None)] * len(names)
        index[at] = slice(0, 3)
        return Cropped(data, tuple(index)), names
    if samples > 4 and "c" not in names:
        return data, names.replace("s", "c")
    return data, names
