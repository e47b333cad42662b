"""The section on workers."""

from __future__ import annotations

import math
from typing import Any

from benchmarks._tables import in_range, table


def cluster(figures: dict[str, Any]) -> str:
    """Seconds of this process, of one worker and of two."""
    rows = [
        [
            name,
            f"{math.prod(found['shape']) / 1e6:.0f}",
            in_range(found["alone_s"], 1),
            in_range(found["one_s"], 1),
            in_range(found["two_s"], 1),
            f"{found['of_medians']:.2f}",
            in_range(found["times_faster"]),
        ]
        for name, found in sorted(figures.items())
    ]
    head = [
        "encoder", "Mvoxel", "s without workers", "s with 1 worker", "s with 2 workers",
        "times faster with 2 than with 1", "the same, round by round",
    ]  # fmt: skip
    return f"""## Workers

`OMP_NUM_THREADS=1 python -m benchmarks.cluster`: features of a stack into a new store, by this process and by workers
of `--workers`, processes of one thread each that have loaded their encoder. Rounds in turns; median and range, and the
ratio of the medians. On the two cores of this machine the scheduler and both workers share what there is.

{table(head, rows)}
"""
