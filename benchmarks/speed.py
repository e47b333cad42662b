"""How fast everything is, each figure beside another of the same run.

    python -m benchmarks.speed                          # every part that is not there yet, on two threads
    python -m benchmarks.speed "click, methods" views   # some parts
    python -m benchmarks.speed --again views            # anew
    python -m benchmarks.speed --quick                  # shows that it runs, prints what it would say, keeps nothing

What is compared takes turns, five rounds and more after one that warms up; ratios are those of a round. Figures are
kept after each part.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks import speed_click, speed_extraction, speed_start, speed_view
from benchmarks._data import RESULTS, save
from benchmarks._encoders_by_name import RANDOM
from benchmarks._report_speed import speed
from benchmarks._turns import FULL, QUICK, THREADS, Scope, use_threads

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "speed"

PARTS: dict[str, Callable[[Scope], dict[str, Any]]] = {
    "start": speed_start.starts,
    "views": speed_view.views,
    "views, profile": speed_view.profile,
    "click, methods": speed_click.methods,
    "click, memory": speed_click.memory,
    "click, profile": speed_click.profile,
    "click, prompts": speed_click.prompts,
    "click, channels": speed_click.channels,
    "click, threads": speed_click.threads,
    "click, sizes": speed_click.sizes,
    "extraction, nano": partial(speed_extraction.extraction, "nano"),
    "extraction, threads": partial(speed_extraction.threads, RANDOM),
    "extraction, profile": partial(speed_extraction.profile, RANDOM),
    f"extraction, {RANDOM}": partial(speed_extraction.extraction, RANDOM),
}
"""The quick ones first."""


def main() -> None:
    """Measure what is asked for and not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"some of {'; '.join(PARTS)}. All by default")
    parser.add_argument("--again", action="store_true", help="also what is there already")
    parser.add_argument("--quick", action="store_true", help="small, and not kept")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}: expected some of {'; '.join(PARTS)}")
    use_threads(THREADS)
    wanted = options.parts or list(PARTS)
    if options.quick:
        print(speed({part: measure(part, QUICK) for part in wanted}))
        return
    path = RESULTS / f"{NAME}.json"
    there = json.loads(path.read_text(encoding="utf-8")) if path.is_file() and not options.again else {}
    for part in wanted:
        if part not in there:
            save(NAME, {part: measure(part, FULL)})


def measure(part: str, scope: Scope) -> dict[str, Any]:
    """The figures of a part, and a word on how long it took."""
    began = time.perf_counter()
    figures = PARTS[part](scope)
    print(f"{part}: {time.perf_counter() - began:.0f} s", figures, flush=True)
    return figures


if __name__ == "__main__":
    main()
