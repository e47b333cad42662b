"""Results appear under their name complete or not at all."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dinoscope.errors import DinoscopeError, OutputExistsError, StoreError
from dinoscope.unfinished import clear_unfinished, unfinished_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GIB = 2**30
_TRIES, _PAUSE_S = 200, 0.03
_ZARR_FILES = ("zarr.json", ".zgroup", ".zarray", ".zattrs")


def ensure_writable(path: Path, *, force: bool = False) -> None:
    """Check, before any work is done, that a result may take this name; a process that died may have left it hidden.

    Parameters
    ----------
    path
        Where the result will be.
    force
        Whether a result that is there already may be replaced.

    Raises
    ------
    OutputExistsError
        If something is there and `force` is off, or if it is a folder that no result of ours can replace.
    """
    clear_unfinished(path)
    if not path.exists():
        return
    if not force:
        raise OutputExistsError(f"{path} exists already: choose another name, or allow overwriting (--force)")
    if path.is_dir() and not any((path / name).exists() for name in _ZARR_FILES):
        raise OutputExistsError(f"{path} is a folder and no Zarr, so it is not overwritten: choose another name")


def remove(path: Path) -> None:
    """Delete a file or a folder, and do nothing where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_for_good(path: Path) -> None:
    """Delete a folder that threads may still be writing to, until it stays away.

    When one chunk of a Zarr cannot be written, or Ctrl-C is pressed, the other chunks of the same call are not called
    off, and each of them makes its folders anew.
    """
    quiet = 0
    for _ in range(_TRIES):
        quiet = 0 if path.exists() else quiet + 1
        if quiet > 2:
            return
        remove(path)
        time.sleep(_PAUSE_S)


@contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """Say of every failure of the disk which result it ended, and how much space there is."""
    try:
        yield
    except DinoscopeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"cannot write {target}: {reason} ({_free_space(target)}). Nothing half-written was left behind: "
            "make room or choose another folder, and run it again"
        ) from error


def _free_space(target: Path) -> str:
    try:
        free = shutil.disk_usage(target.parent).free
    except OSError:
        return f"the folder {target.parent} cannot be reached"
    return f"{free / _GIB:.2f} GiB free in {target.parent}"


def publish(finished: Path, target: Path) -> None:
    """Give a finished file or folder its name, in place of what has it now."""
    if not target.is_dir() or target.is_symlink():
        finished.replace(target)
        return
    aside = unfinished_name(target, "replaced")
    target.rename(aside)
    try:
        finished.rename(target)
    except BaseException:  # an interrupt between the two renames must not lose the old result either
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """A temporary name to write a file under; it becomes `target` when the block ends well."""
    partial = unfinished_name(target, "partial")
    with disk_errors(target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            publish(partial, target)
        finally:
            remove(partial)


def write_text(target: Path, text: str) -> Path:
    """Write a text file as UTF-8 with plain line ends, complete or not at all."""
    with partial_file(target) as partial:
        partial.write_text(text, encoding="utf-8", newline="")
    return target
