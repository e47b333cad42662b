"""Examples that a person gives: points, polygons and painted regions, each with a class and a sign.

Coordinates are voxel indices ``(z, y, x)`` of the image they were made on; z is 0 in a 2-D image.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from dinoscope.errors import PromptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

DEFAULT_CLASS = "object"
"""Class of prompts that name none."""


@dataclass(frozen=True, slots=True)
class PointPrompt:
    """A click.

    Attributes
    ----------
    position
        Voxel coordinates (z, y, x).
    class_name
        What it is an example of.
    positive
        False for a counter-example: "this is not one".
    """

    position: tuple[float, float, float]
    class_name: str = DEFAULT_CLASS
    positive: bool = True

    @property
    def bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Lowest and highest coordinates (z, y, x)."""
        return self.position, self.position


@dataclass(frozen=True, slots=True)
class PolygonPrompt:
    """An outline in one section.

    Attributes
    ----------
    section
        Index z.
    vertices
        Voxel coordinates (y, x) of at least three corners.
    class_name, positive
        As in `PointPrompt`.
    """

    section: int
    vertices: tuple[tuple[float, float], ...]
    class_name: str = DEFAULT_CLASS
    positive: bool = True

    @property
    def bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Lowest and highest coordinates (z, y, x)."""
        corners = np.asarray(self.vertices)
        low, high = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return (float(self.section), *low), (float(self.section), *high)


@dataclass(frozen=True, slots=True, eq=False)
class MaskPrompt:
    """A painted region, or an object of an existing mask, in one section.

    Attributes
    ----------
    section
        Index z.
    origin
        Voxel (y, x) of the first pixel of `mask`.
    mask
        Boolean, shape (Y, X), with at least one True.
    class_name, positive
        As in `PointPrompt`.
    """

    section: int
    origin: tuple[int, int]
    mask: NDArray[np.bool_]
    class_name: str = DEFAULT_CLASS
    positive: bool = True

    @property
    def bounds(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Lowest and highest coordinates (z, y, x)."""
        (y, x), (height, width) = self.origin, self.mask.shape
        return (float(self.section), float(y), float(x)), (float(self.section), y + height - 1.0, x + width - 1.0)


Prompt = PointPrompt | PolygonPrompt | MaskPrompt


def check_prompts(prompts: Sequence[Prompt], voxels: tuple[int, int, int]) -> None:
    """Make sure that there are positive prompts of every class and that all lie inside of the image.

    Raises
    ------
    PromptError
        If there are none, one lies outside of `voxels` (z, y, x), or a class has counter-examples only.
    """
    if not prompts:
        raise PromptError("there are no prompts: at least one positive example is needed")
    for number, prompt in enumerate(prompts):
        low, high = prompt.bounds
        inside = all(-0.5 <= a and b < n - 0.5 for a, b, n in zip(low, high, voxels, strict=True))
        if not inside:
            raise PromptError(
                f"prompt {number} at (z, y, x) = {_short(low)} lies outside of the image of {voxels} voxels: "
                "prompts are in voxel indices, axis-0 first"
            )
    for name in class_names(prompts):
        if not any(p.positive for p in prompts if p.class_name == name):
            raise PromptError(f"class {name!r} has counter-examples only: add at least one positive example of it")


def class_names(prompts: Iterable[Prompt]) -> tuple[str, ...]:
    """The classes in order of first appearance."""
    return tuple(dict.fromkeys(prompt.class_name for prompt in prompts))


def read_prompts(path: str | Path) -> list[Prompt]:
    """Prompts from a file: napari's points CSV, or GeoJSON.

    CSV has the columns ``index,axis-0,axis-1[,axis-2]`` and optionally ``class`` and ``positive``. GeoJSON has Point
    and Polygon features with coordinates ``[x, y]`` in pixels and the optional properties ``class``, ``positive`` and
    ``z`` (section).

    Raises
    ------
    PromptError
        If the file is missing, of another kind, or a row makes no sense.
    """
    path = Path(path)
    readers = {".csv": _read_csv, ".geojson": _read_geojson, ".json": _read_geojson}
    if path.suffix.lower() not in readers:
        raise PromptError(f"{path}: prompts of kind {path.suffix!r} are unknown, expected .csv, .geojson or .json")
    try:
        return readers[path.suffix.lower()](path)
    except OSError as error:
        raise PromptError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, PromptError):
            raise
        raise PromptError(f"{path}: not in the expected form ({type(error).__name__}: {error})") from error


def write_prompts(prompts: Iterable[PointPrompt], path: str | Path) -> None:
    """Write points as a CSV that napari and `read_prompts` open."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["index", "axis-0", "axis-1", "axis-2", "class", "positive"])
        for index, prompt in enumerate(prompts):
            writer.writerow([index, *prompt.position, prompt.class_name, str(prompt.positive).lower()])


def prompts_from_labels(
    sections: Iterable[tuple[int, NDArray[Any]]], corner: tuple[int, int] = (0, 0)
) -> list[MaskPrompt]:
    """One positive prompt per connected object of a label image; every value above 0 is a class named after it.

    Parameters
    ----------
    sections
        Pairs of a section index and its labels, shape (Y, X), integer.
    corner
        Voxel (y, x) of the first pixel of the labels.
    """
    prompts: list[MaskPrompt] = []
    for section, labels in sections:
        for value in np.unique(labels[labels > 0]):
            objects, count = ndimage.label(labels == value)
            for number, box in enumerate(ndimage.find_objects(objects, max_label=count), start=1):
                origin = (corner[0] + int(box[0].start), corner[1] + int(box[1].start))
                prompts.append(MaskPrompt(section, origin, objects[box] == number, class_name=str(value)))
    return prompts


def describe_prompt(prompt: Prompt) -> dict[str, Any]:
    """A prompt as plain JSON values, for provenance: a mask is told by its box and area."""
    record: dict[str, Any] = {"class": prompt.class_name, "positive": prompt.positive}
    match prompt:
        case PointPrompt(position=position):
            return {"kind": "point", "position": list(position), **record}
        case PolygonPrompt(section=section, vertices=vertices):
            return {"kind": "polygon", "section": section, "vertices": [list(v) for v in vertices], **record}
        case MaskPrompt(section=section, origin=origin, mask=mask):
            box = {"section": section, "origin": list(origin), "shape": list(mask.shape)}
            return {"kind": "mask", **box, "area": int(mask.sum()), **record}


def _read_csv(path: Path) -> list[Prompt]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
        if rows and not {"axis-0", "axis-1"} <= rows[0].keys():
            found = ", ".join(rows[0])
            raise PromptError(f"{path}: found the columns {found}; expected index,axis-0,axis-1[,axis-2]")
    return [_point_of_row(row, f"{path}, line {number}") for number, row in enumerate(rows, start=2)]


def _point_of_row(row: dict[str, str], where: str) -> PointPrompt:
    names = [name for name in ("axis-0", "axis-1", "axis-2") if row.get(name) not in (None, "")]
    try:
        position = [float(row[name]) for name in names]
    except ValueError as error:
        raise PromptError(f"{where}: a coordinate is not a number ({error})") from error
    if not np.isfinite(position).all() or len(position) < 2:
        raise PromptError(f"{where}: expected 2 or 3 finite coordinates, found {position}")
    z, y, x = [0.0] * (3 - len(position)) + position
    name = (row.get("class") or DEFAULT_CLASS).strip()
    return PointPrompt((z, y, x), name, _is_positive(row.get("positive") or "true", where))


def _read_geojson(path: Path) -> list[Prompt]:
    content = json.loads(path.read_text(encoding="utf-8"))
    features = content["features"] if content.get("type") == "FeatureCollection" else [content]
    return [_prompt_of_feature(feature, f"{path}, feature {i}") for i, feature in enumerate(features)]


def _prompt_of_feature(feature: dict[str, Any], where: str) -> Prompt:
    properties, geometry = feature.get("properties") or {}, feature["geometry"]
    name = str(properties.get("class", DEFAULT_CLASS))
    positive = _is_positive(properties.get("positive", True), where)
    section = int(properties.get("z", 0))
    if geometry["type"] == "Point":
        x, y = geometry["coordinates"][:2]
        return PointPrompt((float(section), float(y), float(x)), name, positive)
    if geometry["type"] == "Polygon":
        ring = tuple((float(y), float(x)) for x, y, *_ in geometry["coordinates"][0])
        if len(ring) < 3:
            raise PromptError(f"{where}: a polygon of {len(ring)} corners, expected at least 3")
        return PolygonPrompt(section, ring, name, positive)
    raise PromptError(f"{where}: geometry {geometry['type']!r}, expected Point or Polygon")


def _is_positive(value: object, where: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    word = str(value).strip().lower()
    if word not in words:
        raise PromptError(f"{where}: positive is {value!r}, expected true or false")
    return words[word]


def _short(position: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{v:g}" for v in position) + ")"
