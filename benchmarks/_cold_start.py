"""Seconds from ``import torch`` to features, in a process of its own: ``python -m benchmarks._cold_start ENCODER WAY``.

The way is ``whole``, where the encoder gets all of a picture at once, or ``tiles``, where dinoscope cuts it into tiles
with their halos and keeps the features on disk.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 1024
THREADS = 2


def main() -> None:
    """Print the seconds. All of dinoscope is imported within them, and only what is needed."""
    name, way = sys.argv[1:]
    torch.set_num_threads(THREADS)
    picture = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    began = time.perf_counter()
    if way == "whole":
        whole(name, picture)
    else:
        tiles(name, picture)
    print(time.perf_counter() - began)


def whole(name: str, picture: NDArray[np.float32]) -> None:
    """One call of the encoder."""
    from dinoscope.encoders import create_encoder

    create_encoder(name, "cpu").encode(picture[np.newaxis])


def tiles(name: str, picture: NDArray[np.float32]) -> None:
    """The way every image takes."""
    from dinoscope.encoders import create_encoder
    from dinoscope.features import FeatureStore, extract_features, plan_features
    from dinoscope.image import open_image
    from dinoscope.settings import IntensitySettings, TilingSettings

    encoder, image = create_encoder(name, "cpu"), open_image(picture)
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings())
    with tempfile.TemporaryDirectory() as scratch:
        extract_features(image, encoder, FeatureStore.create(Path(scratch) / "features.zarr", manifest))


if __name__ == "__main__":
    main()
