"""The feature stores that a session works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from dinoscope.features import Cut, CutAxis, FeatureStore, default_store_path, open_cuts, trim_cache

if TYPE_CHECKING:
    from pathlib import Path

    from dinoscope.features import Manifest
    from dinoscope.image import Image

    Whole = tuple[Image, FeatureStore, tuple[CutAxis, ...]]

_REMEMBERED = 2**28
"""Bytes of features that stay in memory: the next click is answered for the same view."""


@dataclass(slots=True, eq=False)
class Stores:
    """Opens stores, each of them once as long as anybody has it: one object does not know what another has written.

    That matters to jobs that follow each other closely. A late result of the one before must not be another store
    than the one that the next has filled.

    Attributes
    ----------
    folder
        Where they are kept; the user's cache by default.
    limit
        Bytes that they may take, or None for no limit.
    """

    folder: Path | None
    limit: int | None
    _opened: WeakValueDictionary[Path, FeatureStore] = field(default_factory=WeakValueDictionary, repr=False)
    _cut: tuple[Whole, tuple[Cut, ...]] | None = field(default=None, repr=False)

    def open(self, manifest: Manifest) -> FeatureStore:
        """The store for a manifest; it is made if there is none."""
        path = self.path(manifest)
        store = self._opened.get(path)
        if store is not None and store.manifest == manifest and path.exists():
            store.refresh()
            return store
        if self.limit is not None and not path.exists():
            trim_cache(path.parent, self.limit)
        store = self._opened[path] = FeatureStore.open_or_create(path, manifest)
        store.remember(_REMEMBERED)
        return store

    def make_room(self, kept: Manifest) -> Path:
        """Trim the folder, but for one store in it, for what somebody else is about to keep there; the folder."""
        path = self.path(kept)
        if self.limit is not None:
            trim_cache(path.parent, self.limit, keep=(path,))
        return path.parent

    def cut(self, image: Image, store: FeatureStore, axes: tuple[CutAxis, ...]) -> tuple[Cut, ...]:
        """The stacks that an image with this store is cut into, with their features."""
        whole = image, store, axes
        if self._cut is None or self._cut[0] != whole:
            self._cut = whole, open_cuts(*whole)
        return self._cut[1]

    def lead(self, store: FeatureStore) -> Cut | None:
        """Of those stacks the one to be trusted most, once they are open."""
        cut = self._cut  # another thread may be setting it
        return cut[1][0] if cut is not None and cut[0][1] is store else None

    @property
    def in_use(self) -> list[FeatureStore]:
        """The stores of the stacks that were asked for last."""
        return [cut.store for cut in self._cut[1]] if self._cut is not None else []

    def path(self, manifest: Manifest) -> Path:
        """Where the store for a manifest is kept."""
        return default_store_path(manifest) if self.folder is None else self.folder / f"{manifest.key}.zarr"
