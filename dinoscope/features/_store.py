"""The features of one image on disk, and which tiles of them are done.

Design notes
------------
- A finished tile is written in one atomic step, and that it is there is the mark that it is done: a process killed at
  any moment leaves whole tiles and at most those in flight to be computed again.
- Once all tiles of a shard are there they are packed into one file, again in one step, and only then deleted.
- Nothing is ever changed in place, and a tile's bytes do not depend on who computes it: several processes may fill one
  store, and the worst that happens is that a tile is computed twice.
- Every chunk carries a checksum. A damaged one is an error, never a feature, and is computed again.
- A store is opened for a manifest, and one with another key is refused.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from platformdirs import user_cache_path

from dinoscope.errors import DamagedFeaturesError, RegionError, StoreError, StoreMismatchError
from dinoscope.features._blank import Blanks
from dinoscope.features._cache import mark_used
from dinoscope.features._codecs import HalfPrecision, Quantised
from dinoscope.features._files import DAMAGE, TileFiles
from dinoscope.features._layout import CODEC_FILE, empty_store
from dinoscope.features._manifest import FORMAT, FORMAT_VERSION, Manifest
from dinoscope.features._memory import TileMemory
from dinoscope.features._places import free_space, place_of, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import zarr
    from numpy.typing import NDArray

    from dinoscope.features._codecs import Codec
    from dinoscope.features._places import Place
    from dinoscope.geometry import Region
    from dinoscope.tiling import PatchGrid, Tile


_TELLING = ("encoder", "fingerprint")
"""What says most about why two stores differ: with other weights, tiles and channels differ too."""


class DamagedFeaturesWarning(UserWarning):
    """Features on disk were damaged and are computed again: the disk deserves a look."""


def default_store_path(manifest: Manifest) -> Path:
    """Where the features of this manifest are cached unless told otherwise."""
    return user_cache_path("dinoscope") / "features" / f"{manifest.key}.zarr"


class FeatureStore:
    """Patch features of one image. Made by `create`, `open` or `open_or_create`.

    Parameters
    ----------
    place
        Where it lies.
    manifest
        What it was made from.
    group
        The opened group.

    Attributes
    ----------
    recompute
        Computes what is pending of a region of patches, should it turn out damaged. `extract_features` leaves itself
        here; as long as nobody does, damage is an error.
    blanks
        What this process knows of the tiles in which there is nothing.
    """

    def __init__(self, place: Place, manifest: Manifest, group: zarr.Group) -> None:
        self._place = place
        self.manifest = manifest
        self._files = TileFiles(place, manifest, group)
        self.recompute: Callable[[Region], None] | None = None
        self._memory = TileMemory(manifest.tiles, 0)
        self.blanks = Blanks()
        self._codec: Codec | None = None if manifest.coding.needs_sample else HalfPrecision()

    @classmethod
    def create(cls, path: str | Path, manifest: Manifest) -> FeatureStore:
        """Make an empty store. It appears under `path` at once and whole.

        Raises
        ------
        StoreError
            If something is there already, or the disk refuses.
        """
        place = place_of(path)
        if place.exists("") or place.exists():
            raise StoreError(f"{path} exists already: open it, or choose another path for the feature store")
        try:
            place.create(empty_store(manifest))
        except OSError as error:
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
        place = place_of(path)
        try:
            group = place.open("r+")
            values = dict(group.attrs)
            if values.get("format") != FORMAT or values.get("version") != FORMAT_VERSION:
                raise StoreError(
                    f"{path} is not a feature store of version {FORMAT_VERSION}: "
                    "choose another path, or delete it and extract again"
                )
            store = cls(place, Manifest.from_dict(values), group)
        except (OSError, *DAMAGE) as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"{path} cannot be opened as a feature store ({error})") from error
        if isinstance(place.location, Path):
            mark_used(place.location)
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
        place = place_of(path)
        if not (place.exists("") or place.exists()):
            try:
                return cls.create(path, manifest)
            except StoreError:  # another process may have made it in the meantime
                if not place.exists():
                    raise
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
    def location(self) -> str:
        """Folder or URL of the store."""
        return str(self._place.location)

    @property
    def path(self) -> Path:
        """Folder of the store.

        Raises
        ------
        StoreError
            If it is not on a disk of this machine.
        """
        if not isinstance(self._place.location, Path):
            raise StoreError(f"{self.location} is no folder of this machine: expected a feature store on a disk")
        return self._place.location

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
        return int(self._files.done().sum())

    def shards(self, region: Region | None = None) -> list[Region]:
        """Patches (z, gy, gx) of the shards that touch a region, or of all: whoever fills one is in nobody's way."""
        shards = self._files.shards
        return [shards.region(index) for index in shards.touching(region or self.grid.extent)]

    def refresh(self) -> None:
        """Look which tiles are done by now, by whatever process.

        Raises
        ------
        StoreError
            If the store is gone.
        """
        with self._refusals("read features from"):
            require(self._place)
            self._files.refresh()

    def pending(self, region: Region | None = None) -> list[Tile]:
        """Tiles still to be computed, of a region of patches (z, gy, gx) or of everything, as far as is known here.

        They come shard after shard, so that one after the other becomes whole.
        """
        touched = self.manifest.tiles.touching(region or self.grid.extent)
        shard_of = self._files.shards.index_of
        return sorted((tile for tile in touched if not self._files.knows(tile)), key=lambda tile: shard_of(tile.index))

    def holds(self, tile: Tile) -> bool:
        """Whether a tile is done by now, by whatever process: looks on the disk."""
        return self._files.holds(tile)

    @property
    def is_fitted(self) -> bool:
        """Whether it is known how features become bytes. If not, `fit` comes before the first `write`."""
        if self._codec is None and self._place.exists(CODEC_FILE):
            self._codec = self._load_codec()
        return self._codec is not None

    def fit(self, sample: NDArray[np.float32]) -> None:
        """Decide how features become bytes from a sample of them, shape (M, C), unless another process was faster.

        Raises
        ------
        StoreError
            If the disk refuses.
        """
        with self._refusals():
            require(self._place)
            self._place.keep(CODEC_FILE, Quantised.fit(self.manifest.coding, sample).to_bytes())
        self._codec = self._load_codec()

    def write(self, tile: Tile, features: NDArray[np.float32]) -> None:
        """Keep the features of a tile's write region, shape (gy, gx, C). From then on it is done.

        Raises
        ------
        StoreError
            If the disk refuses, or a value is not finite in half precision.
        """
        stored = self._fitted().encode(features)
        if not (np.isfinite(features).all() and np.isfinite(stored).all()):
            raise StoreError(f"features of tile {tile.index} are not finite in half precision: the weights are damaged")
        with self._refusals():
            require(self._place)
            self._files.write(tile, stored)

    def remember(self, limit: int) -> None:
        """From now on keep what was read last in memory, at most so many bytes. Nothing is kept by default."""
        self._memory = TileMemory(self.manifest.tiles, limit)

    def read(self, region: Region) -> NDArray[np.float32]:
        """Features of a region of patches (z, gy, gx), shape (z, gy, gx, C).

        Raises
        ------
        RegionError
            If the region leaves the grid.
        DamagedFeaturesError
            If features in it were damaged on disk and nobody can `recompute` them. They are pending now.
        StoreError
            If features in it are not computed yet, or the disk refuses.
        """
        stored = self._read(region)
        return self._fitted().decode(stored)

    def read_narrow(self, region: Region) -> NDArray[np.floating]:
        """The same, in half precision where they are kept so, for whoever widens few at a time. Raises the same."""
        stored = self._read(region)
        return stored if self.manifest.coding.name == "float16" else self._fitted().decode(stored)

    def read_half(self, region: Region) -> NDArray[np.float16]:
        """The same in half precision: quicker, and nothing is lost where they are kept so. Raises the same."""
        return self.read_narrow(region).astype(np.float16, copy=False)

    def _read(self, region: Region) -> NDArray[Any]:
        """What is kept of a region of patches, shape (z, gy, gx, width)."""
        if not self.grid.extent.contains(region):
            raise RegionError(f"patches {region.start} to {region.stop} leave the grid of shape {self.grid.shape}")
        missing = self.pending(region)
        if missing:
            raise StoreError(f"{len(missing)} tiles of the region are not computed yet: extract its features first")
        with self._refusals("read features from"):
            try:
                stored = self._recall(region)
            except DAMAGE as error:
                self._replace_damaged(region, error)
                stored = self._recall(region)
        return stored

    def check(self, region: Region | None = None) -> int:
        """Read everything that is done, and take what is damaged out of the store; how many tiles that was.

        Raises
        ------
        StoreError
            If the disk refuses.
        """
        with self._refusals("read features from"):
            require(self._place)
            return self._files.drop_damaged(region or self.grid.extent)

    def tidy(self) -> None:
        """Put in order what processes left that were killed.

        Raises
        ------
        StoreError
            If the disk refuses.
        """
        with self._refusals():
            self._files.tidy()

    def _recall(self, region: Region) -> NDArray[Any]:
        return self._memory.read(region, self.manifest.coding.patch_bytes, self._files.read)

    def _replace_damaged(self, region: Region, error: Exception) -> None:
        require(self._place)  # what is gone as a whole is not damaged
        dropped = self._files.drop_damaged(region)
        told = f"{dropped} tiles in {self.location} were damaged ({error}) and are no longer used"
        if self.recompute is None:
            raise DamagedFeaturesError(f"{told}: extract again") from error
        warnings.warn(f"{told}: they are computed again", DamagedFeaturesWarning, stacklevel=3)
        self.recompute(region)

    def _load_codec(self) -> Codec:
        try:
            return Quantised.from_bytes(self._place.read(CODEC_FILE))
        except StoreError as error:
            raise StoreError(
                f"{self.location}/{CODEC_FILE} is damaged, {error}: without it no feature can be read. "
                "Delete the store and extract again"
            ) from error

    def _fitted(self) -> Codec:
        if not self.is_fitted or self._codec is None:
            raise StoreError(f"nothing was computed yet of the features in {self.location}: extract them first")
        return self._codec

    @contextmanager
    def _refusals(self, doing: str = "write features to") -> Iterator[None]:
        """Say what the disk refuses."""
        try:
            yield
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(
                f"cannot {doing} {self.location} ({error.strerror or error}{free_space(self._place)}). "
                f"The {self.tiles_done} finished tiles are kept; run again to go on"
            ) from error


def _difference(found: Any, expected: Any, where: str = "") -> tuple[str, str]:
    """The first leaf in which two manifests differ, as two phrases."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted({**found, **expected}, key=lambda name: name not in _TELLING):  # the rest keeps its order
            if key != "name" and found.get(key) != expected.get(key):
                return _difference(found.get(key), expected.get(key), f"{where} {key}".strip())
    return _phrase(where, found), _phrase(where, expected)


def _phrase(where: str, value: Any) -> str:
    return f"no {where}" if value is None else f"{where} {value}"
