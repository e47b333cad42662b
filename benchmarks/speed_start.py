"""How soon dinoscope is there: fresh processes, beside one that starts Python and nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

from benchmarks._turns import Scope, in_turns, ratios, seconds_of, spread

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = {
    "python": ("-c", "pass"),
    "import dinoscope": ("-c", "import dinoscope"),
    "dinoscope --help": ("-m", "dinoscope", "--help"),
    "dinoscope segment --help": ("-m", "dinoscope", "segment", "--help"),
}


def starts(scope: Scope) -> dict[str, Any]:
    """Seconds of every command, less those of Python itself, and beside them."""
    ways: dict[str, Callable[[int], float]] = {
        name: lambda _, call=call: _seconds(call)  # type: ignore[misc]
        for name, call in COMMANDS.items()
    }
    seconds = in_turns(ways, 2 * scope.rounds)
    bare = seconds["python"]
    own = {name: [a - b for a, b in zip(values, bare, strict=True)] for name, values in seconds.items()}
    return {
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "own": {name: spread(values) for name, values in own.items()},
        "ratio": {name: ratios(values, bare) for name, values in seconds.items()},
    }


def _seconds(call: tuple[str, ...]) -> float:
    return seconds_of(lambda: subprocess.run([sys.executable, *call], check=True, stdout=subprocess.DEVNULL))
