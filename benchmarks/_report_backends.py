"""The section on what computes the features."""

from __future__ import annotations

from typing import Any

from benchmarks._tables import in_range, table

ENCODERS = ("nano", "DINOv2-small")


def backends(figures: dict[str, Any]) -> str:
    """Tables of precisions, batches and threads, and of other ways to run the same network."""
    return f"""## Precisions, batches, compilers

`python -m benchmarks.backends`: one tile of the encoder's own size, in turns. CPU seconds of one thread per tile, and
times faster than the first way; median and range. DINOv2-small has random weights and registers. Apart: length of the
difference of a patch's features from those in float32, in lengths of these. Two threads: by the clock.

{_precisions(figures)}

{_masks(figures.get("masks"))}
{_batches(figures)}

The same network compiled (of DINOv2-small one block of twelve), or given to others. Seconds to compile are those of the
clock until the first tile is there.

{_others(figures)}
"""


def _precisions(figures: dict[str, Any]) -> str:
    rows = []
    for encoder in ENCODERS:
        found, clock = figures.get(f"{encoder} precisions", {}), figures.get(f"{encoder} threads", {})
        for name in found.get("seconds", {}):
            mean, most = found["gap"] if name == "bfloat16" else (0.0, 0.0)
            second = clock.get(name, {}).get("times_faster", {}).get("2")
            rows.append(
                [
                    encoder,
                    name,
                    in_range(found["seconds"][name], 3),
                    in_range(found["times_faster"][name]),
                    f"{mean:.4f}",
                    f"{most:.4f}",
                    in_range(second) if second else "",
                ]
            )
    head = ["encoder", "computes in", "s", "times faster", "apart, mean", "apart, most", "times faster with 2 threads"]
    return table(head, rows)


def _masks(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    exact, rounded = (in_range(each, 3) for each in found["dice"])
    return (
        "Masks of nano from five clicks on mitochondria (one section of VNC, automatic threshold): those in bfloat16\n"
        f"and in float32 have an IoU of {in_range(found['iou'], 3)}; Dice is {rounded} in bfloat16\n"
        f"and {exact} in float32.\n"
    )


def _batches(figures: dict[str, Any]) -> str:
    rows = []
    for encoder in ENCODERS:
        for precision, found in figures.get(f"{encoder} batches", {}).items():
            faster = found["times_faster"]
            cells = [in_range(faster[count]) for count in faster if count != "1"]
            rows.append([encoder, precision, *cells, "yes" if found["same_bits"] else "no"])
    return table(["encoder", "computes in", "2 tiles at once", "4 tiles at once", "the same bits"], rows)


def _others(figures: dict[str, Any]) -> str:
    rows = []
    for encoder in ENCODERS:
        for part in ("compiled", "others"):
            found = figures.get(f"{encoder} {part}", {})
            first = found.get("first_s", {})
            for name, seconds in found.get("seconds", {}).items():
                compiling = first.get(name.removesuffix(" compiled")) if name.endswith("compiled") else None
                cells = [in_range(seconds, 3), in_range(found["times_faster"][name])]
                rows.append([encoder, name, *cells, f"{compiling:.0f}" if compiling else ""])
    return table(["encoder", "way", "s", "times faster", "s to compile"], rows)
