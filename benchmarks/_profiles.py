"""Where the time of a call goes."""

from __future__ import annotations

import cProfile
import pstats
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.profiler import ProfilerActivity, profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LISTED = 6
"""Entries of a list of what takes longest."""

_BUILT_IN = re.compile(r"method '?(?:[\w.]*\.)?(\w+)'?")
"""How Python's profiler calls what is not written in Python."""

Stats = dict[tuple[str, int, str], tuple[int, int, float, float, Any]]


def shares(call: Callable[[], object], parts: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Percent of the time of a call that goes to parts of it, and to the functions that take most by themselves.

    Parameters
    ----------
    call
        What is watched, in the thread that calls.
    parts
        Name, and the file and function of each part; none within another one. What is not in any is ``"rest"``.
    """
    watch = cProfile.Profile()
    watch.runcall(call)
    stats: Stats = pstats.Stats(watch).stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in stats.values())
    found = {name: _within(stats, *part) / total * 100 for name, part in parts.items()}
    by_name: dict[str, float] = defaultdict(float)
    for (path, _, function), (_, _, own, _, _) in stats.items():
        by_name[_name(path, function)] += own / total * 100
    longest = sorted(by_name, key=lambda name: -by_name[name])[:LISTED]
    return {
        "seconds": total,
        "parts": {**found, "rest": 100 - sum(found.values())},
        "longest": {name: by_name[name] for name in longest},
    }


def operations(call: Callable[[], object]) -> dict[str, float]:
    """Percent of the time of a call that torch spends in each of the operations that take longest."""
    with profile(activities=[ProfilerActivity.CPU]) as watch:
        call()
    events = watch.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    longest = sorted(events, key=lambda event: -event.self_cpu_time_total)[:LISTED]
    return {event.key.removeprefix("aten::"): event.self_cpu_time_total / total * 100 for event in longest}


def _within(stats: Stats, file: str, function: str) -> float:
    """Seconds in a function and all it calls; 0 where it was not called."""
    return sum(
        whole for (path, _, name), (_, _, _, whole, _) in stats.items() if name == function and path.endswith(file)
    )


def _name(path: str, function: str) -> str:
    """Such as ``_store.read``; of a built-in function or method its own name, such as ``addmm``."""
    if path != "~":
        return f"{Path(path).stem}.{function}"
    own = _BUILT_IN.search(function)
    name = own[1] if own else function
    return "waiting for other threads" if name == "acquire" else name
