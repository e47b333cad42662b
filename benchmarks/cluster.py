"""How much faster two workers extract features than one: ``python -m benchmarks.cluster [ENCODER ...]``.

Workers are processes of one thread, as ``--workers`` starts them, that have loaded their encoder. Set
``OMP_NUM_THREADS=1``, so that this process, which is measured beside them, has one thread, too.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
import torch

from benchmarks._data import save
from benchmarks._encoders_by_name import RANDOM, make_encoder
from dinoscope.batch import ALONE, Stages, Work
from dinoscope.distributed import Cluster, connect
from dinoscope.image import open_image
from dinoscope.jobs import ignore_progress
from dinoscope.samples import phantom
from dinoscope.settings import ClusterSettings, EncoderSettings

if TYPE_CHECKING:
    from dinoscope.batch import Crew

SHAPES = {"nano": (3, 4096, 4096), RANDOM: (3, 756, 756)}
"""Voxels (z, y, x) per encoder: 48 and 12 tiles, some 15 to 30 s of one core."""

ROUNDS = 3
WORKERS = (1, 2)


def main() -> None:
    """Measure both encoders."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        crews = {count: opened.enter_context(connect(ClusterSettings(workers=count))) for count in WORKERS}
        for name in sys.argv[1:] or SHAPES:
            figures = compare(name, draw(Path(folder) / f"{name}.tif", SHAPES[name]), {0: ALONE, **crews})
            print(name, figures, flush=True)
            save("cluster", {name: figures})


def draw(path: Path, shape: tuple[int, int, int]) -> Path:
    """A piece of phantom, repeated to the shape."""
    piece = phantom((1024, 1024), seed=0).image
    drawn = np.resize(np.tile(piece.read(piece.extent), (4, 4)), (4096, 4096))[: shape[1], : shape[2]]
    tifffile.imwrite(path, np.broadcast_to(drawn, shape), metadata={"axes": "ZYX"}, ome=True, tile=(256, 256))
    return path


def compare(name: str, path: Path, crews: dict[int, Crew]) -> dict[str, Any]:
    """Seconds of all crews, taken in turns so that whatever slows the machine slows all of them."""
    seconds: dict[int, list[float]] = {count: [] for count in crews}
    for number in range(ROUNDS + 1):  # the first one loads encoders and warms the disk
        for count, crew in crews.items():
            taken = extract(name, path, crew)
            if number:
                seconds[count].append(taken)
    one, two = (seconds[count] for count in WORKERS)
    return {
        "shape": list(SHAPES[name]),
        "alone_s": spread(seconds[0]),
        "one_s": spread(one),
        "two_s": spread(two),
        "times_faster": spread([a / b for a, b in zip(one, two, strict=True)]),
        "of_medians": float(np.median(one) / np.median(two)),
    }


def extract(name: str, path: Path, crew: Crew) -> float:
    """Seconds to fill a new store."""
    if isinstance(crew, Cluster):
        crew = Cluster(crew.client, make_encoder)
    stages = Stages(encoder=EncoderSettings(encoder=name, device="cpu"))
    with tempfile.TemporaryDirectory() as folder:
        work = Work.open(open_image(path), make_encoder(name, "cpu", 1), stages, Path(folder) / "store.zarr", crew)
        began = time.perf_counter()
        work.extract(ignore_progress)
        return time.perf_counter() - began


def spread(values: list[float]) -> list[float]:
    """Lowest, median and highest."""
    return [min(values), float(np.median(values)), max(values)]


if __name__ == "__main__":
    main()
