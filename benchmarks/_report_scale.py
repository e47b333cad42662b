"""The part of RESULTS.md about images of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from benchmarks._tables import table

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

Figures = dict[str, Any]

MIB = 2**20
ENOUGH = 8
"""Megavoxels that the figures of a series are compared with at least."""

LIMIT_MIB = 1536
"""What is promised: 1.5 GB."""

COMMANDS = ("info", "extract", "segment", "detect", "measure")

STAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "features": ("extract", ("features",)),
    "similarity": ("segment", ("similarity",)),
    "objects": ("segment", ("objects", "split", "link", "area")),
    "mask and instances written": ("segment", ("writing", "mask", "instances")),
    "objects measured": ("segment", ("measure", "measurements")),
    "detected": ("detect", ("detection", "detections")),
    "measured from disk": ("measure", ("measure", "table")),
}
"""What is told of the time: which command, and its stages. Opening, examples and a picture do not go with the size."""


def scale(figures: Figures) -> str:
    """The section; `figures` are those of ``benchmarks.scale``."""
    series = _by_series(figures)
    memory = [
        [name, _shape(found), *(f"{found['commands'][command]['peak_bytes'] / MIB:,.0f}" for command in COMMANDS)]
        for name, rows in series.items()
        for found in rows
    ]
    times = [
        [
            name,
            _shape(found),
            *(_per_megavoxel(found, stage) for stage in STAGES),
            f"{_sum(found):.0f} ({_sum(found) / _sum(_against(rows)):.2f} x)",
            f"{found['objects']:,}",
        ]
        for name, rows in series.items()
        for found in rows
    ]
    return f"""## Images of any size

`python -m benchmarks.scale`: {LIMIT_MIB / 1024:g} GB are promised. A piece of phantom of 2048 x 2048 pixels at 8 nm,
mirrored over and over to the size, on disk as zarr or as a tiled TIFF, in tiles of 512 x 512; results are written as
OME-Zarr or OME-TIFF alike. Every command runs in a process of its own: *segment* compares, refines, splits objects, and
writes mask, objects, table and overlay, from three clicks and features that are there; *measure* reads the objects
back. Memory: the peak of the resident set beyond what is resident when everything is imported and the encoder loaded.
*means* is no network but the mean and spread of patches of 32 pixels, and does not refine, so that the largest image
ends in minutes; it had a core for itself. The others shared the machine with other work, so that their times say less
than their memory.

MiB at the peak:

{table(["encoder", "voxels", *COMMANDS], memory)}

Milliseconds per megavoxel, median and, where it ran more than once, range; the sum is of the medians, and beside it is
its ratio to that of 4096 x 4096 pixels, or of the smaller volume:

{table(["encoder", "voxels", *STAGES, "sum", "objects"], times)}

![Memory and time by the size of the image](scale.png)
"""


def draw_scale(figures: Figures, path: Path) -> None:
    """Memory and time of every command by the size of the image, side by side."""
    figure = Figure(figsize=(10, 4), layout="constrained", dpi=150)
    left, right = figure.subplots(1, 2)
    for name, rows in _by_series(figures).items():
        _draw_lines(left, right, name, rows)
    left.axhline(LIMIT_MIB, color="0.4", linestyle=":", label="promised")
    left.set(ylabel="MiB at the peak", ylim=(0, None))
    right.axhspan(0.9, 1.1, color="0.92")
    right.set(ylabel="time per megavoxel, of that at 4096 x 4096", ylim=(0, 2))
    for ax in (left, right):
        ax.set(xlabel="megavoxels", xscale="log")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=8)
    figure.savefig(path)


def _draw_lines(left: Axes, right: Axes, name: str, rows: list[Figures]) -> None:
    sizes = [found["megavoxels"] for found in rows]
    peaks = [max(found["commands"][command]["peak_bytes"] for command in COMMANDS) / MIB for found in rows]
    left.plot(sizes, peaks, marker="o", label=name)
    right.plot(sizes, [_sum(found) / _sum(_against(rows)) for found in rows], marker="o", label=name)


def _by_series(figures: Figures) -> dict[str, list[Figures]]:
    """The rows of each series, the smallest image first."""
    series: dict[str, list[Figures]] = {}
    for key, found in figures.items():
        series.setdefault(key.rpartition(": ")[0], []).append(found)
    return {name: sorted(rows, key=lambda found: found["megavoxels"]) for name, rows in sorted(series.items())}


def _shape(found: Figures) -> str:
    return " x ".join(f"{size:,}" for size in found["shape"])


def _spent(found: Figures, stage: str, which: int) -> float:
    """Milliseconds per megavoxel: lowest, median or highest."""
    command, parts = STAGES[stage]
    told = found["commands"][command]["stages"]
    spent: float = sum(told[part][which] for part in parts if part in told)
    megavoxels: float = found["megavoxels"]
    return spent / megavoxels * 1000


def _per_megavoxel(found: Figures, stage: str) -> str:
    low, middle, high = (_spent(found, stage, which) for which in range(3))
    return f"{middle:.1f}" if low == high else f"{middle:.1f} ({low:.1f} to {high:.1f})"


def _sum(found: Figures) -> float:
    return sum(_spent(found, stage, 1) for stage in STAGES)


def _against(rows: list[Figures]) -> Figures:
    """What the others of a series are compared with: small enough to be measured often, large enough to have seams."""
    return next((found for found in rows if found["megavoxels"] > ENOUGH), rows[-1])
