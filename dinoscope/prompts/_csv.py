"""Prompts in CSV: napari's points, and what is drawn in its shapes layers."""

from __future__ import annotations

import csv
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.errors import PromptError
from dinoscope.prompts._kinds import DEFAULT_CLASS, PointPrompt
from dinoscope.prompts._shapes import prompt_of_shape
from dinoscope.prompts._signs import is_positive

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dinoscope.prompts._kinds import Prompt
    from dinoscope.prompts._shapes import Outline

    Row = dict[str, str]


def read_csv(path: Path) -> list[Prompt]:
    """Points, or the shapes of a shapes layer.

    Raises
    ------
    PromptError
        If a row makes no sense.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if rows and not {"axis-0", "axis-1"} <= rows[0].keys():
        raise PromptError(f"{path}: found the columns {', '.join(rows[0])}; expected index,axis-0,axis-1[,axis-2]")
    numbered = [(row, f"{path}, line {number}") for number, row in enumerate(rows, start=2)]
    if rows and "shape-type" in rows[0]:
        return [_shape(list(part)) for _, part in groupby(numbered, key=lambda pair: pair[0]["index"])]
    return [_point(row, where) for row, where in numbered]


def write_csv(points: Iterable[PointPrompt], path: Path) -> None:
    """Write points as napari reads them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["index", "axis-0", "axis-1", "axis-2", "class", "positive"])
        for index, prompt in enumerate(points):
            writer.writerow([index, *prompt.position, prompt.class_name, str(prompt.positive).lower()])


def _point(row: Row, where: str) -> PointPrompt:
    position = _position(row, where)
    z, y, x = [0.0] * (3 - len(position)) + position
    return PointPrompt((z, y, x), *_meaning(row, where))


def _shape(rows: list[tuple[Row, str]]) -> Outline:
    """One shape, whose corners are a row each; the first says what it is."""
    first, where = rows[0]
    corners = np.array([_position(row, there) for row, there in rows])
    try:
        width = float(first.get("width") or 1.0)
    except ValueError as error:
        raise PromptError(f"{where}: the width is not a number ({error})") from error
    found = prompt_of_shape(corners, first["shape-type"], width, *_meaning(first, where))
    if found is None:
        raise PromptError(f"{where}: a {first['shape-type']} of {len(rows)} corners, expected at least 3")
    return found


def _position(row: Row, where: str) -> list[float]:
    names = [name for name in ("axis-0", "axis-1", "axis-2") if row.get(name) not in (None, "")]
    try:
        position = [float(row[name]) for name in names]
    except ValueError as error:
        raise PromptError(f"{where}: a coordinate is not a number ({error})") from error
    if not np.isfinite(position).all() or len(position) < 2:
        raise PromptError(f"{where}: expected 2 or 3 finite coordinates, found {position}")
    return position


def _meaning(row: Row, where: str) -> tuple[str, bool]:
    """Class and sign."""
    return (row.get("class") or DEFAULT_CLASS).strip(), is_positive(row.get("positive") or "true", where)
