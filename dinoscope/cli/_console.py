"""What a command says: results on stdout, messages on stderr."""

from __future__ import annotations

import json
import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a command.

    Attributes
    ----------
    values
        For machines: plain JSON values.
    text
        For people.
    """

    values: dict[str, Any]
    text: str

    @classmethod
    def of(cls, **values: Any) -> Report:
        """A report whose text is one ``name: value`` line per value that is not None."""
        told = {name.replace("_", " "): value for name, value in values.items() if value is not None}
        width = max(len(name) for name in told) + 1
        lines = [f"{name + ':':<{width}} {_plain(value)}" for name, value in told.items()]
        return cls(values, "\n".join(lines))


def say(message: str) -> None:
    """Tell a person something that is not a result."""
    print(message, file=sys.stderr)


def show(report: Report, as_json: bool) -> None:
    """Print a result."""
    print(json.dumps(report.values, indent=2, default=str) if as_json else report.text)


def table_of(header: list[str], rows: list[list[str]]) -> str:
    """Words in columns: the first to the left, all others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    lines = []
    for row in (header, *rows):
        first, *others = zip(row, widths, strict=True)
        lines.append("  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]))
    return "\n".join(lines)


@contextmanager
def spoken_warnings() -> Iterator[None]:
    """Turn the warnings of the library into sentences; those of other packages stay silent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", module=r"dinoscope(\.|$)")
        warnings.showwarning = lambda message, *_, **__: say(f"note: {message}")
        yield


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(v) for v in value) if value else "none"
    return str(value)
