"""Memory of one click in a scene: ``python -m benchmarks._click_memory WAY FOLDER``.

The way is ``dense`` or ``ours``. Prints the bytes it holds between clicks, and those that a click takes at its peak
beyond them.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path

from benchmarks._scenes import Scene
from benchmarks._turns import THREADS, use_threads
from benchmarks.encoder_memory import resident_bytes
from benchmarks.speed_click import CLICKS, Ours, Theirs
from dinoscope.session import _compute  # noqa: F401 - imports belong to the start, not to the growth


def main() -> None:
    """Make what is clicked in, click once, and print."""
    use_threads(THREADS)
    way, folder = sys.argv[1:]
    scene = Scene.open(Path(folder))
    gc.collect()
    imported = resident_bytes("VmRSS")
    one: Theirs | Ours = Theirs(scene) if way == "dense" else Ours(scene)
    gc.collect()
    idle = resident_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from now on
    one.click(CLICKS, 0)
    print(json.dumps([idle - imported, resident_bytes("VmHWM") - idle]))


if __name__ == "__main__":
    main()
