"""Few clicks on three kinds of objects, answered by every method and by a pixel classifier.

``python -m benchmarks.few_examples``; it may be stopped, and goes on where it was. ``--set`` and ``--method`` choose,
``--fresh`` measures again what is there already.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from skimage.transform import resize

from benchmarks._data import RESULTS, data_folder, save
from dinoscope.batch import Stages
from dinoscope.benchmark import BASELINES, METHODS, Dataset, Protocol, open_dataset, run_benchmark
from dinoscope.encoders import create_encoder
from dinoscope.image import open_image
from dinoscope.settings import ImageSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dinoscope.benchmark import Line
    from dinoscope.encoders import Encoder

ENCODER = "nano"
CLICKS = (1, 3, 5, 10)
AGAINST = (5, 10)
"""Clicks, and counter-examples besides."""

SHRUNK = 0.3
"""Chloroplasts are so large that they are looked for, and measured, in pictures of this scale."""

SCRATCH = Path(os.environ.get("DINOSCOPE_SCRATCH", Path(tempfile.gettempdir()) / "dinoscope-few-examples"))
"""Where features and shrunk pictures are kept, so that later runs need not make them again."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is measured.

    Attributes
    ----------
    seeds
        How often clicks are drawn.
    corrected
        Sections of each set that the simulated person corrects.
    at_most
        Clicks of that person.
    """

    seeds: int = 5
    corrected: int = 2
    at_most: int = 20


def main() -> None:
    """Measure what is not there yet."""
    args = _arguments()
    bounds = Bounds(args.seeds, args.corrected, args.at_most)
    encoder = create_encoder(ENCODER, "cpu")
    for name in args.sets or SETS:
        dataset, started = SETS[name](), time.perf_counter()
        for method in args.methods or (*METHODS, *BASELINES):
            key = f"{name}, {BASELINES.get(method, method)}"
            if args.fresh or not _is_there(args.out, key, bounds):
                save(args.out, {key: measure(dataset, method, encoder, bounds)})
            print(f"{key}: {(time.perf_counter() - started) / 60:.1f} min since the set was begun", flush=True)


def measure(dataset: Dataset, method: str, encoder: Encoder, bounds: Bounds) -> dict[str, Any]:
    """What a method or a baseline gives on a data set."""
    chosen = {"methods": (), "baselines": (method,)} if method in BASELINES else {"methods": (method,)}
    few = Protocol(
        clicks=CLICKS,
        seeds=bounds.seeds,
        labelled_only=True,
        targets=(0.7, 0.8),
        at_most=bounds.at_most,
        corrected=bounds.corrected,
        store_folder=SCRATCH,
        **chosen,
    )
    against = replace(few, clicks=AGAINST[:1], counter_examples=AGAINST[1], targets=())
    parts = [run_benchmark(dataset, [(ENCODER, encoder)], protocol, Stages()) for protocol in (few, against)]
    return {
        "bounds": asdict(bounds),
        "answers": [line for part in parts for line in part.summary()],
        "corrections": [line for part in parts for line in part.efforts()],
        "lines": [_plain(line) for line in parts[0].lines()],
        "left_out": [sentence for part in parts for sentence in part.left_out],
    }


def _plain(line: Line) -> dict[str, Any]:
    return {"corrected": line.corrected, "clicks": line.clicks, "mean": line.mean, "spread": line.spread}


def _is_there(out: str, key: str, bounds: Bounds) -> bool:
    path = RESULTS / f"{out}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return key in before and before[key]["bounds"] == asdict(bounds)


def mitochondria() -> Dataset:
    """Sections 00 to 05 of the ventral nerve cord; nobody labelled section 01."""
    settings = ImageSettings(sections="0:6", image_pixel_size=4.6)
    return open_dataset(data_folder() / "vnc", "mitochondria", settings)


def chloroplasts() -> Dataset:
    """Five sections of plant leaf, shrunk; their truth numbers objects."""
    there, here = data_folder() / "chloroplast", SCRATCH / "chloroplast"
    for kind, smooth in (("images", True), ("instances", False)):
        (here / kind).mkdir(parents=True, exist_ok=True)
        for path in sorted((there / kind).glob("*.tif")):
            if not (here / kind / path.name).is_file():
                tifffile.imwrite(here / kind / path.name, _shrink(path, smooth))
    return open_dataset(here, None, ImageSettings())


def axons() -> Dataset:
    """Six pictures of rat spinal cord, each with a pixel size of its own."""
    return open_dataset(data_folder() / "axon", "axon", ImageSettings())


SETS: dict[str, Callable[[], Dataset]] = {
    "mitochondria": mitochondria, "chloroplasts": chloroplasts, "axons": axons,
}  # fmt: skip


def _shrink(path: Path, smooth: bool) -> NDArray[Any]:
    image = open_image(path, ImageSettings())
    voxels = image.read(image.extent)
    shape = tuple(round(SHRUNK * size) for size in voxels.shape)
    shrunk = resize(voxels, shape, order=int(smooth), anti_aliasing=smooth, preserve_range=True)
    return np.asarray(shrunk.round().astype(voxels.dtype))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.few_examples")
    parser.add_argument("--set", action="append", dest="sets", choices=SETS)
    parser.add_argument("--method", action="append", dest="methods", choices=(*METHODS, *BASELINES))
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--out", default="few_examples", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=Bounds().seeds)
    parser.add_argument("--corrected", type=int, default=Bounds().corrected)
    parser.add_argument("--at-most", type=int, default=Bounds().at_most)
    return parser.parse_args()


if __name__ == "__main__":
    main()
