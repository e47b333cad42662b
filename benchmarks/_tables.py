"""Figures as cells, and cells as tables in Markdown."""

from __future__ import annotations


def figure(value: float) -> str:
    """A count in full, anything else with three digits that tell."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def spread(value: dict[str, float]) -> str:
    """Mean and standard deviation."""
    return f"{value['mean']:.3f} ± {value['std']:.3f}"


def in_range(low_middle_high: list[float], digits: int = 2) -> str:
    """Median, with the lowest and the highest."""
    low, middle, high = (f"{value:.{digits}f}" for value in low_middle_high)
    return f"{middle} ({low} to {high})"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Rows under a head."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
