"""The part of RESULTS.md about the working scale that examples suggest."""

from __future__ import annotations

from typing import Any

from benchmarks._tables import table

TEXT = """## The working scale that examples suggest

`python -m benchmarks.suggested_scale`, encoder nano. Five clicks on one section, two sections of each set, three draws;
working pixels per voxel to begin with, Dice there at the automatic threshold, Dice at the scale that
`dinoscope suggest-scale` then gives, and at the best of those it tried (0.5 to 2 times the first). Nano was trained on
chloroplasts and axons, so of these only ratios are told, to Dice at scale 1. What the examples must gain before another
scale is suggested was chosen with such clicks on two sections of mitochondria and chloroplasts and three pictures of
axons, so these figures are not of data never seen.
"""

_TRAINED_ON = ("chloroplasts", "axons")
_COLUMNS = ("start", "suggested", "best")


def suggested_scale(figures: dict[str, Any]) -> str:
    """The section; `figures` are those of ``benchmarks.suggested_scale``."""
    rows = []
    for name, found in figures.items():
        unit = found["means"]["1"]["start"] if name in _TRAINED_ON else None
        for start, means in found["means"].items():
            dice = [_told(means[key], unit) for key in _COLUMNS]
            rows.append([name, start, *dice, _gains(found["lines"], float(start))])
    head = ["set", "scale to begin with", "there", "suggested", "best of those tried", "better, same, worse"]
    return f"{TEXT}\n{table(head, rows)}\n"


def _told(dice: float, unit: float | None) -> str:
    return f"{dice:.3f}" if unit is None else f"{dice / unit:.2f} x"


def _gains(lines: list[dict[str, Any]], start: float) -> str:
    """How often the suggestion was better by more than 0.01, about the same, and worse."""
    gains = [line["suggested"] - line["start"] for line in lines if line["start_scale"] == start]
    better, worse = sum(gain > 0.01 for gain in gains), sum(gain < -0.01 for gain in gains)
    return f"{better}, {len(gains) - better - worse}, {worse}"
