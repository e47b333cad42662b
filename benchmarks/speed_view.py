"""What a person waits for: an example is added, or the threshold moved, and what is in view is there again.

The image may be of any size; the view has the same pixels in all of them. Features are computed where they are needed,
before anything is timed.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._profiles import shares
from benchmarks._scenes import PIECE, draw_large
from benchmarks._turns import Scope, in_turns, ratios, spread
from benchmarks.speed_click import CLICKS, PARTS
from dinoscope.geometry import Region
from dinoscope.segmentation import lazy_mask
from dinoscope.session import fine_map

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks._scenes import Scene

STEPS = ("preview", "first mask", "threshold")
THRESHOLDS = (0.45, 0.5, 0.55, 0.6)
"""Where the threshold is moved to, one after the other."""


class Viewer:
    """A session of which a part is in view.

    Parameters
    ----------
    scene
        The image.
    view
        Voxels in view (z, y, x).
    """

    def __init__(self, scene: Scene, view: Region) -> None:
        self.scene, self.session, self._view = scene, scene.session(), view
        self.session.view = view
        self.marked = 0.0

    def preview(self, number: int) -> float:
        """Seconds from one more example to the map of what is in view."""
        *before, last = self.scene.clicks(CLICKS, number)
        self.session.settings.segmentation.threshold = "auto"
        self.session.prompts = before
        self.session.request("preview")
        began = time.perf_counter()
        self.session.prompts = (*before, last)
        self.session.request("preview")
        return time.perf_counter() - began

    def mask(self) -> float:
        """Seconds until the mask of what is in view is there, as a view shows it."""
        began = time.perf_counter()
        levels = lazy_mask(fine_map(self.session), self.session.thresholds(), stacked=True)
        found = levels[0][self._view.slices]
        taken = time.perf_counter() - began
        self.marked = float((found > 0).mean())
        return taken

    def move_threshold(self, number: int) -> float:
        """Seconds from another threshold to its mask."""
        began = time.perf_counter()
        self.session.settings.segmentation.threshold = THRESHOLDS[number % len(THRESHOLDS)]
        changed = time.perf_counter() - began
        return changed + self.mask()

    def round(self, number: int) -> dict[str, float]:
        """Seconds of every step, one after the other."""
        preview = self.preview(number)
        return {"preview": preview, "first mask": self.mask(), "threshold": self.move_threshold(number)}


def views(scope: Scope) -> dict[str, Any]:
    """The same view of images of growing size, and growing views of the largest of them."""
    with tempfile.TemporaryDirectory() as folder:
        scenes = {side: draw_large(Path(folder) / str(side), side, start=start_of(side)) for side in scope.viewed}
        usual, largest = scope.views[1], max(scope.viewed)
        by_size = {str(side): Viewer(scene, view_of(side, usual)) for side, scene in scenes.items()}
        by_view = {str(seen): Viewer(scenes[largest], view_of(largest, seen)) for seen in scope.views}
        found = {"sizes": _rounds(by_size, scope.rounds), "views": _rounds(by_view, scope.rounds)}
    return {"view": usual, "image": largest, **found}


def start_of(side: int) -> int:
    """Where the middle copy of the piece begins in an image: mirrored twice, it is as it was."""
    return side // 2 // (2 * PIECE) * 2 * PIECE


def view_of(side: int, seen: int) -> Region:
    """A square of voxels in an image, which begins where the piece does."""
    start = start_of(side)
    return Region((0, start, start), (1, start + seen, start + seen))


def profile(scope: Scope) -> dict[str, Any]:
    """Where the time of an example goes until what is in view is there."""
    with tempfile.TemporaryDirectory() as folder:
        side = max(scope.viewed)
        viewer = Viewer(draw_large(Path(folder) / "scene", side, start=start_of(side)), view_of(side, scope.views[1]))
        viewer.preview(0)
        return shares(lambda: viewer.preview(1), PARTS)


def _rounds(viewers: dict[str, Viewer], rounds: int) -> dict[str, Any]:
    """Seconds of all steps of all viewers, in turns, and their ratios to those of the first."""
    steps: dict[str, list[dict[str, float]]] = {name: [] for name in viewers}

    def step(name: str, number: int) -> float:
        steps[name].append(viewers[name].round(number))
        return sum(steps[name][-1].values())

    ways: dict[str, Callable[[int], float]] = {
        name: lambda number, name=name: step(name, number)  # type: ignore[misc]
        for name in viewers
    }
    in_turns(ways, rounds)
    kept = {name: {kind: [one[kind] for one in found[-rounds:]] for kind in STEPS} for name, found in steps.items()}
    first = kept[next(iter(viewers))]
    return {
        name: {
            "seconds": {kind: spread(values[kind]) for kind in STEPS},
            "ratio": {kind: ratios(values[kind], first[kind]) for kind in STEPS},
            "marked": viewers[name].marked,
        }
        for name, values in kept.items()
    }
