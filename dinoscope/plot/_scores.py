"""How good results are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dinoscope.errors import SettingsError
from dinoscope.evaluate import AP_IOUS
from dinoscope.outputs import partial_file
from dinoscope.plot._look import INK, LEGEND, axes_or_new, colour_of, frame_chart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from dinoscope.benchmark import Line
    from dinoscope.evaluate import Curve, InstanceCounts

_ASPECT = 0.8
_INCHES = (5.6, 4.8)
_DOTS = 200
_ONE_COLUMN = 4
"""Entries of a legend that stand below one another."""

_SUFFIXES = (".png", ".pdf", ".svg")


def precision_recall(curves: Mapping[str, Curve], ax: Axes | None = None) -> Axes:
    """Draw precision over recall, with the best Dice as a dot and the average precision in the legend.

    Parameters
    ----------
    curves
        Each with its name.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    The axes.
    """
    ax = axes_or_new(ax, _ASPECT)
    for index, (name, curve) in enumerate(curves.items()):
        label = f"{name} (AP {curve.scores.average_precision:.3f}, best Dice {curve.scores.best_dice:.3f})"
        ax.plot(curve.recall, curve.precision, color=colour_of(index), linewidth=1.4, label=label)
        best = np.flatnonzero(curve.thresholds == curve.scores.best_threshold)
        ax.plot(curve.recall[best], curve.precision[best], "o", color=colour_of(index), markersize=4)
    ax.set(xlabel="recall", ylabel="precision")
    return _finish(ax, (0.0, 1.0))


def matches(objects: Mapping[str, InstanceCounts], ax: Axes | None = None) -> Axes:
    """Draw AP, ``TP / (TP + FP + FN)``, over the overlap from which objects match.

    Parameters
    ----------
    objects
        Each with its name.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    The axes.
    """
    ax = axes_or_new(ax, _ASPECT)
    for index, (name, counts) in enumerate(objects.items()):
        label = f"{name} (mean AP {counts.scores().mean_ap:.3f}, PQ {counts.scores().pq:.3f})"
        ax.plot(AP_IOUS, counts.ap_at(), "o-", color=colour_of(index), linewidth=1.4, markersize=3, label=label)
    ax.set(xlabel="IoU", ylabel="AP")
    return _finish(ax, (AP_IOUS[0], 1.0))


def learning(lines: Sequence[Line], ax: Axes | None = None) -> Axes:
    """Draw Dice over the number of clicks, with the spread around each line.

    Parameters
    ----------
    lines
        Solid for drawn clicks, broken for those of the simulated person. Encoders are named if there are several.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    The axes.
    """
    ax = axes_or_new(ax, _ASPECT)
    order = list(dict.fromkeys((line.encoder, line.method) for line in lines))
    several = len({line.encoder for line in lines}) > 1
    named: set[tuple[str, str]] = set()
    for line in sorted(lines, key=lambda line: line.corrected):
        what = (line.encoder, line.method)
        colour = colour_of(order.index(what))
        mean, spread = np.array(line.mean), np.array(line.spread)
        label = "_" if what in named else ", ".join(what[0 if several else 1 :])
        named.add(what)
        style = "s--" if line.corrected else "o-"
        ax.plot(line.clicks, mean, style, color=colour, linewidth=1.4, markersize=3, label=label)
        low, high = (mean - spread).clip(0, 1), (mean + spread).clip(0, 1)
        ax.fill_between(line.clicks, low, high, color=colour, alpha=0.15, linewidth=0)
    if any(line.corrected for line in lines):
        ax.plot([], [], "s--", color=INK, linewidth=1.4, markersize=3, label="clicks on the worst error")
    ax.set(xlabel="clicks", ylabel="Dice")
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    return _finish(ax, None)


def write_chart(path: Path, draw: Callable[[Axes], Axes]) -> Path:
    """Write a chart as a picture, complete or not at all. No window is opened.

    Parameters
    ----------
    path
        Name ending in ``.png``, ``.pdf`` or ``.svg``; an earlier file is replaced.
    draw
        Draws into the axes it is given.

    Raises
    ------
    SettingsError
        If the suffix is another one.
    StoreError
        If the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise SettingsError(f"{path.name}: charts are written as {', '.join(_SUFFIXES)}")
    figure = Figure(figsize=_INCHES, layout="constrained", dpi=_DOTS)
    draw(figure.add_subplot())
    with partial_file(path) as partial:
        figure.savefig(partial, format=suffix.removeprefix("."))
    return path


def _finish(ax: Axes, across: tuple[float, float] | None) -> Axes:
    if across is not None:
        ax.set_xlim(across[0] - 0.02, across[1] + 0.02)
    ax.set_ylim(-0.02, 1.02)
    frame_chart(ax)
    entries = len(ax.get_legend_handles_labels()[1])
    if entries:
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.01), ncols=1 if entries <= _ONE_COLUMN else 2, **LEGEND)
    return ax
