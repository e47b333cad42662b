"""A table in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets
from psygnal import Signal
from pydantic import ValidationError

from dinoscope.jupyter._front_end import front_end
from dinoscope.jupyter._messages import read_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dinoscope.jupyter._home import Home

LIMIT = 500
"""Rows that are sent; who wants more has the data frame."""


class Table(anywidget.AnyWidget):
    """Columns of equal length. A row can be chosen.

    Parameters
    ----------
    home
        The thread in which choices are told.
    """

    chosen = Signal(int)
    """A row was chosen, counted from 0."""

    _esm = front_end("table.js")
    _css = front_end("table.css")
    columns: traitlets.List[Any] = traitlets.List().tag(sync=True)
    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    total = traitlets.Int(0).tag(sync=True)
    selected = traitlets.Int(-1).tag(sync=True)

    def __init__(self, home: Home) -> None:
        super().__init__()
        self._home = home
        self.on_msg(self._take)

    def show(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Show these columns, as far as there is room; none of them empties the table."""
        rows = zip(*(_cells(values[:LIMIT]) for values in columns.values()), strict=True)
        with self.hold_sync():
            self.selected = -1
            self.total = max((len(values) for values in columns.values()), default=0)
            self.columns = [
                {"name": name, "title": name.replace("_", " "), "numeric": values.dtype.kind in "iuf"}
                for name, values in columns.items()
            ]
            self.rows = [list(row) for row in rows]

    def _take(self, _: Any, content: Any, __: list[Any]) -> None:
        try:
            index = read_row(content).index
        except ValidationError:
            return  # nothing that a table of ours would send
        if index < len(self.rows):
            self._home.act(lambda: self._choose(index))

    def _choose(self, index: int) -> None:
        self.selected = index
        self.chosen.emit(index)


def _cells(values: NDArray[Any]) -> list[Any]:
    """Values that JSON has; what is not finite becomes None."""
    if values.dtype.kind == "f":
        return [float(value) if np.isfinite(value) else None for value in values]
    return [value if type(value) in (int, str) else str(value) for value in values.tolist()]
