"""How much more features jump across tile borders than inside of tiles, by halo. VNC section 00.

``python -m benchmarks.seams``. A jump is the L2 distance of two neighbouring patches; 1.00 means that no border shows.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks._data import data_folder, save
from dinoscope.encoders import create_encoder, random_dinov2
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import open_image
from dinoscope.settings import IntensitySettings, TilingSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.tiling import TileGrid

SIDE = 518
"""Pixels of a tile, or a little less: the sections are small, and larger tiles would hardly have a border."""

HALOS = (0, 1, 2, 3, 5, 8)
"""In patches; an encoder's own halo is added."""


def main() -> None:
    """Measure both encoders."""
    encoders = {"nano": create_encoder("nano", "cpu"), "random-dinov2-small": random_dinov2("small")}
    figures = {}
    for name, encoder in encoders.items():
        own = encoder.spec.halo // encoder.spec.stride
        halos = sorted({*HALOS, own})
        figures[name] = {"own_halo": own, "ratios": {str(halo): ratio(encoder, halo) for halo in halos}}
        print(name, figures[name], flush=True)
    save("seams", figures)


def ratio(encoder: Encoder, halo: int) -> float:
    """Mean jump across tile borders over the mean jump inside of tiles."""
    image = open_image(data_folder() / "vnc" / "raw" / "00.tif")
    tiling = TilingSettings(tile=SIDE // encoder.spec.stride * encoder.spec.stride, halo=halo * encoder.spec.stride)
    manifest = plan_features(image, encoder.spec, tiling, IntensitySettings())
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore.create(Path(folder) / "s.zarr", manifest)
        extract_features(image, encoder, store)
        features = store.read(store.grid.extent)[0]
    return float(np.mean([_axis_ratio(features, manifest.tiles, axis) for axis in (0, 1)]))


def _axis_ratio(features: NDArray[np.float32], tiles: TileGrid, axis: int) -> float:
    jumps = np.linalg.norm(np.diff(features, axis=axis), axis=-1).mean(axis=1 - axis)
    borders = np.arange(tiles.core, features.shape[axis], tiles.core) - 1
    inside = np.delete(jumps, borders)
    return float(jumps[borders].mean() / inside.mean())


if __name__ == "__main__":
    main()
