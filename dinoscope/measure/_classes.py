"""How many objects there are of each class, and how much of the image they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.measure._columns import is_physical, unit, voxel_size
from dinoscope.outputs import to_data_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.measure._table import Columns, ObjectTable

_NM_PER_UM = 1000.0
_ALL = "objects"
"""What the only class is called where there are none."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassTable:
    """The objects of n classes together.

    Attributes
    ----------
    columns
        Name and values of every column, n each. In 3-D ``volume_voxels``, ``volume_nm3`` and ``per_um3`` take the place
        of the areas. Where the pixel size is unknown there are only px, or voxels:

        - ``class``;
        - ``objects``, and ``at_border``: how many of these the image may show only a part of;
        - ``area_px`` and ``area_nm2`` of all of them;
        - ``covered``: share of the image, 0 to 1;
        - ``density_per_um2``: objects per area of the image, those at the border included;
        - ``mean_equivalent_diameter_nm`` and ``std_equivalent_diameter_nm``, the standard deviation of a sample (n - 1
          in the denominator). NaN where there are too few objects.
    """

    columns: Columns

    def __len__(self) -> int:
        return len(self.columns["class"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Values of a column."""
        return self.columns[name]

    def rows(self) -> dict[str, dict[str, Any]]:
        """The figures of each class, as plain JSON values; what is NaN is not there."""
        names = self["class"].tolist()
        figures = {name: values.tolist() for name, values in self.columns.items() if name != "class"}
        return {
            one: {name: values[i] for name, values in figures.items() if values[i] == values[i]}
            for i, one in enumerate(names)
        }

    def to_pandas(self) -> pd.DataFrame:
        """The table as a data frame, its index being ``class``.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        return to_data_frame(self.columns, "class")


def count_objects(table: ObjectTable, image: Image, *, classes: Sequence[str] = ()) -> ClassTable:
    """Count the objects of each class, and relate them to the image they were found in.

    Parameters
    ----------
    table
        Objects; where they have no classes, all of them are one, ``objects``.
    image
        The measured labels, or the image that they belong to: its shape and voxel size count.
    classes
        Classes that come first, in this order, whether there are objects of them or not; then others by name.
    """
    owner = table["class"] if "class" in table.columns else np.full(len(table), _ALL)
    found = set(owner.tolist()) if len(table) or "class" in table.columns or classes else {_ALL}
    names = [*dict.fromkeys(classes), *sorted(found - set(classes))]
    members = [np.flatnonzero(owner == name) for name in names]
    axes = tuple(axis for axis in image.axes if axis.kind == "space")
    plain = "area_px" if len(axes) == 2 else "volume_voxels"
    voxels = np.array([table[plain][mine].sum() for mine in members], np.int64)
    whole = np.prod([float(axis.size) for axis in axes])
    counts = np.array([len(mine) for mine in members], np.int64)
    at_border = np.array([table["touches_border"][mine].sum() for mine in members], np.int64)
    columns: Columns = {"class": np.array(names, np.str_), "objects": counts, "at_border": at_border, plain: voxels}
    if is_physical(axes):
        size, power = np.prod(voxel_size(axes)), len(axes)
        columns |= {"area_nm2" if power == 2 else "volume_nm3": voxels * size, "covered": voxels / whole}
        columns[f"density_per_um{power}"] = counts / (whole * size / _NM_PER_UM**power)
    else:
        columns |= {"covered": voxels / whole, f"density_per_{'px' if len(axes) == 2 else 'voxel'}": counts / whole}
    return ClassTable(columns | _diameters(table, members, f"equivalent_diameter_{unit(axes)}"))


def _diameters(table: ObjectTable, members: list[NDArray[np.intp]], name: str) -> Columns:
    """Mean and standard deviation of a column for each class, NaN where they do not exist."""
    values = [table[name][mine] for mine in members]
    return {
        f"mean_{name}": np.array([v.mean() if len(v) else np.nan for v in values], np.float64),
        f"std_{name}": np.array([v.std(ddof=1) if len(v) > 1 else np.nan for v in values], np.float64),
    }
