"""How much memory the whole way takes on an image that is far larger: ``python -m tests.batch.growth FOLDER``.

Prints the growth in MiB beyond the peak of an image of a quarter of the size, after which all that is loaded once is
loaded and what is remembered is full. Blocks are small, and so is what goes with them beside what goes with the image.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.batch import Recipe, Stages, Work, find
from dinoscope.geometry import Axis
from dinoscope.image import Image, LazyArray, open_image
from dinoscope.measure import measure_objects
from dinoscope.outputs import _scratch
from dinoscope.prompts import PointPrompt
from dinoscope.segmentation import _rules, _segment
from dinoscope.settings import ReferenceSettings, SegmentationSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 5120
"""Of the large image: 200 MiB as it is read, 100 MiB as piece numbers, 25 MiB as a mask."""

SMALL = SIDE // 2
_MIB = 2**20


class Discs(LazyArray):
    """Bright discs in rows and columns, made up when they are read."""

    def __init__(self, side: int) -> None:
        super().__init__((side, side), np.float64)

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        y, x = (np.arange(part.start, part.stop) % 128 - 64 for part in bounds)
        return np.where(np.hypot.outer(y, x) < 40, 0.9, 0.1)


def go(side: int, folder: Path) -> int:
    """Everything that commands do with one image; the number of objects."""
    image = Image("discs", f"discs:{side}", (Axis("y", side, 4.0, "nm"), Axis("x", side, 4.0, "nm")), Discs(side))
    stages = Stages(reference=ReferenceSettings(crop=512))
    work = Work.open(image, FakeEncoder(16, 512, 0), stages, folder / "features.zarr")
    reference = work.look_up([PointPrompt((0, 320.0, 320.0), "disc")], lambda told: None)
    recipe = Recipe(
        reference=reference,
        segmentation=SegmentationSettings(),
        results=("mask", "instances", "similarity", "measurements", "detections", "overlay"),
    )
    (folder / "scratch").mkdir()
    found = find(work, recipe, folder / "scratch", lambda told: None)
    for kind, suffix in (("mask", "tif"), ("instances", "zarr"), ("measurements", "csv"), ("detections", "json")):
        found.writers[kind](folder / f"{kind}.{suffix}")  # type: ignore[index]
    found.writers["similarity"](folder / "similarity.zarr")
    found.writers["overlay"](folder / "overlay.png")
    return len(measure_objects(open_image(folder / "instances.zarr"), image))


def peak_mib() -> float:
    """The most that this process ever had."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / _MIB if sys.platform == "darwin" else most / 1024


def main() -> None:
    """Print growth and objects."""
    _segment.BLOCK = (1, 512, 512)
    _rules._FLAT_TILE, _rules._FLAT_REACH = (1, 512, 512), 44
    _scratch._IN_MEMORY = 2**22
    for name, side in (("small", SMALL), ("large", SIDE)):
        folder = Path(sys.argv[1]) / name
        folder.mkdir()
        before = peak_mib()
        objects = go(side, folder)
    sys.stdout.write(f"{peak_mib() - before} {objects}\n")


if __name__ == "__main__":
    main()
