"""The part of RESULTS.md about time: extraction, clicks, what is in view, and the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from benchmarks._encoders_by_name import RANDOM
from benchmarks._tables import in_range, table

if TYPE_CHECKING:
    from pathlib import Path

Figures = dict[str, Any]

MIB = 2**20

STEPS = {"preview": "ms to the map", "first mask": "ms to its mask", "threshold": "ms to the mask of a threshold"}

HEAD = """## Speed

`python -m benchmarks.speed`, two threads, everything beside something else of the same run: what is compared takes
turns, five rounds and more after one that warms up. A ratio is that of a round; median, lowest and highest of all
rounds.
"""


def speed(figures: Figures) -> str:
    """The section; `figures` are those of ``benchmarks.speed``, as far as they are there."""
    sections = {
        "": _promises,
        "extraction, ": _extraction,
        "click, methods": _methods,
        "click, sizes": _sizes,
        "click, prompts": _prompts,
        "click, channels": _channels,
        "click, threads": _threads,
        "click, memory": _memory,
        "views": _views,
        "start": _start,
        ", profile": _profiles,
    }
    told = [write(figures) for part, write in sections.items() if any(part in key for key in figures)]
    return "\n".join([HEAD, *told])


def draw_speed(figures: Figures, path: Path) -> None:
    """Seconds of a click by the size of the image: dense, ours, and ours in view."""
    figure = Figure(figsize=(6, 4), layout="constrained", dpi=150)
    ax = figure.subplots()
    rows = figures.get("click, sizes", {}).get("rows", {})
    views = figures.get("views", {}).get("sizes", {})
    lines = {
        "dense, whole image": {side: found["seconds"]["dense"] for side, found in rows.items()},
        "dinoscope, whole image": {side: found["seconds"]["ours"] for side, found in rows.items()},
        "dinoscope, in view": {side: found["seconds"]["preview"] for side, found in views.items()},
        "dinoscope, threshold": {side: found["seconds"]["threshold"] for side, found in views.items()},
    }
    for name, by_side in lines.items():
        if by_side:
            sides = sorted(by_side, key=int)
            low, middle, high = ([by_side[side][which] for side in sides] for which in range(3))
            sizes = [int(side) ** 2 / 1e6 for side in sides]
            ax.plot(sizes, middle, marker="o", label=name)
            ax.fill_between(sizes, low, high, alpha=0.2)
    ax.set(xlabel="megapixels", ylabel="seconds", xscale="log", yscale="log")
    ax.spines[["top", "right"]].set_visible(False)
    if ax.lines:
        ax.legend(frameon=False, fontsize=8)
    figure.savefig(path)


def _promises(figures: Figures) -> str:
    """What is promised beside what was measured, as far as it is there."""
    rows = []
    for kind, ratio in figures.get(f"extraction, {RANDOM}", {}).get("ratio", {}).items():
        rows.append([f"speed of extraction from {kind}, of the network's alone", "at least 0.95", in_range(ratio, 3)])
    found = figures.get("click, methods", {"ratio": {}, "iou": {}})
    for method in [name for name in ("knn", "auto") if name in found["iou"]]:
        rows.append([f"a click, {method}: times faster than dense", "at least 20", in_range(found["ratio"][method], 1)])
        rows.append([f"its mask: IoU with the exact one, {method}", "at least 0.99", in_range(found["iou"][method], 4)])
    for side, steps in sorted(figures.get("views", {}).get("sizes", {}).items(), key=lambda item: int(item[0])):
        seen, spent = f"{figures['views']['view']} pixels a side of {int(side):,}", steps["seconds"]
        rows.append([f"ms from an example to the map, {seen}", "below 100", in_range(_ms(spent["preview"]), 0)])
        rows.append([f"ms from a threshold to the mask, {seen}", "below 30", in_range(_ms(spent["threshold"]), 1)])
    for name, most in (("import dinoscope", 150), ("dinoscope --help", 500)):
        if "start" in figures:
            rows.append([f"ms of `{name}`", f"below {most}", in_range(_ms(figures["start"]["seconds"][name]), 0)])
    return table(["what", "promised", "measured"], rows) + "\n"


def _extractions(figures: Figures) -> dict[str, Figures]:
    """The figures of extraction, by encoder."""
    return {key.partition(", ")[2]: part for key, part in sorted(figures.items()) if "whole_ratio" in part}


def _extraction(figures: Figures) -> str:
    rows = [
        [
            name,
            f"{part['side']:,} x {part['side']:,}",
            f"{part['tiles']:,}",
            str(part["batch"]),
            in_range(part["tile_s"], 3),
            kind,
            in_range(part["ratio"][kind], 3),
            f"{part['whole_ratio'][kind]:.3f}",
            f"{part['store_bytes_per_pixel']:.2f}",
        ]
        for name, part in _extractions(figures).items()
        for kind in part["ratio"]
    ]
    head = [
        "encoder", "pixels", "tiles", "tiles at once", "s per tile, network alone", "from", "speed, of the network's",
        "the same, whole image", "bytes on disk per pixel",
    ]  # fmt: skip
    told = ""
    if "extraction, threads" in figures:
        found = figures["extraction, threads"]
        told = f"\n{found['side']:,} pixels a side: two threads are {in_range(found['ratio'])} times as fast as one.\n"
    return f"""### Extraction beside the network alone

From a file to a store on disk, in one process, beside a bare loop over the network that gets the same tiles as tensors
from memory. Each row of tiles is extracted by all in turns; the first one has in it what is done once for an image.
Tiles at once: with which the network alone is fastest. The weights of DINOv2-small are random.

{table(head, rows)}
{told}"""


def _methods(figures: Figures) -> str:
    found = figures["click, methods"]
    rows = [["dense", "", in_range(_ms(found["seconds"]["dense"]), 0), "", "", ""]]
    rows += [
        [
            "dinoscope",
            method,
            in_range(_ms(found["seconds"][method]), 0),
            in_range(ratio, 1),
            in_range(found["iou"][method], 4) if method in found["iou"] else "",
            f"{100 * found['marked'][method]:.1f}" if method in found["marked"] else "",
        ]
        for method, ratio in found["ratio"].items()
    ]
    head = ["", "method", "ms", "times faster than dense", "IoU with the exact mask", "% of the voxels in it"]
    return f"""### A click

{found["clicks"]} new examples, {found["sections"]} sections of {found["side"]} x {found["side"]} pixels, 384 channels.
*Dense* is DINOSim as its public code does it, written anew (`benchmarks/_dense.py`): all patches of the windows around
the examples, as often as there are examples in them, every patch of the image against all of them, then all pixels; its
features are in memory. *dinoscope* is what a session takes until the map is there: examples looked up, the method
fitted, features compared, of which a session keeps some in memory; *from disk* keeps none. All its pixels, which nobody
looks at at once, would take another {in_range(_ms(found["pixels"]), 0)} ms. The exact mask is that of the same method,
compared in double precision with nothing rounded; three places of the clicks. The features are no network's, whose
random weights find next to nothing, but statistics of texture, spread over all channels with noise in them: masks mean
something, and no dimension is for free.

{table(head, rows)}

That *dense* is DINOSim: its mask at 0.5 and that of our own DINOSim, told to do as the public code does, have an IoU of
{in_range(found["dense_iou"], 4)}.
"""


def _sizes(figures: Figures) -> str:
    rows = _compared(figures["click, sizes"]["rows"], lambda side: f"{int(side):,} x {int(side):,}")
    return f"""### By the size of the image

Five examples, compared with all of the image by both.

{table(["pixels", *_COMPARED], rows)}

![Seconds of a click by the size of the image](speed.png)
"""


def _prompts(figures: Figures) -> str:
    return _few(figures["click, prompts"], "By the number of examples", "examples")


def _channels(figures: Figures) -> str:
    return _few(figures["click, channels"], "By the channels of the encoder, five examples", "channels")


def _few(found: Figures, title: str, column: str) -> str:
    return f"""### {title}

{found["sections"]} sections of {found["side"]} x {found["side"]} pixels.

{table([column, *_COMPARED], _compared(found["rows"], str))}
"""


def _threads(figures: Figures) -> str:
    found = figures["click, threads"]
    rows = [
        [_NAMES[name], *(in_range(_ms(found["seconds"][f"{name}, {count}"]), 0) for count in (1, 2)), in_range(ratio)]
        for name, ratio in found["ratio"].items()
    ]
    return f"""### By threads

{found["sections"]} sections of {found["side"]} x {found["side"]} pixels, five examples.

{table(["", "ms, one thread", "ms, two", "times faster"], rows)}
"""


def _memory(figures: Figures) -> str:
    found = figures["click, memory"]
    rows = [
        [told, *(in_range([value / MIB for value in found[key][name]], 0) for key in ("held_bytes", "click_bytes"))]
        for name, told in _NAMES.items()
    ]
    return f"""### Memory

MiB of a process of its own beyond its imports: between clicks, and at the peak of a click beyond that. The features of
{found["sections"]} sections of {found["side"]} x {found["side"]} pixels take {found["disk_bytes"] / MIB:.0f} MiB of the
disk, {found["disk_bytes"] / found["pixels"]:.2f} bytes per pixel; dinoscope keeps those of its last clicks in memory,
up to 256 MiB. *Dense* takes {in_range(found["ratio"], 1)} times as much in all.

{table(["", "between clicks", "for a click"], rows)}
"""


def _views(figures: Figures) -> str:
    found = figures["views"]
    head = [*STEPS.values(), "times the first row's, to the map", "to the mask of a threshold", "% of the view in it"]
    by_size = _viewed(found["sizes"], lambda side: f"{int(side):,} x {int(side):,}")
    by_view = _viewed(found["views"], lambda side: f"{int(side):,} x {int(side):,}")
    return f"""### What is in view

One more example after four, until the map of what is in view is there; then its mask, as a view shows it, refined by
the image; then the threshold is moved. Features are there. {found["view"]} x {found["view"]} pixels in view, the same
in images of any size:

{table(["image", *head], by_size)}

More and less in view of the image of {found["image"]:,} x {found["image"]:,} pixels:

{table(["in view", *head], by_view)}
"""


def _start(figures: Figures) -> str:
    found = figures["start"]
    rows = [
        [f"`{name}`", *(in_range(_ms(found[key][name]), 0) for key in ("seconds", "own")), in_range(ratio, 1)]
        for name, ratio in found["ratio"].items()
    ]
    head = ["", "ms", "less those of Python itself", "times those of Python itself"]
    return f"""### The start

Fresh processes, with everything in the memory of the system.

{table(head, rows)}
"""


def _profiles(figures: Figures) -> str:
    names = {
        "extraction, profile": "a row of tiles, DINOv2-small",
        "click, profile": "a click, whole volume",
        "views, profile": "one more example, until what is in view is there",
    }
    kept = {told: figures[key] for key, told in names.items() if key in figures}
    rows = [
        [told, f"{1000 * found['seconds']:,.0f}", _listed(found["parts"]), _listed(found["longest"])]
        for told, found in kept.items()
    ]
    network = figures.get("extraction, profile", {}).get("operations")
    inside = "" if network is None else f"\nOf the network: {_listed(network)}.\n"
    return f"""### Where the time goes

Percent of the time as Python's profiler sees it, which takes some itself; by themselves: without what they call.

{table(["of", "ms", "stages", "functions, by themselves"], rows)}
{inside}"""


_NAMES = {"dense": "dense", "ours": "dinoscope"}
"""What is compared, in the figures and on the page."""

_COMPARED = ["ms, dense", "ms, dinoscope", "times faster"]


def _compared(rows: Figures, name: Any) -> list[list[str]]:
    return [
        [
            name(key),
            *(in_range(_ms(found["seconds"][way]), 0) for way in ("dense", "ours")),
            in_range(found["ratio"]["ours"], 1),
        ]
        for key, found in sorted(rows.items(), key=lambda item: int(item[0]))
    ]


def _viewed(rows: Figures, name: Any) -> list[list[str]]:
    return [
        [
            name(key),
            *(in_range(_ms(found["seconds"][step]), 0) for step in STEPS),
            *(in_range(found["ratio"][step]) for step in ("preview", "threshold")),
            f"{100 * found['marked']:.0f}",
        ]
        for key, found in sorted(rows.items(), key=lambda item: int(item[0]))
    ]


def _ms(seconds: list[float]) -> list[float]:
    return [1000 * value for value in seconds]


def _listed(shares: dict[str, float]) -> str:
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {share:.1f}" if share < 10 else f"{name} {share:.0f}" for name, share in ordered)
