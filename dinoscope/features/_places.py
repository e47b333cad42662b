"""Where a store lies: a folder of this machine, or the address of a bucket."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import zarr

from dinoscope.errors import MissingDependencyError, StoreError
from dinoscope.unfinished import clear_unfinished, unfinished_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEFT_OVER_S = 3600.0
"""A file that was begun longer ago than this belongs to a process that is no more."""


class Place(Protocol):
    """What a store asks of the disk besides arrays."""

    location: Path | str
    """A folder, or a URL."""

    def exists(self, name: str = "zarr.json") -> bool:
        """Whether there is a file of this name."""
        ...

    def names(self, folder: str) -> set[str]:
        """Names of the files in a folder; none if it is not there."""
        ...

    def read(self, name: str) -> bytes:
        """Content of a file."""
        ...

    def keep(self, name: str, content: bytes) -> None:
        """Write a file whole, unless it is there already."""
        ...

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""
        ...

    def create(self, files: Mapping[str, bytes]) -> None:
        """Write the first files, whole or not at all."""
        ...

    def open(self, mode: Any) -> zarr.Group:
        """The zarr group."""
        ...


def place_of(location: str | Path) -> Place:
    """The place behind a path or a URL such as ``s3://bucket/features.zarr``."""
    return Bucket(str(location)) if "://" in str(location) else Folder(Path(location))


class Folder:
    """A folder of this machine, or of a network drive that looks like one."""

    def __init__(self, path: Path) -> None:
        self.location: Path | str = path
        self._path = path

    def exists(self, name: str = "zarr.json") -> bool:
        """Whether there is a file of this name."""
        return (self._path / name).exists()

    def names(self, folder: str) -> set[str]:
        """Names of the files in a folder; none if it is not there. What dead processes began is deleted."""
        found = set()
        with suppress(FileNotFoundError), os.scandir(self._path / folder) as entries:
            for entry in entries:
                if not entry.name.endswith(".partial"):
                    found.add(entry.name)
                elif time.time() - entry.stat().st_mtime > _LEFT_OVER_S:
                    Path(entry.path).unlink(missing_ok=True)
        return found

    def read(self, name: str) -> bytes:
        """Content of a file."""
        return (self._path / name).read_bytes()

    def keep(self, name: str, content: bytes) -> None:
        """Write a file whole, unless it is there already."""
        partial = self._path / f".{name}.{uuid.uuid4().hex}.partial"
        try:
            partial.write_bytes(content)
            try:
                os.link(partial, self._path / name)  # fails where somebody was faster
            except FileExistsError:
                return
            except OSError:  # a disk without hard links
                partial.replace(self._path / name)
        finally:
            partial.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""
        (self._path / name).unlink(missing_ok=True)

    def create(self, files: Mapping[str, bytes]) -> None:
        """Write the first files under another name, which then becomes this one."""
        clear_unfinished(self._path)
        partial = unfinished_name(self._path, "partial")
        try:
            for name, content in files.items():
                (partial / name).parent.mkdir(parents=True, exist_ok=True)
                (partial / name).write_bytes(content)
            partial.rename(self._path)
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def open(self, mode: Any) -> zarr.Group:
        """The zarr group."""
        return zarr.open_group(self._path, mode=mode, zarr_format=3)


class Bucket:
    """An address that fsspec knows. Every object in it is written whole or not at all."""

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs

        self.location: Path | str = url
        try:
            self._files, self._root = url_to_fs(url)
        except (ImportError, ValueError) as error:  # a protocol that needs one more package, or is unknown
            raise MissingDependencyError(f"{url} cannot be opened: {error}") from error

    def exists(self, name: str = "zarr.json") -> bool:
        """Whether there is an object of this name."""
        return bool(self._files.exists(f"{self._root}/{name}"))

    def names(self, folder: str) -> set[str]:
        """Names of the objects below a prefix."""
        self._files.invalidate_cache()
        with suppress(FileNotFoundError):
            return {path.rsplit("/", 1)[-1] for path in self._files.ls(f"{self._root}/{folder}", detail=False)}
        return set()

    def read(self, name: str) -> bytes:
        """Content of an object."""
        return bytes(self._files.cat_file(f"{self._root}/{name}"))

    def keep(self, name: str, content: bytes) -> None:
        """Write an object, unless it is there already."""
        if not self.exists(name):
            self._files.pipe_file(f"{self._root}/{name}", content)

    def remove(self, name: str) -> None:
        """Delete an object, if it is there."""
        with suppress(FileNotFoundError):
            self._files.rm_file(f"{self._root}/{name}")

    def create(self, files: Mapping[str, bytes]) -> None:
        """Write the first objects. The one by which a store is known comes last."""
        for name in sorted(files, key=lambda name: name == "zarr.json"):
            self._files.pipe_file(f"{self._root}/{name}", files[name])

    def open(self, mode: Any) -> zarr.Group:
        """The zarr group."""
        return zarr.open_group(str(self.location), mode=mode, zarr_format=3)


def free_space(place: Place) -> str:
    """What is left on the disk, in words; empty where that is not known."""
    if isinstance(place, Folder):
        with suppress(OSError):
            return f"; {shutil.disk_usage(place.location).free / 2**20:.0f} MiB free"
    return ""


def require(place: Place) -> None:
    """Make sure that a store is still there: a drive that was unmounted leaves an empty folder to write into.

    Raises
    ------
    StoreError
        If it is not.
    """
    if not place.exists():
        raise StoreError(
            f"the feature store {place.location} is gone: was its drive disconnected, or was it deleted? "
            "Bring it back, or extract anew"
        )
