"""What all plots have in common: their axes, frames, scale bars, colours and legends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Patch
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from dinoscope.outputs import class_colour

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from dinoscope.geometry import LengthUnit
    from dinoscope.plot._view import View

    Colour = tuple[float, float, float]

INK = "#33363d"
"""Of words and lines: softer than black."""

TEXT_SIZE = 9

LEGEND: dict[str, Any] = {
    "borderpad": 0.2,
    "borderaxespad": 0.2,
    "frameon": False,
    "fontsize": TEXT_SIZE,
    "labelcolor": INK,
    "handlelength": 1.1,
    "handleheight": 1.0,
    "handletextpad": 0.5,
}
"""How a legend is set, wherever it stands."""

_SIDE_INCHES = 5.0
_MOST_COLUMNS = 3
_LENGTH_UNITS = ((1e6, "mm"), (1e3, "µm"), (1.0, "nm"))


def colour_of(index: int) -> Colour:
    """Colour of the class with this index as matplotlib wants it, each channel from 0 to 1."""
    red, green, blue = class_colour(index)
    return red / 255, green / 255, blue / 255


def class_order(found: Iterable[str], classes: Sequence[str]) -> list[str]:
    """Class names in the order of their colours: the known ones, then what else was found, by name."""
    return [*classes, *sorted(set(found) - set(classes))]


def axes_or_new(ax: Axes | None, aspect: float) -> Axes:
    """The axes, or those of a new figure for a picture of this height per width."""
    if ax is not None:
        return ax
    width, height = _SIDE_INCHES * min(1.0, 1 / aspect), _SIDE_INCHES * min(1.0, aspect)
    _, new = plt.subplots(figsize=(max(width, 1.5), max(height, 1.0)), layout="constrained")
    return new


def frame_picture(ax: Axes, view: View) -> None:
    """Limit axes to a view, without ticks and spines, and say how large it is and where in the stack."""
    left, right, bottom, top = view.frame
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    if view.stacked:
        ax.set_title(f"section {view.section}", loc="left", fontsize=TEXT_SIZE, color=INK)
    length = round_length((right - left) / 4)
    bar = AnchoredSizeBar(
        ax.transData,
        length,
        describe_length(length, view.unit),
        "lower right",
        pad=0.45,
        borderpad=0.6,
        sep=4,
        color="white",
        size_vertical=(right - left) / 150,
        label_top=True,
        fontproperties=FontProperties(size=TEXT_SIZE),
    )
    bar.patch.set(facecolor="black", alpha=0.5, edgecolor="none", boxstyle="round,pad=0,rounding_size=0.3")
    ax.add_artist(bar)


def round_length(longest: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is at most `longest`."""
    power = 10.0 ** np.floor(np.log10(longest) + 1e-9)
    return float(max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9)))


def describe_length(length: float, unit: LengthUnit) -> str:
    """Such as ``500 nm``, ``2 µm`` or ``100 px``."""
    if unit == "pixel":
        return f"{length:g} px"
    size, name = next((pair for pair in _LENGTH_UNITS if length >= pair[0]), _LENGTH_UNITS[-1])
    return f"{length / size:g} {name}"


def frame_chart(ax: Axes) -> None:
    """Give axes thin lines on two sides only, and small letters."""
    ax.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set(linewidth=0.8, color=INK)
    ax.tick_params(labelsize=TEXT_SIZE - 1, width=0.8, color=INK, labelcolor=INK)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set(size=TEXT_SIZE, color=INK)


def swatches(colours: Mapping[str, Colour]) -> dict[str, Artist]:
    """A filled square for the legend per name."""
    return {name: Patch(facecolor=colour, edgecolor="none") for name, colour in colours.items()}


def add_legend(ax: Axes, entries: Mapping[str, Artist]) -> None:
    """Name things in a row below a picture, after those that are named there already."""
    before = ax.get_legend()
    if before is not None:
        named = zip(before.get_texts(), before.legend_handles, strict=True)
        entries = {text.get_text(): handle for text, handle in named if handle is not None} | dict(entries)
    if not entries:
        return
    rows = math.ceil(len(entries) / _MOST_COLUMNS)
    ax.legend(
        list(entries.values()),
        list(entries),
        loc="upper left",
        bbox_to_anchor=(0.0, -0.01),
        ncols=math.ceil(len(entries) / rows),
        columnspacing=1.4,
        **LEGEND,
    )
