"""How fast nano is beside DINOv2-small, how soon it starts, and how large it is.

``python -m benchmarks.nano_speed [ENCODER]``; ENCODER is a name or the path of a compact encoder. On two threads.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.numpy import load_file

from benchmarks._cold_start import THREADS
from benchmarks._data import save
from dinoscope.encoders import create_encoder, random_dinov2

if TYPE_CHECKING:
    from dinoscope.encoders import Encoder

SIDE = 518
"""What DINOv2 likes best; an encoder whose stride does not divide it gets the next larger tile that it divides."""

ROUNDS = 9
STARTS = 5


def main() -> None:
    """Measure and save."""
    name = sys.argv[1] if len(sys.argv) > 1 else "nano"
    torch.set_num_threads(THREADS)
    figures = {**compare_speed(create_encoder(name, "cpu"), random_dinov2("small")), **size(name)}
    for way in ("whole", "tiles"):
        figures[f"start_{way}_s"] = spread([cold_start(name, way) for _ in range(STARTS + 1)][1:])
    print(figures)
    save("nano_speed", {name: figures})


def compare_speed(ours: Encoder, theirs: Encoder) -> dict[str, Any]:
    """Seconds per tile of both, taken in turns so that whatever slows the machine slows both, and their ratio."""
    area = tile_side(ours) ** 2 / tile_side(theirs) ** 2
    encode_tile(ours), encode_tile(theirs)  # the first call of each sets up its kernels
    pairs = [(encode_tile(ours), encode_tile(theirs)) for _ in range(ROUNDS)]
    return {
        "tile": tile_side(ours), "tile_s": spread([pair[0] for pair in pairs]),
        "dinov2_tile": tile_side(theirs), "dinov2_tile_s": spread([pair[1] for pair in pairs]),
        "times_faster": spread([area * theirs_s / ours_s for ours_s, theirs_s in pairs]),
    }  # fmt: skip


def tile_side(encoder: Encoder) -> int:
    """The smallest side from `SIDE` that the encoder can take."""
    return math.ceil(SIDE / encoder.spec.stride) * encoder.spec.stride


def encode_tile(encoder: Encoder) -> float:
    """Seconds for one tile."""
    side = tile_side(encoder)
    pixels = np.random.default_rng(0).random((1, side, side), dtype=np.float32)
    began = time.perf_counter()
    encoder.encode(pixels)
    return time.perf_counter() - began


def cold_start(name: str, way: str) -> float:
    """Seconds from ``import torch`` to features, in a fresh process."""
    command = [sys.executable, "-m", "benchmarks._cold_start", name, way]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def size(name: str) -> dict[str, Any]:
    """Bytes of the file and trained values in it; running means and variances are none."""
    bundled = Path(str(resources.files("dinoscope.encoders"))) / "weights" / "nano.safetensors"
    path = bundled if name == "nano" else Path(name)
    path = path / "encoder.safetensors" if path.is_dir() else path
    trained = [t.size for key, t in load_file(path).items() if "running_" not in key and "num_batches" not in key]
    return {"file_mb": path.stat().st_size / 1e6, "parameters": int(sum(trained))}


def spread(values: list[float]) -> list[float]:
    """Lowest, median and highest."""
    return [min(values), float(np.median(values)), max(values)]


if __name__ == "__main__":
    main()
