"""Extraction from file to store beside the bare loop over the network, the same tiles in memory.

An image is extracted as a whole, row of tiles by row of tiles: the bare loop, the TIFF and the zarr take turns at each
row. What is done once for an image (opening it, planning, making the store) is in the time of its first row.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks._profiles import operations, shares
from benchmarks._scenes import draw_large, encoder_of, write_tiff
from benchmarks._turns import THREADS, Scope, in_turns, ratios, seconds_of, spread, use_threads
from dinoscope.encoders._pixels import to_batch
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.features._pipeline import read_tile
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.settings import IntensitySettings, TilingSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinoscope.encoders import Encoder
    from dinoscope.features import Manifest

BATCHES = (1, 2, 4)
TRIED = 2
"""How often each size of a batch is timed."""


class Extraction:
    """One file on its way into one store.

    Parameters
    ----------
    source, target
        The file and the store.
    encoder
        Computes features.
    batch_size
        Tiles at once.
    """

    def __init__(self, source: Path, target: Path, encoder: Encoder, batch_size: int) -> None:
        self._source, self._target, self._encoder, self._batch_size = source, target, encoder, batch_size

    def row(self, number: int) -> None:
        """Extract a row of tiles; the first time all that comes before is done, too."""
        if number == 0:
            self._image = open_image(self._source)
            self.store = FeatureStore.create(self._target, _plan(self._source, self._encoder))
        region = row_of(self.store.manifest, number)
        extract_features(self._image, self._encoder, self.store, region, self._batch_size)


class Bare:
    """The network alone, called with tensors of the same tiles.

    Parameters
    ----------
    source
        The file whose tiles they are.
    encoder
        Whose network it is.
    batch_size
        Tiles at once.
    """

    def __init__(self, source: Path, encoder: Encoder, batch_size: int) -> None:
        self._image, self._encoder, self._batch_size = open_image(source), encoder, batch_size
        self.manifest = _plan(source, encoder)

    def row(self, number: int) -> float:
        """Seconds of the network for a row of tiles, which are read and normalised before."""
        tiles = self.manifest.tiles.touching(row_of(self.manifest, number))
        pixels = [read_tile(self._image, self.manifest, tile) for tile in tiles]
        starts = range(0, len(pixels), self._batch_size)
        return self.seconds([np.stack(pixels[start : start + self._batch_size]) for start in starts])

    def seconds(self, batches: Sequence[np.ndarray]) -> float:
        """Seconds of the network for some batches (N, H, W)."""
        encoder: Any = self._encoder
        given: Sequence[Any]
        if hasattr(encoder, "_model"):  # a DINOv2
            network, given = encoder._model, [to_batch(batch, encoder.spec, torch.device("cpu")) for batch in batches]
        elif hasattr(encoder, "_net"):  # a compact one
            network, given = encoder._net, [torch.from_numpy(batch)[:, None] for batch in batches]
        else:
            network, given = encoder.encode, batches
        with torch.inference_mode():
            return seconds_of(lambda: [network(batch) for batch in given])


def row_of(manifest: Manifest, number: int) -> Region:
    """Patches (z, gy, gx) that a row of tiles keeps."""
    core, (_, height, width) = manifest.tiles.core, manifest.grid.shape
    return Region((0, number * core, 0), (1, min((number + 1) * core, height), width))


def extraction(name: str, scope: Scope) -> dict[str, Any]:
    """Ratios to the bare loop, row by row and for the whole image, and what the store takes."""
    encoder = encoder_of(name)
    with tempfile.TemporaryDirectory() as folder:
        scene = draw_large(Path(folder) / "scene", scope.extracted, name)
        files = {"TIFF": write_tiff(scene), "zarr": scene.folder / "image.zarr"}
        batch_size = best_batch(Bare(files["TIFF"], encoder, 1))
        bare = Bare(files["TIFF"], encoder, batch_size)
        ours = {kind: Extraction(path, Path(folder) / kind, encoder, batch_size) for kind, path in files.items()}
        ways = {kind: lambda number, one=one: seconds_of(lambda: one.row(number)) for kind, one in ours.items()}
        rows = bare.manifest.tiles.shape[1]
        seconds = in_turns({"bare": bare.row, **ways}, rows, before=0)
        size = sum(path.stat().st_size for path in (Path(folder) / "TIFF").rglob("*") if path.is_file())
    tiles = len(bare.manifest.tiles)
    return {
        "side": scope.extracted,
        "tiles": tiles,
        "batch": batch_size,
        "tile_s": spread([row / (tiles / rows) for row in seconds["bare"]]),
        "seconds": {kind: sum(values) for kind, values in seconds.items()},
        "ratio": {kind: ratios(seconds["bare"], seconds[kind]) for kind in files},
        "whole_ratio": {kind: sum(seconds["bare"]) / sum(seconds[kind]) for kind in files},
        "store_bytes_per_pixel": size / scope.extracted**2,
    }


def best_batch(bare: Bare) -> int:
    """The number of tiles at once with which the network alone is fastest; it is warm then."""
    spec = bare.manifest.encoder
    pixels = np.random.default_rng(0).random((max(BATCHES), spec.tile, spec.tile), dtype=np.float32)
    bare.seconds([pixels[:1]])
    ways = {str(size): lambda _, size=size: bare.seconds(np.split(pixels, len(pixels) // size)) for size in BATCHES}
    seconds = in_turns(ways, TRIED, before=0)
    return min(BATCHES, key=lambda size: min(seconds[str(size)]))


def threads(name: str, scope: Scope) -> dict[str, Any]:
    """One thread and two: a row of tiles, from a TIFF into a new store."""
    encoder = encoder_of(name)
    with tempfile.TemporaryDirectory() as folder:
        side = min(scope.extracted, 1036)
        source = write_tiff(draw_large(Path(folder) / "scene", side, name))

        def extract(count: int, number: int) -> float:
            use_threads(count)
            one = Extraction(source, Path(folder) / f"{count}-{number}", encoder, 1)
            return seconds_of(lambda: one.row(0))

        ways = {str(count): lambda number, count=count: extract(count, number) for count in (1, THREADS)}
        seconds = in_turns(ways, scope.rounds)
        use_threads(THREADS)
    return {
        "side": side,
        "seconds": {count: spread(values) for count, values in seconds.items()},
        "ratio": ratios(seconds["1"], seconds[str(THREADS)]),
    }


def profile(name: str, scope: Scope) -> dict[str, Any]:
    """Where the time of a row of tiles goes, and that of the network in it."""
    encoder = encoder_of(name)
    with tempfile.TemporaryDirectory() as folder:
        source = write_tiff(draw_large(Path(folder) / "scene", min(scope.extracted, 2048), name))
        one = Extraction(source, Path(folder) / "store", encoder, 1)
        one.row(0)
        parts = {
            "network": (f"{type(encoder).__module__.rpartition('.')[2]}.py", "encode"),
            "waiting for pixels": ("_base.py", "result"),
            "writing": ("_store.py", "write"),
        }
        found = shares(lambda: one.row(1), parts)
    side = encoder.spec.tile
    pixels = np.random.default_rng(0).random((1, side, side), dtype=np.float32)
    return {**found, "operations": operations(lambda: encoder.encode(pixels))}


def _plan(source: Path, encoder: Encoder) -> Manifest:
    return plan_features(open_image(source), encoder.spec, TilingSettings(), IntensitySettings())
