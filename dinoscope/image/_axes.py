"""From an array as it lies in a file to an image with its axes in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import AxesError, ImageReadError
from dinoscope.geometry import AXIS_ORDER, Axis
from dinoscope.image._image import Image
from dinoscope.image._lazy import Adopted
from dinoscope.image._levels import SAMPLE_KINDS, check_levels, fitting_levels, map_levels
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


def arrange(opened: Opened, told_axes: str | None, name: str, uri: str, *, keep_levels: bool = False) -> Image:
    """An image from what an adapter found: axes named and put in order, single channels and alpha dropped.

    Parameters
    ----------
    opened
        What was found.
    told_axes
        Axis names that count more than those that were found.
    name, uri
        Of the image.
    keep_levels
        Whether coarser levels that do not fit are an error; otherwise they are left out.

    Raises
    ------
    AxesError
        If the axes are unknown, the told ones do not fit the array, or a level does not fit that is to be kept.
    ImageReadError
        If the samples are neither integers nor floats, or the array is empty.
    """
    shape = tuple(int(extent) for extent in opened.data.shape)
    dtype = _checked_dtype(opened.data, f"image {name!r}")
    if 0 in shape:
        raise ImageReadError(f"image {name!r} is empty: its shape is {shape}")
    names = told_axes or opened.axes or infer_axes(shape, dtype)
    _check_names(names, shape, name)
    if keep_levels:
        _check_given_levels(names, opened, f"image {name!r}")
    else:
        opened = replace(opened, coarser=fitting_levels(names, opened.data, opened.coarser))
    opened, names = _only_colours(*_without_singles(map_levels(opened, _native), names))
    order = tuple(names.index(axis) for axis in AXIS_ORDER if axis in names)
    if order != tuple(range(len(names))):
        opened, names = map_levels(opened, lambda level: Reordered(level, order)), "".join(names[i] for i in order)
    axes = tuple(_axis(axis, size, opened) for axis, size in zip(names, opened.data.shape, strict=True))
    return Image(name, uri, axes, opened.data, opened.coarser)


def _check_given_levels(names: str, opened: Opened, what: str) -> None:
    check_levels(names, (opened.data, *opened.coarser), what)
    for number, level in enumerate(opened.coarser, start=1):
        _checked_dtype(level, f"level {number} of {what}")


def _checked_dtype(array: ArrayLike, what: str) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(array.dtype)
    if dtype.kind not in SAMPLE_KINDS:
        raise ImageReadError(f"{what} has samples of type {dtype}: expected integers or floats")
    return dtype


def _native(array: ArrayLike) -> ArrayLike:
    """The array with its samples in the byte order of this machine."""
    return array if np.dtype(array.dtype).isnative else Adopted(array)


def _axis(name: str, size: int, opened: Opened) -> Axis:
    scale = opened.scale_nm.get(name)
    return Axis(name, int(size)) if scale is None else Axis(name, int(size), float(scale), "nm")


def _check_names(names: str, shape: tuple[int, ...], name: str) -> None:
    if len(names) != len(shape) or len(set(names)) != len(names) or not {"y", "x"} <= set(names) <= set(AXIS_ORDER):
        raise AxesError(
            f"axes {names!r} do not fit image {name!r} of shape {shape}: expected {len(shape)} different letters of "
            f"{AXIS_ORDER!r}, y and x among them; tell the right ones with --axes"
        )


def _without_singles(opened: Opened, names: str) -> tuple[Opened, str]:
    """The arrays without axes t, c and s of size 1: one channel is no choice."""
    for axis in "tcs":
        if axis in names and opened.data.shape[names.index(axis)] == 1:
            opened, names = _first_only(opened, names.index(axis)), names.replace(axis, "")
    return opened, names


def _only_colours(opened: Opened, names: str) -> tuple[Opened, str]:
    """The arrays with exactly three samples per pixel, or none: alpha is dropped, spectra become channels."""
    if "s" not in names:
        return opened, names
    at = names.index("s")
    samples = opened.data.shape[at]
    if samples == 2:  # grey and alpha
        return _first_only(opened, at), names.replace("s", "")
    if samples == 4:  # RGB and alpha
        index = [slice(None)] * len(names)
        index[at] = slice(0, 3)
        return map_levels(opened, lambda level: Cropped(level, tuple(index))), names
    if samples > 4 and "c" not in names:
        return opened, names.replace("s", "c")
    return opened, names


def _first_only(opened: Opened, axis: int) -> Opened:
    return map_levels(opened, lambda level: Picked(level, axis, 0))
