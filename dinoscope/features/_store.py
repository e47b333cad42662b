"""The features of one image on disk: one array over the patch grid, and which tiles of it are done.

Design notes
------------
- A tile's kept part is exactly one chunk, written in one atomic step, and only then marked as done: a process killed
  at any moment leaves whole tiles and at most one to be computed again.
- Every chunk carries a checksum, so that a damaged one is an error and never a feature.
- The manifest is written when the store is made. A store is opened for a manifest, and one with another key is refused.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from platformdirs import user_cache_path
from zarr.codecs import ZstdCodec

from dinoscope.errors import RegionError, StoreError, StoreMismatchError
from dinoscope.features._cache import mark_used
from dinoscope.features._manifest import FORMAT, FORMAT_VERSION, Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.geometry import Region
    from dinoscope.tiling import PatchGrid, Tile


_TELLING = ("encoder", "fingerprint")
"""What says most about why two stores differ: with other weights, tiles and channels differ too."""


def default_store_path(manifest: Manifest) -> Path:
    """Where the features of this manifest are cached unless told otherwise."""
    return user_cache_path("dinoscope") / "features" / f"{manifest.key}.zarr"


class FeatureStore:
    """Patch features of one image. Made by `create`, `open` or `open_or_create`.

    Parameters
    ----------
    path
        Folder of the zarr group.
    manifest
        What it was made from.
    group
        The opened group.
    """

    def __init__(self, path: Path, manifest: Manifest, group: zarr.Group) -> None:
        self.path = path
        self.manifest = manifest
        self._features = _array(group, "features")
        self._done_array = _array(group, "done")
        self._done: NDArray[np.bool_] = np.asarray(self._done_array[:]).astype(bool)

    @classmethod
    def create(cls, path: str | Path, manifest: Manifest) -> FeatureStore:
        """Make an empty store. It appears under `path` at once and whole.

        Raises
        ------
        StoreError
            If something is there already, or the disk refuses.
        """
        path = Path(path)
        if path.exists():
            raise StoreError(f"{path} exists already: open it, or choose another path for the feature store")
        partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_empty(partial, manifest)
            partial.rename(path)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise StoreError(f"cannot make a feature store at {path}: {error}") from error
        return cls.open(path)

    @classmethod
    def open(cls, path: str | Path) -> FeatureStore:
        """Open an existing store, which counts as using it (see `trim_cache`).

        Raises
        ------
        StoreError
            If there is none, or it is damaged.
        """
        path = Path(path)
        try:
            group = zarr.open_group(path, mode="r+", zarr_format=3)
            values = dict(group.attrs)
            if values.get("format") != FORMAT or values.get("version") != FORMAT_VERSION:
                raise StoreError(f"{path} is not a feature store of version {FORMAT_VERSION}")
            store = cls(path, Manifest.from_dict(values), group)
        except (OSError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"{path} cannot be opened as a feature store ({error})") from error
        mark_used(path)
        return store

    @classmethod
    def open_or_create(cls, path: str | Path, manifest: Manifest) -> FeatureStore:
        """Go on with the store at `path`, or make it.

        Raises
        ------
        StoreMismatchError
            If the one that is there was made from something else; the message says from what.
        StoreError
            If it is damaged or the disk refuses.
        """
        if not Path(path).exists():
            return cls.create(path, manifest)
        store = cls.open(path)
        if store.manifest.key != manifest.key:
            found, expected = _difference(store.manifest.to_dict(), manifest.to_dict())
            raise StoreMismatchError(
                f"{path} holds features made with {found}, but {expected} is asked for: "
                "choose another path or delete the store"
            )
        store.manifest = manifest  # equal features, but perhaps a pixel size told anew
        return store

    @property
    def grid(self) -> PatchGrid:
        """The patches it holds."""
        return self.manifest.grid

    @property
    def channels(self) -> int:
        """Length C of a feature vector."""
        return self.manifest.encoder.channels

    @property
    def tiles_done(self) -> int:
        """Number of finished tiles."""
        return int(self._done.sum())

    def pending(self, region: Region | None = None) -> list[Tile]:
        """Tiles still to be computed, of a region of patches (z, gy, gx) or of everything."""
        touched = self.manifest.tiles.touching(region or self.grid.extent)
        return [tile for tile in touched if not self._done[tile.index]]

    def write(self, tile: Tile, features: NDArray[np.float32]) -> None:
        """Keep the features of a tile's write region, shape (gy, gx, C), and mark it as done.

        Raises
        ------
        StoreError
            If the disk refuses, or a value is not finite in half precision.
        """
        with np.errstate(over="ignore"):  # the next line says it better
            half = features.astype(np.float16)
        if not np.isfinite(half).all():
            raise StoreError(f"features of tile {tile.index} are not finite in half precision: the weights are damaged")
        try:
            self._features[tile.write.slices] = half[np.newaxis]
            self._done_array[tile.index] = 1
        except OSError as error:
            free = shutil.disk_usage(self.path).free / 2**20
            raise StoreError(
                f"cannot write features to {self.path} ({error.strerror or error}; {free:.0f} MiB free). "
                f"The {self.tiles_done} finished tiles are kept; run again to go on"
            ) from error
        self._done[tile.index] = True

    def read(self, region: Region) -> NDArray[np.float32]:
        """Features of a region of patches (z, gy, gx), shape (z, gy, gx, C).

        Raises
        ------
        RegionError
            If the region leaves the grid.
        StoreError
            If features in it are not computed yet, or are damaged on disk.
        """
        if not self.grid.extent.contains(region):
            raise RegionError(f"patches {region.start} to {region.stop} leave the grid of shape {self.grid.shape}")
        missing = self.pending(region)
        if missing:
            raise StoreError(f"{len(missing)} tiles of the region are not computed yet: extract its features first")
        try:
            return np.asarray(self._features[region.slices]).astype(np.float32)
        except (OSError, RuntimeError, ValueError) as error:
            raise StoreError(
                f"features in {self.path} are damaged ({error}): delete the store and extract again"
            ) from error


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise TypeError(f"{name} is not an array")
    return array


def _write_empty(path: Path, manifest: Manifest) -> None:
    tiles, channels = manifest.tiles, manifest.encoder.channels
    group = zarr.create_group(path, zarr_format=3, attributes=manifest.to_dict())
    group.create_array(
        "features",
        shape=(*tiles.grid.shape, channels),
        chunks=(1, tiles.core, tiles.core, channels),
        dtype="float16",
        compressors=ZstdCodec(level=1, checksum=True),
        dimension_names=("z", "y", "x", "channel"),
    )
    group.create_array("done", shape=tiles.shape, chunks=(1, *tiles.shape[1:]), dtype="uint8")


def _difference(found: Any, expected: Any, where: str = "") -> tuple[str, str]:
    """The first leaf in which two manifests differ, as two phrases."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted(found, key=lambda name: name not in _TELLING):  # the rest keeps its order
            if key != "name" and found[key] != expected.get(key):
                return _difference(found[key], expected.get(key), f"{where} {key}".strip())
    return f"{where} {found}", f"{where} {expected}"
