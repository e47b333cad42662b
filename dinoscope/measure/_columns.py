"""From the sums of objects to their measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.geometry import Axis
    from dinoscope.measure._sums import Sums
    from dinoscope.measure._table import Columns

    Axes = tuple[Axis, ...]


def is_physical(axes: Axes) -> bool:
    """Whether the size of a voxel is known along all axes."""
    return all(axis.unit == "nm" for axis in axes)


def voxel_size(axes: Axes) -> tuple[float, ...]:
    """Size of a voxel, 1 where it is unknown."""
    return tuple(axis.scale if is_physical(axes) else 1.0 for axis in axes)


def unit(axes: Axes, power: int = 1) -> str:
    """What the name of a length ends with, or of an area."""
    return f"nm{power if power > 1 else ''}" if is_physical(axes) else "px"


def size_columns(sums: Sums, surfaces: NDArray[np.float64], axes: Axes) -> Columns:
    """Size, diameter of the circle or ball of that size, and surface."""
    flat = len(axes) == 2
    columns: Columns = {"area_px" if flat else "volume_voxels": sums.count}
    size = sums.count * np.prod(voxel_size(axes))
    if is_physical(axes):
        columns["area_nm2" if flat else "volume_nm3"] = size
    columns[f"equivalent_diameter_{unit(axes)}"] = 2 * np.sqrt(size / np.pi) if flat else np.cbrt(6 * size / np.pi)
    columns[f"perimeter_{unit(axes)}" if flat else f"surface_{unit(axes, 2)}"] = surfaces
    return columns


def shape_columns(sums: Sums, axes: Axes) -> Columns:
    """Axes and directions of the ellipses or ellipsoids with the same second moments.

    Voxels count as points at their centres, as in scikit-image's `regionprops`: of an object whose voxels are those
    with their centre inside, such sums are right on average, however thick the sections are. The moments of the voxels
    as boxes (1/12 of a side squared more) would be too large by what digitisation adds.
    """
    mean = sums.first / sums.count[:, None]
    moments = sums.second / sums.count[:, None, None] - mean[:, :, None] * mean[:, None, :]
    size = np.array(voxel_size(axes))
    moments = moments * size[:, None] * size
    return _ellipses(moments, unit(axes)) if len(axes) == 2 else _ellipsoids(moments, unit(axes))


def _ellipses(moments: NDArray[np.float64], suffix: str) -> Columns:
    """Of moments of shape (n, 2, 2)."""
    yy, xx, yx = moments[:, 0, 0], moments[:, 1, 1], moments[:, 0, 1]
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    major, minor = 4 * np.sqrt(middle + spread), 4 * np.sqrt(np.maximum(middle - spread, 0))
    return {
        f"major_axis_{suffix}": major,
        f"minor_axis_{suffix}": minor,
        "elongation": 1 - _ratio(minor, major),
        "eccentricity": np.sqrt(1 - _ratio(minor, major) ** 2),
        "orientation_rad": np.arctan2(2 * yx, yy - xx) / 2,
    }


def _ellipsoids(moments: NDArray[np.float64], suffix: str) -> Columns:
    """Of moments of shape (n, 3, 3): the variance of an ellipsoid along a half axis a is a² / 5."""
    variances, directions = np.linalg.eigh(moments)  # n 3, ascending; n 3 3, a column each
    minor, middle, major = 2 * np.sqrt(5 * np.maximum(variances.T, 0))
    along = directions[:, :, 2]
    largest = np.take_along_axis(along, np.abs(along).argmax(axis=1)[:, None], axis=1)
    along = along * np.where(largest < 0, -1, 1)
    return {
        f"major_axis_{suffix}": major,
        f"middle_axis_{suffix}": middle,
        f"minor_axis_{suffix}": minor,
        "elongation": 1 - _ratio(minor, major),
        **{f"direction_{name}": along[:, i] for i, name in enumerate("zyx")},
    }


def _ratio(minor: NDArray[np.float64], major: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of two lengths, 1 where both are 0."""
    return np.divide(minor, major, out=np.ones_like(major), where=major > 0)


def grey_columns(sums: Sums) -> Columns:
    """Grey values."""
    return {
        "mean_intensity": sums.total / sums.count,
        "std_intensity": np.sqrt(sums.squares / sums.count),
        "min_intensity": sums.least,
        "max_intensity": sums.most,
    }


def place_columns(sums: Sums, axes: Axes) -> Columns:
    """Whether an object touches the border, centroids and bounding boxes."""
    centroids = _centroids(sums)
    ends = np.array([axis.size for axis in axes])
    at_border = ((sums.low == 0) | (sums.high == ends)) & (ends > 1)
    columns: Columns = {"touches_border": at_border.any(axis=1)}
    columns |= {f"centroid_{axis.name}": centroids[:, i] for i, axis in enumerate(axes)}
    if is_physical(axes):
        columns |= {f"centroid_{axis.name}_nm": centroids[:, i] * axis.scale for i, axis in enumerate(axes)}
    for i, axis in enumerate(axes):
        columns[f"bbox_{axis.name}_start"] = sums.low[:, i]
        columns[f"bbox_{axis.name}_stop"] = sums.high[:, i]
    return columns


def _centroids(sums: Sums) -> NDArray[np.float64]:
    centroids: NDArray[np.float64] = sums.start + sums.first / sums.count[:, None]
    return centroids


def neighbour_columns(sums: Sums, axes: Axes, classes: NDArray[Any]) -> Columns:
    """The nearest object of the same class, for classes of shape (n,)."""
    places = _centroids(sums) * np.array(voxel_size(axes))
    labels, distances = np.zeros_like(sums.labels), np.full(len(sums.labels), np.nan)
    for name in np.unique(classes):
        mine = np.flatnonzero(classes == name)
        if len(mine) > 1:
            apart, which = (np.asarray(found) for found in cKDTree(places[mine]).query(places[mine], k=2))
            row = np.arange(len(mine))
            other = (which[:, 0] == row).astype(int)  # of objects with one centroid, the other may come first
            labels[mine], distances[mine] = sums.labels[mine[which[row, other]]], apart[row, other]
    return {"neighbour_label": labels, f"neighbour_distance_{unit(axes)}": distances}
