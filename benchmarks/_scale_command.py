"""One command on the image of a folder: ``python -m benchmarks._scale_command COMMAND ENCODER KIND FOLDER``.

Prints its seconds, those of each stage, and how much memory it takes at the peak, as JSON.
"""

from __future__ import annotations

import gc
import json
import shutil
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.encoder_memory import resident_bytes
from benchmarks.scale import CLICKS, PIXEL_NM
from dinoscope import detection, evaluate, segmentation, similarity  # noqa: F401 - imports belong to the start
from dinoscope.batch import Recipe, Stages, Work, find
from dinoscope.encoders import create_encoder
from dinoscope.features import plan_features
from dinoscope.image import open_image
from dinoscope.measure import measure_objects
from dinoscope.outputs import scratch_folder, write_table
from dinoscope.prompts import PointPrompt
from dinoscope.settings import ImageSettings, SegmentationSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from dinoscope.batch import ResultKind
    from dinoscope.encoders import Encoder
    from dinoscope.image import Image
    from dinoscope.jobs import Progress

REDUCED = SegmentationSettings(refine="none", threshold=0.8)
"""No borders from the image, and as much found as with nano: what grows with an image, and takes minutes."""


class Clock:
    """Seconds of each stage: from one call to the next, on the account of the stage that calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._last = time.perf_counter()

    def __call__(self, told: Progress) -> None:
        """Hear of progress."""
        self.note(told.stage)

    def note(self, stage: str) -> None:
        """All since the last call was this stage."""
        now = time.perf_counter()
        self.seconds[stage] += now - self._last
        self._last = now


class Bench:
    """The commands, as the command line runs them."""

    def __init__(self, encoder: Encoder, kind: str, folder: Path) -> None:
        self.encoder, self.kind, self.folder = encoder, kind, folder
        self.reduced = isinstance(encoder, FakeEncoder)

    def info(self, clock: Clock) -> int:
        """Look at the image and plan."""
        image, stages = self.image(), Stages()
        plan_features(image, self.encoder.spec, stages.tiling, stages.intensity)
        clock.note("plan")
        return 0

    def extract(self, clock: Clock) -> int:
        """Compute all features, anew every time."""
        shutil.rmtree(self.features, ignore_errors=True)
        work = Work.open(self.image(), self.encoder, Stages(), self.features)
        clock.note("plan")
        work.extract(clock)
        return 0

    def segment(self, clock: Clock) -> int:
        """Mask, objects and table, from features that are there."""
        return sum(self._find(clock, ("mask", "instances", "measurements", "overlay")).values())

    def detect(self, clock: Clock) -> int:
        """Points, from features that are there."""
        return sum(self._find(clock, ("detections",)).values())

    def measure(self, clock: Clock) -> int:
        """The objects that `segment` wrote, from disk."""
        table = measure_objects(open_image(self.result("instances")), self.image(), progress=clock)
        write_table(self.folder / "measured.csv", table.columns)
        clock.note("table")
        return len(table)

    @property
    def features(self) -> Path:
        """The store."""
        return self.folder / "features.zarr"

    def image(self) -> Image:
        """The image, opened."""
        image = open_image(self.folder / f"image.{self.kind}", ImageSettings(image_pixel_size=PIXEL_NM))
        return image.with_section_distance(PIXEL_NM) if "z" in image.axis_names else image

    def result(self, kind: str) -> Path:
        """Name of a result."""
        suffix = {"measurements": "csv", "detections": "csv", "overlay": "png"}.get(kind, self.kind)
        return self.folder / f"{kind}.{suffix}"

    def _find(self, clock: Clock, kinds: tuple[ResultKind, ...]) -> dict[str, int]:
        work = Work.open(self.image(), self.encoder, Stages(), self.features)
        clicks = json.loads((self.folder / CLICKS).read_text(encoding="utf-8"))
        reference = work.look_up([PointPrompt(tuple(place), "mitochondrion") for place in clicks], clock)
        settings = REDUCED if self.reduced else SegmentationSettings()
        recipe = Recipe(reference=reference, segmentation=settings, results=kinds)
        clock.note("examples")
        with scratch_folder(self.folder / "result") as scratch:
            found = find(work, recipe, scratch, clock, force=True)
            clock.note("find")
            for kind in kinds:
                found.writers[kind](self.result(kind))
                clock.note(kind)
        return {**found.objects, **found.detections}


def run(command: str, bench: Bench) -> dict[str, Any]:
    """Figures of one command."""
    gc.collect()
    idle = resident_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from now on
    clock = Clock()
    began = time.perf_counter()
    objects = getattr(bench, command)(clock)
    seconds = time.perf_counter() - began
    peak = resident_bytes("VmHWM") - idle
    return {"seconds": seconds, "peak_bytes": peak, "stages": dict(clock.seconds), "objects": objects}


def main() -> None:
    """Load, run and print."""
    command, encoder, kind, folder = sys.argv[1:]
    made = create_encoder(encoder, "cpu") if encoder != "means" else FakeEncoder(32, 512, 0)
    print(json.dumps(run(command, Bench(made, kind, Path(folder)))))


if __name__ == "__main__":
    main()
