"""Write RESULTS.md from the figures that the benchmarks left in ``results/``: ``python -m benchmarks.report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._data import RESULTS
from benchmarks._report_backends import backends
from benchmarks._report_cluster import cluster
from benchmarks._report_codecs import codecs
from benchmarks._report_few import few_examples, lines_of
from benchmarks._report_readme import update_readme
from benchmarks._report_scale import draw_scale, scale
from benchmarks._report_speed import draw_speed, speed
from benchmarks._report_suggested import suggested_scale
from benchmarks._report_vnc import trials, vnc
from benchmarks._tables import figure, in_range, table
from dinoscope import plot

if TYPE_CHECKING:
    from dinoscope.benchmark import Line

PAGE = Path(__file__).parent / "RESULTS.md"
README = PAGE.parents[1] / "README.md"
CHART = PAGE.with_name("few_examples.png")

HEAD = """# Measured

Every table is made by the command above it and written here by `python -m benchmarks.report`. Data: see CONTRIBUTING.
Machine: 2 cores, no GPU, Python 3.11, torch 2.13.
"""


def main() -> None:
    """Write the page from all figures that are there."""
    parts = [HEAD]
    sections = {
        "vnc": vnc,
        "few_examples": few_examples,
        "suggested_scale": suggested_scale,
        "nano_trials": trials,
        "speed": speed,
        "nano_speed": _nano_speed,
        "backends": backends,
        "seams": _seams,
        "distillation": _distillation,
        "napari_window": _window,
        "napari_start": _start,
        "jupyter_panel": _panel,
        "codecs": codecs,
        "cluster": cluster,
        "scale": scale,
    }
    found: dict[str, dict[str, Any]] = {}
    for name, section in sections.items():
        path = RESULTS / f"{name}.json"
        if path.is_file():
            figures = found[name] = json.loads(path.read_text(encoding="utf-8"))
            parts.append(section(figures))
            if name == "few_examples":
                _draw(lines_of(figures))
            if name == "scale":
                draw_scale(figures, PAGE.with_name("scale.png"))
            if name == "speed":
                draw_speed(figures, PAGE.with_name("speed.png"))
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    update_readme(README, found)


def _draw(lines: list[Line]) -> None:
    plot.write_chart(CHART, lambda ax: plot.learning(lines, ax))


def _nano_speed(figures: dict[str, Any]) -> str:
    rows = [
        [
            name,
            f"{found['tile']}",
            in_range(found["tile_s"], 3),
            in_range(found["dinov2_tile_s"], 3),
            in_range(found["times_faster"], 1),
            in_range(found["start_whole_s"]),
            in_range(found["start_tiles_s"]),
            f"{found['file_mb']:.2f}",
            figure(found["parameters"]),
        ]
        for name, found in figures.items()
    ]
    head = [
        "encoder", "side of its tile", "s per tile", "s per tile of DINOv2-small", "times faster per pixel",
        "s to start", "s to start, with tiles and store", "MB", "parameters",
    ]  # fmt: skip
    return f"""## Speed and start of nano

`python -m benchmarks.nano_speed`, two threads, median and range. Speed: one tile in turns with DINOv2-small (random
weights, registers), whose tile has 518 pixels a side; 9 rounds. Start: a fresh process, from where it has imported
torch until it has the features of 1024 x 1024 pixels, the import of dinoscope and the weights included; 5 processes
after one that warms the disk. First with the picture given to the encoder as a whole, then the way every image takes,
in tiles with their halos, which are read several times, into a feature store. MB: of the file of weights, 10^6 bytes.

{table(head, rows)}
"""


def _seams(figures: dict[str, Any]) -> str:
    rows = []
    for name, found in figures.items():
        for halo, ratio in sorted(found["ratios"].items(), key=lambda item: int(item[0])):
            own = " (its own)" if int(halo) == found["own_halo"] else ""
            rows.append([name, f"{halo}{own}", f"{ratio:.3f}"])
    return f"""## Seams between tiles

`python -m benchmarks.seams`. Mean L2 distance of neighbouring patches across a tile border, over the same inside of
tiles (VNC section 00). 1 means that no border shows. One section has few borders: the rows with large halos, where no
border can show, tell how much of a figure is chance.

{table(["encoder", "halo in patches", "jump across / inside"], rows)}
"""


def _distillation(figures: dict[str, Any]) -> str:
    names = {
        "held-out cosine": "cosine", "the same, teacher's mean removed": "centred_cosine",
        "correlation of DINOSim maps": "map_correlation", "times faster per pixel": "speed_ratio",
        "parameters": "parameters", "steps": "steps", "minutes": "minutes",
    }  # fmt: skip
    rows = [[name, *(figure(values[key]) for key in names.values())] for name, values in figures.items()]
    return f"""## Distillation

`python -m benchmarks.distillation`. The compact network learns the features of a teacher on VNC stack 2; the last two
of 20 sections are held out. Five random places on a held-out section make the DINOSim maps that are correlated. The
budget is wall time, and this run shared its two cores with others: a quiet machine makes more steps of it.

{table(["teacher", *names], rows)}
"""


def _window(figures: dict[str, Any]) -> str:
    kinds = {"image opened": "opening_ms", "search": "working_ms", "threshold moved": "threshold_ms"}
    rows = [
        [name, kind, *(f"{found[key][part]:.0f}" for part in ("median", "p99", "max"))]
        for name, found in figures.items()
        for kind, key in kinds.items()
    ]
    answers = [
        [name, f"{found['first_answer_s']:.1f}", f"{found['whole_s']:.0f}", str(found["over_100_ms"])]
        for name, found in figures.items()
    ]
    return f"""## napari's window while dinoscope works

`python -m benchmarks.napari_window` under Xvfb, drawn in software: phantom of 3072 x 3072 pixels, one click, with the
view zoomed in four times. How long the main thread was not free, in ms: the gaps between ticks of a 5 ms timer while
the image is opened (the cost is measured) and while features are extracted, compared and shown; for the threshold, the
time until the mask of a new one is drawn.

{table(["encoder", "while", "median", "99th percentile", "longest"], rows)}

{table(["encoder", "seconds to the first answer", "seconds to the whole", "gaps over 100 ms in the search"], answers)}
"""


def _start(figures: dict[str, Any]) -> str:
    low, middle, high = figures["seconds"]
    return f"""From the plugin's command to its painted widget, in a napari that was just opened, each time in a new
process: {middle:.2f} ({low:.2f} to {high:.2f}) s.
"""


def _panel(figures: dict[str, Any]) -> str:
    rows = []
    for side, found in sorted(figures.items(), key=lambda item: int(item[0])):
        low, middle, high = found["open_s"]
        rows.append(
            [
                f"{int(side):,} x {int(side):,}",
                f"{middle:.2f} ({low:.2f} to {high:.2f})",
                f"{found['made_ms'][1]:.0f}",
                f"{found['opened_kb']:,.0f}",
                f"{found['opened_voxels'] / 1e6:.2f}",
                f"{found['panned_kb']:,.0f}",
                f"{found['panned_voxels'] / 1e6:.2f}",
                f"{found['panned_mb']:.0f}",
            ]
        )
    head = [
        "pixels", "s to open", "ms of it in the kernel", "kB sent", "Mvoxel read", "kB sent by 20 drags",
        "Mvoxel read by them", "MB of memory after that",
    ]  # fmt: skip
    sight = next(iter(figures.values()))["voxels_in_sight"] / 1e6
    return f"""## The notebook panel

`python -m benchmarks.jupyter_panel`: JupyterLab and headless Chromium, drawn in software; a piece of phantom, repeated
to the size, as cheap to read as a file that the system has in memory. To open: from the keys that run the cell until
all tiles in sight are there, median and range of 5, in a kernel that has imported dinoscope. Sent: all messages of all
widgets to the browser, the viewer's script (0.4 MB) and the tiles included. Then the image is dragged 20 times at a
voxel per pixel, with {sight:.2f} Mvoxel in sight. Memory: growth of the kernel since before the image was opened.

{table(head, rows)}
"""


if __name__ == "__main__":
    main()
