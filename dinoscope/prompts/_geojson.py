"""Prompts of every kind in GeoJSON, in the units of pictures: coordinates are ``[x, y]`` voxel indices.

A box is a Polygon with the property ``kind: "box"``, a stroke a LineString with the property ``width``, a mask a
MultiPolygon whose rings run between the voxels. So each looks in other programs as it looks here. A text has no
geometry, but the property ``text``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import PromptError
from dinoscope.prompts._kinds import (
    DEFAULT_CLASS,
    BoxPrompt,
    MaskPrompt,
    PointPrompt,
    PolygonPrompt,
    StrokePrompt,
    TextPrompt,
)
from dinoscope.prompts._rings import mask_of_rings, rings_of_mask
from dinoscope.prompts._shapes import is_upright
from dinoscope.prompts._signs import is_positive

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from dinoscope.prompts._kinds import Corner, Prompt

    Json = dict[str, Any]


def read_geojson(path: Path) -> list[Prompt]:
    """The prompts of all features.

    Raises
    ------
    PromptError
        If a feature makes no sense.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    features = content["features"] if content.get("type") == "FeatureCollection" else [content]
    return [p for i, feature in enumerate(features) for p in _prompts(feature, f"{path}, feature {i}")]


def write_geojson(prompts: Iterable[Prompt], path: Path) -> None:
    """Write prompts of every kind, a feature each."""
    collection = {"type": "FeatureCollection", "features": [_feature(prompt) for prompt in prompts]}
    path.write_text(json.dumps(collection, indent=1), encoding="utf-8")


def _feature(prompt: Prompt) -> Json:
    if isinstance(prompt, TextPrompt):
        told: Json = {"class": prompt.class_name, "positive": prompt.positive, "text": prompt.text}
        return {"type": "Feature", "geometry": None, "properties": {**told, "weight": prompt.weight}}
    section = prompt.position[0] if isinstance(prompt, PointPrompt) else prompt.section
    properties: Json = {"class": prompt.class_name, "positive": prompt.positive, "z": section}
    match prompt:
        case PointPrompt(position=(_, y, x)):
            geometry: Json = {"type": "Point", "coordinates": [x, y]}
        case BoxPrompt():
            properties["kind"] = "box"
            geometry = {"type": "Polygon", "coordinates": [_ring(prompt.corners)]}
        case PolygonPrompt(vertices=vertices):
            geometry = {"type": "Polygon", "coordinates": [_ring(vertices)]}
        case StrokePrompt(vertices=vertices, width=width):
            properties["width"] = width
            geometry = {"type": "LineString", "coordinates": _line(vertices if len(vertices) > 1 else vertices * 2)}
        case MaskPrompt():
            parts = [[_ring(ring) for ring in rings] for rings in rings_of_mask(prompt)]
            geometry = {"type": "MultiPolygon", "coordinates": parts}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _prompts(feature: Json, where: str) -> list[Prompt]:
    properties, geometry = feature.get("properties") or {}, feature["geometry"]
    meaning = str(properties.get("class", DEFAULT_CLASS)), is_positive(properties.get("positive", True), where)
    if geometry is None:  # as GeoJSON has it of what lies nowhere
        return [TextPrompt(str(properties["text"]), *meaning, weight=float(properties.get("weight", 1.0)))]
    z, places = float(properties.get("z", 0)), geometry["coordinates"]
    match geometry["type"]:
        case "Point":
            return [PointPrompt((z, *_corner(places)), *meaning)]
        case "MultiPoint":
            return [PointPrompt((z, *_corner(place)), *meaning) for place in places]
        case "LineString":
            return [_stroke(places, properties, int(z), meaning, where)]
        case "MultiLineString":
            return [_stroke(line, properties, int(z), meaning, where) for line in places]
        case "Polygon" if properties.get("kind") == "box":
            return [_box(_closed(places[0], where), int(z), meaning, where)]
        case "Polygon" if len(places) == 1:
            return [PolygonPrompt(int(z), _closed(places[0], where), *meaning)]
        case "Polygon":  # with holes
            return [mask_of_rings([[_closed(ring, where) for ring in places]], int(z), *meaning)]
        case "MultiPolygon":
            return [mask_of_rings([[_closed(ring, where) for ring in part] for part in places], int(z), *meaning)]
        case kind:
            raise PromptError(f"{where}: geometry {kind!r}, expected Point, LineString or Polygon, or several of them")


def _stroke(line: list[Any], properties: Json, section: int, meaning: tuple[str, bool], where: str) -> StrokePrompt:
    width = float(properties.get("width", 1.0))
    if len(line) < 2 or not width > 0:
        raise PromptError(
            f"{where}: a line of {len(line)} corners, {width:g} voxels wide: expected 2 corners or more, and a width"
        )
    corners = tuple(_corner(place) for place in line)
    is_dot = len(corners) == 2 and corners[0] == corners[1]
    return StrokePrompt(section, corners[:1] if is_dot else corners, width, *meaning)


def _box(corners: tuple[Corner, ...], section: int, meaning: tuple[str, bool], where: str) -> BoxPrompt:
    places = np.array(corners)
    if not is_upright(places):
        raise PromptError(
            f"{where}: a box with the corners (y, x) {corners}, expected four whose sides run along the axes; leave "
            '"kind" away for any other polygon'
        )
    low, high = places.min(axis=0).tolist(), places.max(axis=0).tolist()
    return BoxPrompt(section, (low[0], low[1]), (high[0], high[1]), *meaning)


def _closed(ring: list[Any], where: str) -> tuple[Corner, ...]:
    """The corners of a ring, each once."""
    corners = tuple(_corner(place) for place in ring)
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners = corners[:-1]
    if len(corners) < 3:
        raise PromptError(f"{where}: a polygon of {len(corners)} corners, expected at least 3")
    return corners


def _corner(place: Sequence[float]) -> Corner:
    x, y = place[:2]
    return float(y), float(x)


def _line(vertices: Iterable[Corner]) -> list[list[float]]:
    return [[x, y] for y, x in vertices]


def _ring(vertices: Sequence[Corner]) -> list[list[float]]:
    """A line that ends where it begins, as GeoJSON wants it."""
    return _line((*vertices, vertices[0]))
