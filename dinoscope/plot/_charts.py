"""How large things are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from dinoscope.errors import SettingsError
from dinoscope.plot._look import LEGEND, axes_or_new, class_order, colour_of, frame_chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from dinoscope.measure import ObjectTable

_UNITS = {"nm": "nm", "nm2": "nm²", "nm3": "nm³", "px": "px", "voxels": "voxels", "rad": "rad"}
"""What a unit at the end of a column's name is called."""

_FEWEST_BINS, _MOST_BINS = 8, 50


def histogram(table: ObjectTable, column: str, ax: Axes | None = None, *, classes: Sequence[str] = ()) -> Axes:
    """Draw how often the values of a column occur, class by class, with their number and their median.

    Parameters
    ----------
    table
        Objects; where they have no classes, all of them are one.
    column
        Which numbers.
    ax
        Where to draw; a new figure by default.
    classes
        Class names in the order of their colours, such as `Segmentation.classes`; by default in alphabetical order.

    Returns
    -------
    The axes.

    Raises
    ------
    SettingsError
        If the table has no such column, or it holds no numbers.

    Notes
    -----
    There are as many bins as the square root of the number of objects, but 8 to 50. NaN does not count.
    """
    values = _numbers(table, column)
    quantity, unit = _quantity(column)
    ax = axes_or_new(ax, 0.62)
    finite = values[np.isfinite(values)]
    bins = min(max(math.ceil(math.sqrt(finite.size)), _FEWEST_BINS), _MOST_BINS)
    edges = np.histogram_bin_edges(finite, bins)
    for index, (name, mine) in enumerate(_by_class(table, classes)):
        chosen = values[mine & np.isfinite(values)]
        if chosen.size:
            median = float(np.median(chosen))
            label = f"{name} (n = {chosen.size:,}, median {_short(median)}{unit and ' ' + unit})"
            _draw(ax, np.histogram(chosen, edges)[0], edges, median, (index, label))
    ax.set(xlabel=f"{quantity} ({unit})" if unit else quantity, ylabel="objects")
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.xaxis.set_major_formatter(_numerals())
    frame_chart(ax)
    if finite.size:
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.01), **LEGEND)
    return ax


def _draw(ax: Axes, counts: NDArray[Any], edges: NDArray[np.float64], median: float, look: tuple[int, str]) -> None:
    index, label = look
    colour = colour_of(index)
    filled = np.flatnonzero(counts)
    first, last = filled[0], filled[-1] + 1  # nothing is drawn along the axis where there is nothing
    ax.stairs(
        counts[first:last],
        edges[first : last + 1],
        fill=True,
        facecolor=(*colour, 0.35),
        edgecolor=colour,
        linewidth=1.2,
        label=label,
    )
    ax.axvline(median, color=colour, linewidth=1.2, linestyle=(0, (4, 2)))


def _numerals() -> ScalarFormatter:
    """Small and large numbers with a power of ten at the end of the axis."""
    formatter = ScalarFormatter(useMathText=True)
    formatter.set_powerlimits((-3, 5))
    return formatter


def _numbers(table: ObjectTable, column: str) -> NDArray[np.float64]:
    numeric = [name for name, values in table.columns.items() if np.asarray(values).dtype.kind in "iuf"]
    if column not in numeric:
        what = "holds no numbers" if column in table.columns else "is not in the table"
        raise SettingsError(f"column {column!r} {what}: expected one of {', '.join(numeric)}")
    return np.asarray(table[column], dtype=np.float64)


def _by_class(table: ObjectTable, classes: Sequence[str]) -> list[tuple[str, NDArray[np.bool_]]]:
    """Every class, and which objects are of it."""
    if "class" not in table.columns:
        return [("objects", np.ones(len(table), bool))]
    found = np.asarray(table["class"])
    return [(name, found == name) for name in class_order(found.tolist(), classes)]


def _quantity(column: str) -> tuple[str, str]:
    """What a column holds and its unit, from its name: ``area_nm2`` is ``area`` in ``nm²``."""
    words, _, last = column.rpartition("_")
    if words and last in _UNITS:
        return words.replace("_", " "), _UNITS[last]
    return column.replace("_", " "), ""


def _short(value: float) -> str:
    """Three digits that count, such as ``0.0123``, ``56.7`` or ``123,000``."""
    if not value or abs(value) < 1e-4:
        return f"{value:.3g}"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, digits):,.{max(digits, 0)}f}"
