"""The measurements of objects as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dinoscope.outputs import to_data_frame

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]

_CENTROID = ("centroid_z", "centroid_y", "centroid_x")

_DETAILS = ("bbox_", "centroid_", "direction_", "std_", "min_", "max_", "middle_", "eccentricity", "neighbour_label")
"""What the names of columns begin with that an overview leaves out."""

_COARSE = {"area_px": "area_nm2", "volume_voxels": "volume_nm3"}
"""Columns that say the same as another one, where that is there."""


@dataclass(frozen=True, slots=True, eq=False)
class ObjectTable:
    """Measurements of n objects.

    Attributes
    ----------
    columns
        Name and values of every column, n each. ``y`` stands for every axis of the image. Where the pixel size is
        unknown ``nm`` and ``nm2`` become ``px``, and lengths count voxels:

        - ``label``, and ``class`` where classes were given;
        - ``area_px`` or ``volume_voxels``, and with a pixel size ``area_nm2`` or ``volume_nm3``;
        - ``equivalent_diameter_nm``: of the circle or ball of the same size;
        - ``perimeter_nm`` or ``surface_nm2``, holes and what the image border cuts counted;
        - ``major_axis_nm``, in 3-D ``middle_axis_nm``, and ``minor_axis_nm``: whole axes of the ellipse or ellipsoid
          with the same second moments, and ``elongation``, 1 - minor / major: 0 for a circle or ball, 1 for a line;
        - in 2-D ``eccentricity`` (0 for a circle, towards 1 for a line) and ``orientation_rad`` of the major axis,
          counted from y towards x, from -π/2 to π/2;
        - in 3-D ``direction_z``, ``direction_y``, ``direction_x``: unit vector along the major axis, in space and not
          in voxels, whose largest component is positive;
        - ``mean_intensity``, ``std_intensity`` (of the voxels, not an estimate from a sample), ``min_intensity`` and
          ``max_intensity`` where an intensity image was given; NaN if one of the voxels is;
        - ``neighbour_label`` and ``neighbour_distance_nm``: the object of the same class whose centroid is nearest,
          and how far it is; 0 and NaN where there is none;
        - ``touches_border``: whether the image may show only a part of it. An axis of one voxel has no border;
        - ``centroid_y`` in voxels, 0 being the centre of the first, and with a pixel size ``centroid_y_nm``;
        - ``bbox_y_start``, ``bbox_y_stop``: half-open, in voxels.
    """

    columns: Columns

    def __len__(self) -> int:
        return len(self.columns["label"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Values of a column."""
        return self.columns[name]

    @property
    def overview(self) -> Columns:
        """The columns that people look at first, for tables on a screen."""
        return {
            name: values
            for name, values in self.columns.items()
            if not name.startswith(_DETAILS) and _COARSE.get(name) not in self.columns
        }

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
