"""Objects in numbers: size, place, shape and grey value, in voxels and in nm.

The labels are read block by block. Each block adds its voxel counts, sums and second moments to those of its objects;
counts and coordinates are integers, so an object cut by block borders gives the same numbers as one that is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from dinoscope.errors import EvaluationError
from dinoscope.jobs import Progress, ignore_progress
from dinoscope.outputs import to_data_frame
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dinoscope.geometry import Axis, Region
    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback

    Columns = dict[str, NDArray[Any]]

_BLOCK = 1024

_CENTROID = ("centroid_z", "centroid_y", "centroid_x")


@dataclass(frozen=True, slots=True, eq=False)
class ObjectTable:
    """Measurements of n objects.

    Attributes
    ----------
    columns
        Name and values of every column, n each. ``y`` stands for every axis of the image, ``nm`` becomes ``px`` where
        the pixel size is unknown:

        - ``label``, and ``class`` where classes were given;
        - ``area_px`` or ``volume_voxels``, and with a pixel size ``area_nm2`` or ``volume_nm3``;
        - ``equivalent_diameter_nm``: of the circle or ball of the same size;
        - ``centroid_y`` in voxels, 0 being the centre of the first, and with a pixel size ``centroid_y_nm``;
        - ``bbox_y_start``, ``bbox_y_stop``: half-open, in voxels;
        - in 2-D ``major_axis_nm`` and ``minor_axis_nm``, of the ellipse with the same second moments, its
          ``eccentricity`` (0 for a circle, towards 1 for a line) and ``orientation_rad`` of its major axis, counted
          from y towards x, from -π/2 to π/2;
        - ``mean_intensity`` where an intensity image was given.
    """

    columns: Columns

    def __len__(self) -> int:
        return len(self.columns["label"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Values of a column."""
        return self.columns[name]

    def centroid(self, row: int) -> tuple[float, float, float]:
        """Voxel (z, y, x) at the middle of the object in a row; z is 0 in an image without sections."""
        z, y, x = (float(self[name][row]) if name in self.columns else 0.0 for name in _CENTROID)
        return z, y, x

    def to_pandas(self) -> pd.DataFrame:
        """The table as a data frame, its index being ``label``; written as CSV it is the file of `write_table`.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        return to_data_frame(self.columns, "label")


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """What the blocks add up, for n pieces of objects in d axes; coordinates count from `start`."""

    labels: NDArray[Any]
    start: NDArray[np.int64]  # n d
    count: NDArray[np.int64]  # n
    first: NDArray[np.int64]  # n d: sums of the coordinates
    second: NDArray[np.int64]  # n d d: sums of their products
    low: NDArray[np.int64]  # n d: bounding box in voxels of the image
    high: NDArray[np.int64]
    intensity: NDArray[np.float64]  # n


def measure_objects(
    labels: Image,
    intensity: Image | None = None,
    *,
    classes: Sequence[str] | Callable[[int], str] | None = None,
    progress: ProgressCallback = ignore_progress,
) -> ObjectTable:
    """Measure every object of a label image.

    Parameters
    ----------
    labels
        Object numbers with axes (z, y, x) or (y, x), 0 being none. Its scale gives the physical sizes.
    intensity
        Image of the same shape to take the mean of, or None.
    classes
        Class of object 1, 2, …, or a function that tells the class of a number.
    progress
        Called after every block.

    Returns
    -------
    A table in the order of the labels. Axis lengths and orientation are defined as in scikit-image's `regionprops`.

    Raises
    ------
    EvaluationError
        If `intensity` has another shape than `labels`.
    """
    if intensity is not None and intensity.shape != labels.shape:
        raise EvaluationError(
            f"intensities of shape {intensity.shape} cannot be measured in labels of shape {labels.shape}: "
            "expected the same shape"
        )
    regions = list(blocks(labels.extent, (*(1 for _ in labels.shape[:-2]), _BLOCK, _BLOCK)))
    parts = []
    for done, region in enumerate(regions, start=1):
        grey = None if intensity is None else intensity.read(region)
        parts.append(_sum_block(labels.read(region), grey, region))
        progress(Progress("measure", done, len(regions)))
    sums = _merge(parts)
    columns: Columns = {"label": sums.labels}
    if classes is not None:
        numbers = sums.labels.tolist()
        names = [classes(n) if callable(classes) else classes[n - 1] for n in numbers]
        columns["class"] = np.array(names, dtype=np.str_)
    columns |= _sizes(sums, labels.axes) | _places(sums, labels.axes)
    if len(labels.axes) == 2:
        columns |= _shapes(sums, labels.axes)
    if intensity is not None:
        columns["mean_intensity"] = sums.intensity / sums.count
    return ObjectTable(columns)


def _sum_block(labels: NDArray[Any], intensity: NDArray[Any] | None, region: Region) -> _Sums:
    ndim = labels.ndim
    inside = labels != 0
    names, numbers = np.unique(labels[inside], return_inverse=True)
    n = len(names)

    def add_up(weights: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(numbers, weights.astype(np.float64), minlength=n).astype(np.float64)

    places = np.nonzero(inside)
    first = np.stack([add_up(place) for place in places], axis=1)
    second = np.zeros((n, ndim, ndim))
    for i in range(ndim):
        for j in range(i, ndim):
            second[:, i, j] = second[:, j, i] = add_up(places[i] * places[j])
    dense = np.zeros(labels.shape, dtype=np.int64)
    dense[inside] = numbers + 1
    boxes = ndimage.find_objects(dense, max_label=n) if n else []
    start = np.array(region.start)
    return _Sums(
        labels=names,
        start=np.tile(start, (n, 1)),
        count=np.bincount(numbers, minlength=n),
        # Within a block these sums are integers far below 2**53: the floats hold them exactly.
        first=first.astype(np.int64),
        second=second.astype(np.int64),
        low=np.array([[part.start for part in box] for box in boxes], dtype=np.int64).reshape(n, ndim) + start,
        high=np.array([[part.stop for part in box] for box in boxes], dtype=np.int64).reshape(n, ndim) + start,
        intensity=np.zeros(n) if intensity is None else add_up(intensity[inside]),
    )


def _merge(parts: list[_Sums]) -> _Sums:
    """Add up the pieces of each object, with coordinates from the lowest of their starts."""
    names, owner = np.unique(np.concatenate([part.labels for part in parts]), return_inverse=True)
    ndim = parts[0].start.shape[1]

    def gather(column: str, merge: np.ufunc) -> NDArray[Any]:
        return _reduce(merge, owner, np.concatenate([getattr(part, column) for part in parts]), len(names))

    start = gather("start", np.minimum)
    shift = np.concatenate([part.start for part in parts]) - start[owner]  # p d
    count = np.concatenate([part.count for part in parts])
    first = np.concatenate([part.first for part in parts])
    second = np.concatenate([part.second for part in parts])
    crossed = first[:, :, None] * shift[:, None, :]
    second = second + crossed + crossed.transpose(0, 2, 1)
    second += count[:, None, None] * shift[:, :, None] * shift[:, None, :]
    first = first + count[:, None] * shift
    return _Sums(
        labels=names,
        start=start.reshape(-1, ndim),
        count=gather("count", np.add),
        first=_reduce(np.add, owner, first, len(names)),
        second=_reduce(np.add, owner, second, len(names)),
        low=gather("low", np.minimum),
        high=gather("high", np.maximum),
        intensity=gather("intensity", np.add),
    )


def _reduce(merge: np.ufunc, owner: NDArray[Any], values: NDArray[Any], count: int) -> NDArray[Any]:
    """Merge the rows of each owner into one, shape (count, …)."""
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(count))
    merged: NDArray[Any] = merge.reduceat(values[order], starts, axis=0) if count else values
    return merged


def _is_physical(axes: tuple[Axis, ...]) -> bool:
    return all(axis.unit == "nm" for axis in axes)


def _scale(axes: tuple[Axis, ...]) -> NDArray[np.float64]:
    """Size of a voxel, 1 where it is unknown."""
    return np.array([axis.scale if _is_physical(axes) else 1.0 for axis in axes])


def _sizes(sums: _Sums, axes: tuple[Axis, ...]) -> Columns:
    flat = len(axes) == 2
    columns: Columns = {"area_px" if flat else "volume_voxels": sums.count}
    size = sums.count * _scale(axes).prod()
    if _is_physical(axes):
        columns["area_nm2" if flat else "volume_nm3"] = size
    diameter = 2 * np.sqrt(size / np.pi) if flat else np.cbrt(6 * size / np.pi)
    return {**columns, f"equivalent_diameter_{_suffix(axes)}": diameter}


def _suffix(axes: tuple[Axis, ...]) -> str:
    return "nm" if _is_physical(axes) else "px"


def _places(sums: _Sums, axes: tuple[Axis, ...]) -> Columns:
    centroids = sums.start + sums.first / sums.count[:, None]
    columns: Columns = {f"centroid_{axis.name}": centroids[:, i] for i, axis in enumerate(axes)}
    if _is_physical(axes):
        columns |= {f"centroid_{axis.name}_nm": centroids[:, i] * axis.scale for i, axis in enumerate(axes)}
    for i, axis in enumerate(axes):
        columns[f"bbox_{axis.name}_start"] = sums.low[:, i]
        columns[f"bbox_{axis.name}_stop"] = sums.high[:, i]
    return columns


def _shapes(sums: _Sums, axes: tuple[Axis, ...]) -> Columns:
    """Axes and orientation of the ellipses with the same second moments."""
    mean = sums.first / sums.count[:, None]
    moments = sums.second / sums.count[:, None, None] - mean[:, :, None] * mean[:, None, :]  # n 2 2
    scale = _scale(axes)
    yy, xx = moments[:, 0, 0] * scale[0] ** 2, moments[:, 1, 1] * scale[1] ** 2
    yx = moments[:, 0, 1] * scale[0] * scale[1]
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    major, minor = middle + spread, np.maximum(middle - spread, 0)
    return {
        f"major_axis_{_suffix(axes)}": 4 * np.sqrt(major),
        f"minor_axis_{_suffix(axes)}": 4 * np.sqrt(minor),
        "eccentricity": np.sqrt(1 - np.divide(minor, major, out=np.ones_like(major), where=major > 0)),
        "orientation_rad": np.arctan2(2 * yx, yy - xx) / 2,
    }
