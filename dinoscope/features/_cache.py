"""Keep the folder of feature stores below a size: those used longest ago go first."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dinoscope.errors import StoreError
from dinoscope.features._manifest import FORMAT
from dinoscope.unfinished import unfinished_name

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_IN_USE_S = 3600.0
"""A store that was opened or written to within this time may be in use, perhaps by another program."""


def is_feature_store(path: Path) -> bool:
    """Whether a folder is a feature store of any version. Reads its manifest and nothing else."""
    try:
        facts = json.loads((path / "zarr.json").read_bytes())
        return bool(facts["attributes"]["format"] == FORMAT)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def mark_used(store: Path) -> None:
    """Note that a store is used now: its manifest's time becomes the present. Without the right to, nothing happens."""
    with suppress(OSError):
        os.utime(store / "zarr.json")


def trim_cache(folder: Path, limit_bytes: int, keep: Collection[Path] = ()) -> tuple[Path, ...]:
    """Remove the feature stores used longest ago until the rest takes at most `limit_bytes`.

    Parameters
    ----------
    folder
        Where stores are cached. Whatever else is in it counts for nothing and is left alone.
    limit_bytes
        What all stores in it may take together. It is exceeded where the stores that must stay take more.
    keep
        Stores that must stay, besides those opened or written to within the last hour.

    Returns
    -------
    The removed stores, the one used longest ago first.

    Raises
    ------
    StoreError
        If the limit is negative.
    """
    if limit_bytes < 0:
        raise StoreError(f"a cache of at most {limit_bytes} bytes cannot be: expected 0 or more")
    kept = {path.resolve() for path in keep}
    stores = [_survey(path) for path in folder.glob("*.zarr") if not path.is_symlink() and is_feature_store(path)]
    total, removed = sum(store.size for store in stores), []
    for store in sorted(stores, key=lambda store: store.last_used):
        idle = time.time() - store.last_used > _IN_USE_S
        if total > limit_bytes and idle and store.path.resolve() not in kept and _remove(store.path):
            total -= store.size
            removed.append(store.path)
    return tuple(removed)


@dataclass(frozen=True, slots=True)
class _Store:
    """A store on disk: its size in bytes, and when it was opened or written to, in seconds since 1970."""

    path: Path
    size: int
    last_used: float


def _survey(path: Path) -> _Store:
    size, last_used = 0, 0.0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError):  # somebody is writing to it: temporary files come and go
                facts = os.lstat(os.path.join(folder, name))
                size, last_used = size + facts.st_size, max(last_used, facts.st_mtime)
    return _Store(path, size, last_used)


def _remove(store: Path) -> bool:
    """Delete a store under another name, so that one that is half gone is never found; whether that was possible."""
    doomed = unfinished_name(store, "removed")
    try:
        store.rename(doomed)
    except OSError:  # on Windows, somebody reads it
        return False
    shutil.rmtree(doomed, ignore_errors=True)
    return True
