"""Detections as CSV, GeoJSON and COCO.

Voxel coordinates count from the centre of the first voxel, as in napari; COCO counts from its corner.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import ImageReadError, SettingsError
from dinoscope.outputs._atomic import partial_file
from dinoscope.outputs._table import to_data_frame, write_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from dinoscope.geometry import LengthUnit
    from dinoscope.image import Image

_SIGNIFICANT_DIGITS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Detections as plain columns.

    Attributes
    ----------
    axis_names
        ``"zyx"`` or ``"yx"``.
    centres
        Voxel coordinates in the order of the axes, shape (n, d).
    scores
        Shape (n,).
    class_names
        Class of each detection, n entries.
    diameters
        In `unit`, shape (n,).
    unit
        ``"nm"``, or ``"pixel"`` where the physical size is unknown.
    scale
        Length of a voxel along each axis in `unit`.
    more
        Further columns of whole numbers, such as ``example``, each of shape (n,).

    Raises
    ------
    SettingsError
        If the columns do not fit together.
    """

    axis_names: str
    centres: NDArray[np.float64]
    scores: NDArray[np.float64]
    class_names: tuple[str, ...]
    diameters: NDArray[np.float64]
    unit: LengthUnit
    scale: tuple[float, ...]
    more: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.axis_names not in ("yx", "zyx"):
            raise SettingsError(f"detections have axes {self.axis_names!r}: expected 'yx' or 'zyx'")
        ndim = len(self.axis_names)
        if self.centres.ndim != 2 or self.centres.shape[1] != ndim or len(self.scale) != ndim:
            raise SettingsError(
                f"centres of shape {self.centres.shape} and {len(self.scale)} scales do not fit axes {self.axis_names}"
            )
        lengths = (len(self.centres), len(self.scores), len(self.class_names), len(self.diameters))
        if len(set(lengths)) > 1:
            raise SettingsError(f"detections have {lengths} centres, scores, classes and diameters: expected as many")
        odd = {name: len(column) for name, column in self.more.items() if len(column) != len(self.centres)}
        if odd:
            raise SettingsError(f"{len(self)} detections have columns of other lengths, {odd}: expected as many rows")

    def __len__(self) -> int:
        return len(self.centres)

    @property
    def sections(self) -> NDArray[np.int64]:
        """Index of the section nearest to each centre, 0 without a z axis, shape (n,)."""
        if self.axis_names == "yx":
            return np.zeros(len(self), dtype=np.int64)
        return np.floor(self.centres[:, 0] + 0.5).astype(np.int64)

    @property
    def positions(self) -> list[tuple[float, ...]]:
        """The centres as voxel positions (z, y, x), z being 0 where there is no such axis."""
        return [(0.0,) * (3 - len(centre)) + tuple(centre) for centre in self.centres.tolist()]

    @property
    def extents_px(self) -> NDArray[np.float64]:
        """Diameters along y and x in pixels, shape (n, 2)."""
        extents: NDArray[np.float64] = self.diameters[:, None] / np.asarray(self.scale[-2:])
        return extents

    def to_pandas(self) -> pd.DataFrame:
        """The detections as a data frame, one row each, with the columns of `write_csv`; ``index`` is its index.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        return to_data_frame(_columns(self), "index")


def write_csv(path: Path, table: Detections) -> Path:
    """Write detections as a CSV that napari opens as points.

    Columns: ``index, axis-0, axis-1[, axis-2], class, score, diameter_nm`` and the centres in nm, or
    ``diameter_px`` alone where the pixel size is unknown; then what `more` has. An earlier file is replaced.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    return write_table(path, _columns(table))


def _columns(table: Detections) -> dict[str, NDArray[Any] | Sequence[Any]]:
    columns: dict[str, NDArray[Any] | Sequence[Any]] = {"index": np.arange(len(table))}
    columns |= {f"axis-{i}": table.centres[:, i] for i in range(len(table.axis_names))}
    columns |= {"class": table.class_names, "score": table.scores}
    columns["diameter_nm" if table.unit == "nm" else "diameter_px"] = table.diameters
    if table.unit == "nm":
        columns |= {f"{name}_nm": table.centres[:, i] * table.scale[i] for i, name in enumerate(table.axis_names)}
    return columns | dict(table.more)


def read_detections_csv(path: Path) -> Detections:
    """Detections from a file of `write_csv`.

    The scale is inferred from the centres, which stand there in voxels and in nm; an axis along which all of them
    are 0 gets scale 1.

    Raises
    ------
    ImageReadError
        If the file is missing, or is no table of detections.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            return _from_rows(rows, list(reader.fieldnames or ()))
    except OSError as error:
        raise ImageReadError(f"cannot read detections from {path}: {error.strerror or error}") from error
    except (KeyError, ValueError, TypeError) as error:
        raise ImageReadError(
            f"{path} is no table of detections ({error}): expected the columns index, axis-0, axis-1, class, score "
            "and diameter_nm or diameter_px"
        ) from error


def _from_rows(rows: list[dict[str, str]], header: list[str]) -> Detections:
    def column(name: str) -> NDArray[np.float64]:
        if name not in header:
            raise KeyError(name)
        return np.array([float(row[name]) for row in rows], dtype=np.float64)

    names = "zyx" if "axis-2" in header else "yx"
    unit: LengthUnit = "nm" if "diameter_nm" in header else "pixel"
    centres = np.stack([column(f"axis-{i}") for i in range(len(names))], axis=1)
    scale = (1.0,) * len(names)
    if unit == "nm":
        scale = tuple(_infer_scale(centres[:, i], column(f"{name}_nm")) for i, name in enumerate(names))
    diameters = column("diameter_nm" if unit == "nm" else "diameter_px")
    classes = tuple(row["class"] for row in rows)
    return Detections(names, centres, column("score"), classes, diameters, unit, scale)


def _infer_scale(voxels: NDArray[np.float64], lengths: NDArray[np.float64]) -> float:
    if not voxels.any():
        return 1.0
    farthest = int(np.argmax(np.abs(voxels)))
    return float(f"{lengths[farthest] / voxels[farthest]:.{_SIGNIFICANT_DIGITS}g}")


def write_geojson(path: Path, table: Detections) -> Path:
    """Write detections as a GeoJSON FeatureCollection of points ``[x, y]`` in voxel coordinates.

    Properties: ``class``, ``score``, ``z`` (the section), ``diameter`` with its ``unit``, and what `more` has. An
    earlier file is replaced.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    features = (
        {
            "type": "Feature",
            "id": index,
            "geometry": {"type": "Point", "coordinates": [float(centre[-1]), float(centre[-2])]},
            "properties": {
                "class": name,
                "score": float(score),
                "z": int(section),
                "diameter": float(diameter),
                "unit": table.unit,
                **{name: int(column[index]) for name, column in table.more.items()},
            },
        }
        for index, (centre, name, score, section, diameter) in enumerate(
            zip(table.centres, table.class_names, table.scores, table.sections, table.diameters, strict=True)
        )
    )
    return _write_json(path, {"type": "FeatureCollection"}, "features", features)


def write_coco(path: Path, table: Detections, image: Image) -> Path:
    """Write detections as COCO JSON, with boxes ``[x, y, width, height]`` around the centres.

    Boxes are in pixels from the corner of the picture, and may leave it. Every section of a stack is an image of
    its own; all ids count from 1. An earlier file is replaced.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    categories = sorted(set(table.class_names))
    annotations = (
        {
            "id": index + 1,
            "image_id": int(section) + 1,
            "category_id": categories.index(table.class_names[index]) + 1,
            "bbox": [float(centre[-1] + 0.5 - w / 2), float(centre[-2] + 0.5 - h / 2), float(w), float(h)],
            "area": float(w * h),
            "iscrowd": 0,
            "score": float(table.scores[index]),
        }
        for index, (centre, section, (h, w)) in enumerate(
            zip(table.centres, table.sections, table.extents_px, strict=True)
        )
    )
    content = {
        "images": _coco_images(image),
        "categories": [{"id": index, "name": name} for index, name in enumerate(categories, start=1)],
    }
    return _write_json(path, content, "annotations", annotations)


def _coco_images(image: Image) -> list[dict[str, Any]]:
    size = {"width": image.axis("x").size, "height": image.axis("y").size}
    if "z" not in image.axis_names:
        return [{"id": 1, "file_name": image.name, **size}]
    sections = range(image.axis("z").size)
    return [{"id": z + 1, "file_name": f"{image.name}_z{z:04d}", **size} for z in sections]


def _write_json(path: Path, content: dict[str, Any], name: str, entries: Iterable[dict[str, Any]]) -> Path:
    """Write an object whose last member is a list; its entries are text one by one."""
    head = json.dumps(content, indent=1, ensure_ascii=False).removesuffix("\n}")
    with partial_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        file.write(f'{head},\n "{name}": [')
        for index, entry in enumerate(entries):
            file.write(f"{',' if index else ''}\n  {json.dumps(entry, ensure_ascii=False)}")
        file.write("\n ]\n}\n")
    return path
