"""The files of a feature store: two arrays over the patch grid, and how their chunks are named.

``features`` holds shards, each a square of tiles in one file; ``tiles`` holds finished tiles, one file each, until
all of their shard are there. What has no file is not computed: there is no second record that could disagree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec
from zarr.storage import MemoryStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.features._manifest import Manifest

SHARDS, TILES = "features", "tiles"
"""Names of the arrays."""

CODEC_FILE = "codec.safetensors"


def empty_store(manifest: Manifest) -> dict[str, bytes]:
    """The files of a store in which nothing is computed, by name."""
    tiles, coding = manifest.tiles, manifest.coding
    files: dict[str, Any] = {}
    group = zarr.create_group(MemoryStore(files), zarr_format=3, attributes=manifest.to_dict())
    chunk = (1, tiles.core, tiles.core, coding.width)
    side = manifest.shards.patches
    for name, shard in ((SHARDS, (1, side, side, coding.width)), (TILES, None)):
        group.create_array(
            name,
            shape=(*tiles.grid.shape, coding.width),
            chunks=chunk,
            shards=shard,
            dtype=coding.dtype,
            fill_value=coding.unwritten,
            compressors=ZstdCodec(level=1, checksum=True),
            chunk_key_encoding={"name": "default", "separator": "."},  # one folder: listed in one go
            dimension_names=("z", "y", "x", "channel"),
        )
    return {name: content.to_bytes() for name, content in files.items()}


def array_of(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """An array of the group.

    Raises
    ------
    KeyError, TypeError
        If there is none of this name.
    """
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise TypeError(f"{name} is not an array")
    return array


def chunk_name(array: str, index: tuple[int, ...]) -> str:
    """The file of a chunk, by its position (z, y, x)."""
    return f"{array}/c.{'.'.join(str(i) for i in index)}.0"


def chunks_there(names: set[str], shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Which chunks of a lattice the names of files tell of, shape (z, y, x)."""
    there = np.zeros(shape, bool)
    for name in names:
        if name.startswith("c."):
            there[tuple(int(part) for part in name.split(".")[1:4])] = True
    return there
