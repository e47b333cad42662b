"""What came of each image, as rows of a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from dinoscope.errors import OutputExistsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from dinoscope.batch._recipe import ResultKind

K = TypeVar("K")

_FIRST = ("image", "status", "seconds")
_PER_CLASS = ("objects", "covered", "thresholds", "detections")


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one image. What was not looked for, or not found out because of an error, has no entries.

    Attributes
    ----------
    name
        Of the image; its results begin with it.
    status
        ``"done"``; ``"kept"``: an earlier run had made the same; ``"failed"``: `error` says why.
    seconds
        Time it took, in the earlier run if it was kept.
    objects
        Number of objects per class.
    covered
        Share of the voxels that each class covers, 0 to 1.
    thresholds
        The similarity from which a voxel belonged to each class.
    detections
        Number of detections per class.
    paths
        The results.
    note
        What a person should know about them.
    error
        Why there are none.
    """

    name: str
    status: Literal["done", "kept", "failed"]
    seconds: float
    objects: Mapping[str, int] = field(default_factory=dict)
    covered: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    detections: Mapping[str, int] = field(default_factory=dict)
    paths: Mapping[ResultKind, Path] = field(default_factory=dict)
    note: str | None = None
    error: str | None = None

    def outcome(self) -> dict[str, Any]:
        """The figures as plain JSON values, for the records next to the results."""
        figures = {name: dict(getattr(self, name)) for name in _PER_CLASS}
        return {"seconds": self.seconds, "note": self.note, **figures}


def write_summary(rows: Sequence[Row], path: Path) -> Path:
    """Write a table with a line per image and a column per class and figure, as CSV, complete or not at all.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    from dinoscope.outputs import write_table

    columns: dict[str, list[Any]] = {
        "image": [row.name for row in rows],
        "status": [row.status for row in rows],
        "seconds": [row.seconds for row in rows],
    }
    for figure in _PER_CLASS:
        values = [getattr(row, figure) for row in rows]
        for name in _in_order(values):
            columns[f"{figure} {name}"] = [value.get(name) for value in values]
    kinds = _in_order([row.paths for row in rows])
    columns |= {kind: [row.paths[kind].name if kind in row.paths else None for row in rows] for kind in kinds}
    columns |= {"note": [row.note for row in rows], "error": [row.error for row in rows]}
    return write_table(path, columns)


def check_summary(path: Path) -> None:
    """Make sure that no table of somebody else's is replaced by a summary.

    Raises
    ------
    OutputExistsError
        If there is one.
    """
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        header = file.readline()
    if not header.startswith(",".join(_FIRST)):
        raise OutputExistsError(f"{path} is there already and is no summary of dinoscope: choose another folder")


def _in_order(mappings: Iterable[Mapping[K, Any]]) -> list[K]:
    """The keys of all of them, each once, in the order in which they come."""
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))
