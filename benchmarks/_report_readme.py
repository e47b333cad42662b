"""The few figures in the README, which are those of RESULTS.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from benchmarks._tables import in_range, spread, table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Figures = dict[str, Any]

BEGIN, END = "<!-- measured: written by python -m benchmarks.report -->", "<!-- /measured -->"
FIVE = (5, 0)
DEFAULT, PUBLISHED, FOREST = "knn", "dinosim", "random forest"
LARGEST = "nano: 16384"
MIB = 2**20


def update_readme(path: Path, figures: Mapping[str, Figures]) -> None:
    """Write the part between the marks anew.

    Parameters
    ----------
    path
        The README.
    figures
        What the benchmarks found, by the names of their files.
    """
    text = path.read_text(encoding="utf-8")
    part = f"{BEGIN}\n{measured(figures)}\n{END}"
    path.write_text(re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: part, text, flags=re.DOTALL), "utf-8")


def measured(figures: Mapping[str, Figures]) -> str:
    """What was measured with the bundled encoder on a CPU, and by which command."""
    rows = [*_accuracy(figures.get("few_examples", {})), *_speed(figures), *_memory(figures.get("scale", {}))]
    return f"""With `nano` on two cores, without a GPU; how, tells [RESULTS.md](benchmarks/RESULTS.md).

{table(["what", "measured", "by `python -m`"], rows)}"""


def _accuracy(found: Figures) -> list[list[str]]:
    rows = {
        "Dice of mitochondria in five sections of nerve cord (ssTEM), from five clicks on one": (DEFAULT, "dice"),
        "F1 of detections, the same clicks": (DEFAULT, "detection_f1"),
        "Dice, the same clicks and encoder, DINOSim as published (threshold 0.5, not refined)": (
            PUBLISHED,
            "dice_fixed",
        ),
        "Dice, the same clicks, a random forest on pixels": (FOREST, "dice"),
    }
    told = []
    for what, (method, key) in rows.items():
        answers = found.get(f"mitochondria, {method}", {}).get("answers", [])
        for answer in answers:
            if (answer["clicks"], answer["counter_examples"]) == FIVE:
                value = spread({"mean": answer[key], "std": answer[f"{key}_std"]})
                told.append([what, value, "`benchmarks.few_examples`"])
    return told


def _speed(figures: Mapping[str, Figures]) -> list[list[str]]:
    rows = []
    if "nano_speed" in figures:
        faster = in_range(figures["nano_speed"]["nano"]["times_faster"], 1)
        rows.append(["times faster per pixel than DINOv2-small", faster, "`benchmarks.nano_speed`"])
    if "napari_window" in figures:
        first = figures["napari_window"]["nano"]["first_answer_s"]
        what = "seconds to the first answer in napari, of 3072 x 3072 pixels seen for the first time"
        rows.append([what, f"{first:.1f}", "`benchmarks.napari_window`"])
    return rows


def _memory(found: Figures) -> list[list[str]]:
    if LARGEST not in found:
        return []
    peak = max(command["peak_bytes"] for command in found[LARGEST]["commands"].values()) / MIB
    side = f"{int(LARGEST.rpartition(' ')[2]):,}"
    return [[f"MiB of memory at most, any command, {side} x {side} pixels", f"{peak:,.0f}", "`benchmarks.scale`"]]
