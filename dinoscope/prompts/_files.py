"""Prompts in files, and as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinoscope.errors import PromptError
from dinoscope.prompts._csv import read_csv, write_csv
from dinoscope.prompts._geojson import read_geojson, write_geojson
from dinoscope.prompts._kinds import BoxPrompt, MaskPrompt, PointPrompt, PolygonPrompt, StrokePrompt, TextPrompt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dinoscope.prompts._kinds import Prompt

_READERS = {".csv": read_csv, ".geojson": read_geojson, ".json": read_geojson}


def read_prompts(path: str | Path) -> list[Prompt]:
    """Prompts from a file: CSV as napari saves points and shapes layers, or GeoJSON.

    CSV has the columns ``index,axis-0,axis-1[,axis-2]`` and optionally ``class`` and ``positive``; that of shapes has
    also ``shape-type``, and may have the ``width`` of lines. GeoJSON has features with coordinates ``[x, y]`` in pixels
    and the optional properties ``class``, ``positive`` and ``z`` (section): Point and MultiPoint, LineString (a stroke,
    with the property ``width`` in pixels), Polygon (a box around an object where the property ``kind`` is ``box``) and
    MultiPolygon (a mask). A text is a feature whose geometry is null, with the property ``text``.

    Raises
    ------
    PromptError
        If the file is missing, of another kind, or a row makes no sense.
    """
    path = Path(path)
    _check_kind(path)
    try:
        return _READERS[path.suffix.lower()](path)
    except OSError as error:
        raise PromptError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, PromptError):
            raise
        raise PromptError(f"{path}: not in the expected form ({type(error).__name__}: {error})") from error


def write_prompts(prompts: Iterable[Prompt], path: str | Path) -> None:
    """Write prompts as `read_prompts` reads them: points as a CSV that napari opens, all kinds as GeoJSON.

    Raises
    ------
    PromptError
        If the file is of another kind, or prompts other than points are to go into a CSV.
    """
    path, prompts = Path(path), list(prompts)
    _check_kind(path)
    if path.suffix.lower() != ".csv":
        write_geojson(prompts, path)
        return
    points = [prompt for prompt in prompts if isinstance(prompt, PointPrompt)]
    if len(points) < len(prompts):
        (first, *_) = (type(prompt).__name__ for prompt in prompts if not isinstance(prompt, PointPrompt))
        raise PromptError(f"{path}: a CSV holds points only, found a {first}; write .geojson, which holds all kinds")
    write_csv(points, path)


def describe_prompt(prompt: Prompt) -> dict[str, Any]:
    """A prompt as plain JSON values, for provenance: a mask is told by its box and area."""
    record: dict[str, Any] = {"class": prompt.class_name, "positive": prompt.positive}
    match prompt:
        case PointPrompt(position=position):
            return {"kind": "point", "position": list(position), **record}
        case BoxPrompt(section=section, low=low, high=high):
            return {"kind": "box", "section": section, "low": list(low), "high": list(high), **record}
        case PolygonPrompt(section=section, vertices=vertices):
            return {"kind": "polygon", "section": section, "vertices": [list(v) for v in vertices], **record}
        case StrokePrompt(section=section, vertices=vertices, width=width):
            line = {"section": section, "vertices": [list(v) for v in vertices], "width": width}
            return {"kind": "stroke", **line, **record}
        case MaskPrompt(section=section, origin=origin, mask=mask):
            box = {"section": section, "origin": list(origin), "shape": list(mask.shape)}
            return {"kind": "mask", **box, "area": int(mask.sum()), **record}
        case TextPrompt(text=text, weight=weight):
            return {"kind": "text", "text": text, "weight": weight, **record}


def _check_kind(path: Path) -> None:
    if path.suffix.lower() not in _READERS:
        raise PromptError(f"{path}: prompts of kind {path.suffix!r} are unknown, expected .csv, .geojson or .json")
