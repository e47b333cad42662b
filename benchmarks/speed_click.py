"""A click, from its prompts to the map of the whole image, beside the dense way of the public code.

Ours is what a click costs in a session: prompts are looked up, the method is fitted, and the features are compared,
those that a session keeps in memory and, once more, all from disk. The dense way (`benchmarks._dense`) has its features
in memory. Both have the same features, the same clicks and the same threads.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._dense import Dense
from benchmarks._exact import exactly
from benchmarks._profiles import shares
from benchmarks._scenes import draw_large, draw_stack
from benchmarks._turns import THREADS, Scope, in_turns, ratios, seconds_of, spread, use_threads
from dinoscope.geometry import Region
from dinoscope.segmentation import choose_thresholds, similarity_at

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks._scenes import Scene
    from dinoscope.session import Session
    from dinoscope.similarity import SimilarityMap

CLICKS = 5
METHODS = ("knn", "auto", "dinosim")
"""The default first."""

DISK = ", from disk"

PUBLISHED_THRESHOLD = 0.5
PARTS = {
    "examples looked up": ("_compute.py", "_make_reference"),
    "method fitted": ("_compute.py", "_grow"),
    "features read and compared": ("_compute.py", "_fill"),
}
"""Stages of a click."""


def as_published(session: Session) -> None:
    """DINOSim with all that its public code does otherwise than the paper."""
    session.settings.similarity.method = "dinosim"
    session.settings.similarity.dedupe = False
    session.settings.reference.sampling = "nearest"
    session.settings.reference.crop_at = "lattice"


class Ours:
    """A session that is clicked in.

    Parameters
    ----------
    scene
        The image, all features of which are there.
    method
        How features are compared.
    remembers
        Whether features stay in memory, as they do in a session.
    """

    def __init__(self, scene: Scene, method: str = METHODS[0], remembers: bool = True) -> None:
        self.scene, self.session = scene, scene.session()
        self.session.settings.similarity.method = method  # type: ignore[assignment]
        if not remembers:
            self.session.result("features").remember(0)

    def click(self, count: int, number: int) -> float:
        """Seconds from new prompts to the map of the whole image."""
        prompts = self.scene.clicks(count, number)
        self.session.prompts = ()
        began = time.perf_counter()
        self.session.prompts = prompts
        self.session.request("similarity")
        self.session.result("similarity")  # raises where there is none
        return time.perf_counter() - began

    def mask(self, count: int, number: int = 0) -> NDArray[np.bool_]:
        """What the automatic threshold makes of a click, not refined by the image, shape (z, y, x)."""
        self.click(count, number)
        similarity: SimilarityMap = self.session.result("similarity")
        inside: NDArray[np.bool_] = pixels_of(similarity) >= choose_thresholds(similarity, "auto")[0]
        return inside


class Theirs:
    """The dense way on the same features.

    Parameters
    ----------
    scene
        The image.
    """

    def __init__(self, scene: Scene) -> None:
        store = scene.store()
        self.scene, grid = scene, store.grid
        self.dense = Dense.of(store.read(grid.extent), grid.voxels, grid.stride)

    def click(self, count: int, number: int) -> float:
        """Seconds from prompts to the map at all voxels."""
        places = [prompt.position for prompt in self.scene.clicks(count, number)]
        return seconds_of(lambda: self.dense.click(places))

    def similarity(self, count: int, number: int = 0) -> NDArray[np.float32]:
        """Its map, turned around: 1 is alike, shape (z, y, x)."""
        places = [prompt.position for prompt in self.scene.clicks(count, number)]
        found: NDArray[np.float32] = self.dense.click(places).numpy()
        return 1.0 - found


def pixels_of(similarity: SimilarityMap) -> NDArray[np.float32]:
    """The map of the first class at all voxels (z, y, x)."""
    values: NDArray[np.float32] = similarity_at(similarity, Region.of_shape(similarity.grid.voxels))[0]
    return values


def overlap(found: NDArray[np.bool_], expected: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((found & expected).sum() / max(1, (found | expected).sum()))


def methods(scope: Scope) -> dict[str, Any]:
    """Every method on the whole volume, the dense way in turns with them, and what their masks are worth."""
    with tempfile.TemporaryDirectory() as folder:
        scene = draw_stack(Path(folder) / "scene", scope.sections, scope.side)
        theirs, ours = Theirs(scene), {method: Ours(scene, method) for method in METHODS}
        from_disk = {f"{METHODS[0]}{DISK}": Ours(scene, METHODS[0], remembers=False)}
        found = compared(theirs, {**ours, **from_disk}, CLICKS, scope.rounds)
        found["iou"] = {method: agreement(one) for method, one in ours.items()}
        found["marked"] = {method: float(one.mask(CLICKS).mean()) for method, one in ours.items()}
        found["pixels"] = spread([_seconds_of_pixels(ours[METHODS[0]]) for _ in range(scope.rounds)])
        found["dense_iou"] = dense_agreement(scene, theirs)
    return {"sections": scope.sections, "side": scope.side, "clicks": CLICKS, **found}


def compared(theirs: Theirs, ours: dict[str, Ours], count: int, rounds: int) -> dict[str, Any]:
    """Seconds of all ways, and how many times longer the dense one takes."""
    ways: dict[str, Callable[[int], float]] = {
        name: lambda number, one=one: one.click(count, number)  # type: ignore[misc]
        for name, one in {"dense": theirs, **ours}.items()
    }
    seconds = in_turns(ways, rounds)
    return {
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "ratio": {name: ratios(seconds["dense"], seconds[name]) for name in ours},
    }


def agreement(ours: Ours) -> list[float]:
    """IoU of masks with those of the exact way, for clicks at three places."""
    found = []
    for number in range(3):
        mask = ours.mask(CLICKS, number)
        with exactly():
            found.append(overlap(mask, ours.mask(CLICKS, number)))
    return spread(found)


def dense_agreement(scene: Scene, theirs: Theirs) -> list[float]:
    """IoU of the masks at 0.5 of the dense way and of our own DINOSim with the same faults."""
    own = Ours(scene, "dinosim")
    as_published(own.session)
    found = []
    for number in range(3):
        own.click(CLICKS, number)
        ours = pixels_of(own.session.result("similarity")) >= PUBLISHED_THRESHOLD
        found.append(overlap(theirs.similarity(CLICKS, number) >= PUBLISHED_THRESHOLD, ours))
    return spread(found)


def prompts(scope: Scope) -> dict[str, Any]:
    """How a click grows with the number of examples."""
    with tempfile.TemporaryDirectory() as folder:
        scene = draw_stack(Path(folder) / "scene", scope.few, scope.side)
        theirs, ours = Theirs(scene), Ours(scene)
        found = {str(count): compared(theirs, {"ours": ours}, count, scope.rounds) for count in scope.prompts}
    return {"sections": scope.few, "side": scope.side, "rows": found}


def channels(scope: Scope) -> dict[str, Any]:
    """How a click grows with the length of a feature vector."""
    found = {}
    for count in scope.channels:
        with tempfile.TemporaryDirectory() as folder:
            scene = draw_stack(Path(folder) / "scene", scope.few, scope.side, f"textures-{count}")
            found[str(count)] = compared(Theirs(scene), {"ours": Ours(scene)}, CLICKS, scope.rounds)
    return {"sections": scope.few, "side": scope.side, "rows": found}


def sizes(scope: Scope) -> dict[str, Any]:
    """How a click grows with the image, where all of it is compared."""
    found = {}
    for side in scope.compared:
        with tempfile.TemporaryDirectory() as folder:
            scene = draw_large(Path(folder) / "scene", side)
            found[str(side)] = compared(Theirs(scene), {"ours": Ours(scene)}, CLICKS, scope.rounds)
    return {"rows": found}


def threads(scope: Scope) -> dict[str, Any]:
    """What a second thread does for a click."""
    with tempfile.TemporaryDirectory() as folder:
        scene = draw_stack(Path(folder) / "scene", scope.few, scope.side)
        both: dict[str, Theirs | Ours] = {"dense": Theirs(scene), "ours": Ours(scene)}

        def click(name: str, count: int, number: int) -> float:
            use_threads(count)
            return both[name].click(CLICKS, number)

        ways: dict[str, Callable[[int], float]] = {
            f"{name}, {count}": lambda number, name=name, count=count: click(name, count, number)  # type: ignore[misc]
            for name in both
            for count in (1, THREADS)
        }
        seconds = in_turns(ways, scope.rounds)
        use_threads(THREADS)
    return {
        "sections": scope.few,
        "side": scope.side,
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "ratio": {name: ratios(seconds[f"{name}, 1"], seconds[f"{name}, {THREADS}"]) for name in both},
    }


def memory(scope: Scope) -> dict[str, Any]:
    """What a click takes of the memory, and features of memory and disk; every way in processes of its own."""
    with tempfile.TemporaryDirectory() as folder:
        scene = draw_stack(Path(folder) / "scene", scope.sections, scope.side)
        store = scene.store()
        on_disk = sum(path.stat().st_size for path in store.path.rglob("*") if path.is_file())
        peaks = {way: [_peak(way, scene.folder) for _ in range(scope.rounds)] for way in ("dense", "ours")}
    return {
        "sections": scope.sections,
        "side": scope.side,
        "held_bytes": {way: spread([held for held, _ in runs]) for way, runs in peaks.items()},
        "click_bytes": {way: spread([click for _, click in runs]) for way, runs in peaks.items()},
        "ratio": ratios(*([held + click for held, click in peaks[way]] for way in ("dense", "ours"))),
        "disk_bytes": on_disk,
        "pixels": scope.sections * scope.side**2,
    }


def profile(scope: Scope) -> dict[str, Any]:
    """Where the time of a click goes."""
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(draw_stack(Path(folder) / "scene", scope.sections, scope.side))
        ours.scene.store()
        ours.click(CLICKS, 0)
        gc.collect()
        return shares(lambda: ours.click(CLICKS, 1), PARTS)


def _seconds_of_pixels(ours: Ours) -> float:
    similarity = ours.session.result("similarity")
    return seconds_of(lambda: pixels_of(similarity))


def _peak(way: str, folder: Path) -> tuple[float, float]:
    """Bytes that a way holds between clicks, and those that a click takes at its peak beyond them."""
    call = [sys.executable, "-m", "benchmarks._click_memory", way, str(folder)]
    held, click = json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return held, click
