"""Memory and time of every command on images of 1 to 4295 megapixels, and on volumes.

    python -m benchmarks.scale                          # everything that is not there yet
    python -m benchmarks.scale --again nano --side 4096 # some series, or one size of them, anew
    python -m benchmarks.scale means & python -m benchmarks.scale nano "nano, TIFF" "nano, volume"    # on two cores

A piece of phantom is mirrored over and over to the size and written to disk, as zarr or as a tiled TIFF. Every command
runs in a process of its own. Its peak is that of the resident set as Linux counts it (``VmHWM``), less what is resident
once everything is imported and the encoder is loaded. Commands have one thread for their arithmetic, so that two series
can go on side by side. Figures are kept after every size, and what is there is not measured again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
import zarr
from scipy import ndimage

from benchmarks._data import RESULTS, save
from dinoscope.geometry import Region
from dinoscope.image import LazyArray
from dinoscope.samples import phantom
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dinoscope.samples import Phantom

NAME = "scale"
PIECE = 2048
PIXEL_NM = 8.0
CHUNK = 512
MARGIN = 128
MITOCHONDRION = 1
CLICKS = "clicks.json"
COMMANDS = ("info", "extract", "segment", "detect", "measure")


@dataclass(frozen=True, slots=True)
class Series:
    """The same work on images of growing size.

    Attributes
    ----------
    sides
        Side of each image.
    encoder
        ``"nano"``, or ``"means"``: mean and spread of the pixels of each patch, which costs next to nothing.
    sections
        Sections of a volume, 0 for a 2-D image.
    kind
        Of the image on disk and of the label images that are written: ``"zarr"`` or ``"tif"``.
    """

    sides: tuple[int, ...]
    encoder: str = "nano"
    sections: int = 0
    kind: str = "zarr"

    def shape(self, side: int) -> tuple[int, ...]:
        """Shape of the image of a side."""
        return (self.sections, side, side) if self.sections else (side, side)


SERIES = {
    "nano": Series((1024, 4096, 16384)),
    "nano, TIFF": Series((1024, 4096), kind="tif"),
    "nano, volume": Series((512, 1024), sections=32),
    "means": Series((1024, 4096, 16384, 65536), encoder="means"),
}


class Mirrored(LazyArray):
    """A piece over and over, every second time mirrored, so that no border shows."""

    def __init__(self, shape: tuple[int, ...], piece: NDArray[Any]) -> None:
        super().__init__(shape, piece.dtype)
        self._piece = piece

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        index = []
        for part, size in zip(bounds, self._piece.shape, strict=True):
            folded = np.arange(part.start, part.stop) % (2 * size)
            index.append(np.where(folded < size, folded, 2 * size - 1 - folded))
        return self._piece[np.ix_(*index)]


def main() -> None:
    """Measure what is asked for and not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", nargs="*", help=f"some of {', '.join(SERIES)}; all by default")
    parser.add_argument("--side", type=int, help="only images of this side")
    parser.add_argument("--again", action="store_true", help="also what is there already")
    options = parser.parse_args()
    path = RESULTS / f"{NAME}.json"
    there = json.loads(path.read_text(encoding="utf-8")) if path.is_file() and not options.again else {}
    todo = [(name, side) for name, series in SERIES.items() for side in series.sides]
    for name, side in sorted(todo, key=lambda one: math.prod(SERIES[one[0]].shape(one[1]))):
        key = f"{name}: {side}"
        if name in (options.series or SERIES) and options.side in (None, side) and key not in there:
            figures = measure(SERIES[name], side)
            print(key, figures, flush=True)
            save(NAME, {key: figures})


def measure(series: Series, side: int) -> dict[str, Any]:
    """All commands on one image, one after the other."""
    shape = series.shape(side)
    with tempfile.TemporaryDirectory() as folder:
        write_image(Path(folder) / f"image.{series.kind}", shape)
        runs = [[_run(command, series, Path(folder)) for command in COMMANDS] for _ in range(_repeats(shape))]
    return {
        "series": series.encoder,
        "shape": shape,
        "megavoxels": math.prod(shape) / 1e6,
        "commands": {
            command: {
                "seconds": _spread([run["seconds"] for run in each]),
                "peak_bytes": max(run["peak_bytes"] for run in each),
                "stages": {name: _spread([run["stages"][name] for run in each]) for name in each[0]["stages"]},
            }
            for command, each in zip(COMMANDS, zip(*runs, strict=True), strict=True)
        },
        "objects": runs[0][2]["objects"],
    }


def _repeats(shape: tuple[int, ...]) -> int:
    """How often: what takes seconds is measured often."""
    return 3 if math.prod(shape) < 2**25 else 1


def _spread(values: list[float]) -> list[float]:
    """Lowest, median and highest."""
    return [min(values), float(np.median(values)), max(values)]


def _run(command: str, series: Series, folder: Path) -> dict[str, Any]:
    """Figures of one command, from a fresh process."""
    call = [sys.executable, "-m", "benchmarks._scale_command", command, series.encoder, series.kind, str(folder)]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    printed = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True, env=alone).stdout
    found: dict[str, Any] = json.loads(printed)
    return found


def write_image(path: Path, shape: tuple[int, ...]) -> None:
    """The image on disk, in blocks of one section, and clicks on three mitochondria in it beside it."""
    made = phantom(tuple(min(size, PIECE) for size in shape), pixel_size_nm=PIXEL_NM)
    path.with_name(CLICKS).write_text(json.dumps(_clicks(made)), encoding="utf-8")
    image = Mirrored(shape, made.image.read(made.image.extent))
    chunks = (*(1 for _ in shape[:-2]), CHUNK, CHUNK)
    if path.suffix == ".tif":
        tifffile.imwrite(path, _tiles(image, chunks), shape=shape, dtype=image.dtype, tile=(CHUNK, CHUNK), bigtiff=True)
        return
    array = zarr.create_array(path, shape=shape, chunks=chunks, dtype=image.dtype)
    for block in blocks(Region.of_shape(shape), (*chunks[:-2], 4 * CHUNK, 4 * CHUNK)):
        array[block.slices] = image[block.slices]


def _clicks(made: Phantom) -> list[list[int]]:
    """Where (z, y, x) the three largest mitochondria of the middle section are deepest, not too near to its rim."""
    middle = made.image.shape[0] // 2 if made.image.axis_names == "zyx" else 0
    height, width = made.image.shape[-2:]
    section = (middle,) if made.image.axis_names == "zyx" else ()
    where = Region((*section, 0, 0), (*(z + 1 for z in section), height, width))
    ids, classes = (part.read(where).reshape(height, width) for part in (made.instances, made.classes))
    depths = ndimage.distance_transform_edt(classes == MITOCHONDRION)
    rim = np.pad(np.zeros((height - 2 * MARGIN, width - 2 * MARGIN), bool), MARGIN, constant_values=True)
    depths[rim] = 0
    places = []
    for _ in range(3):
        y, x = np.unravel_index(depths.argmax(), depths.shape)
        places.append([middle, int(y), int(x)])
        depths[ids == ids[y, x]] = 0
    return places


def _tiles(image: Mirrored, chunks: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    for block in blocks(Region.of_shape(image.shape), chunks):
        yield image[block.slices]


if __name__ == "__main__":
    main()
