"""The section on features that take less of the disk."""

from __future__ import annotations

from typing import Any

from benchmarks._tables import in_range, table

_RANDOM = """ The weights
of `random-dinov2-small` are random: its masks say little, but they say it of features of that size."""


def codecs(figures: dict[str, Any]) -> str:
    """Bytes per pixel, and how much of the mask of half precision is left."""
    rows = [
        [
            encoder,
            codec,
            f"{found['width']}",
            f"{found['bytes_per_pixel']:.2f}",
            f"{found['on_disk_per_pixel']:.2f}",
            f"{found['files']}",
            _spread(found["iou"], 4),
            _spread(found["dice"], 3),
            in_range(found["read_ms"], 0),
        ]
        for encoder, by_codec in sorted(figures.items())
        for codec, found in by_codec.items()
    ]
    head = [
        "encoder", "codec", "values per patch", "bytes per pixel", "the same, compressed", "files",
        "IoU with the mask of float16", "Dice of the mask", "ms to read a section",
    ]  # fmt: skip
    random = "" if "random-dinov2-small" not in figures else _RANDOM
    return f"""## Smaller feature stores

`python -m benchmarks.codecs`: mitochondria on VNC sections 00 to 05 at 4.6 nm, five clicks, default settings, masks
refined; mean, lowest and highest of five seeds. Bytes are those of the features, per pixel of the image.{random}

{table(head, rows)}
"""


def _spread(values: list[float], digits: int) -> str:
    return in_range([min(values), sum(values) / len(values), max(values)], digits)
