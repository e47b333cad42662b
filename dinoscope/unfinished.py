"""Hidden names for what is not finished yet, and what becomes of it when the process that made it is gone."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

Why = Literal["partial", "replaced", "removed"]
"""Something is being written, put aside for something new, or deleted."""

SCRATCH = "dinoscope"
"""Name of folders for intermediate results."""


def unfinished_name(path: Path, why: Why) -> Path:
    """Hidden sibling of `path` that tells which process it belongs to."""
    return path.with_name(f".{path.name}.{why}-{own_mark()}")


def own_mark() -> str:
    """This process, of all processes of all machines that may share a folder."""
    return f"{_machine()}-{os.getpid()}"


@cache
def _machine() -> str:
    """What has process numbers of its own: a machine, or a container on it."""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
        return hashlib.sha256(f"{platform.node()} {uuid.getnode()} {space}".encode()).hexdigest()[:8]
    return hashlib.sha256(f"{platform.node()} {uuid.getnode()}".encode()).hexdigest()[:8]


def clear_unfinished(path: Path) -> None:
    """Delete what dead processes of this machine began to write as `path`, and give back what they had put aside."""
    for left in _left_by_the_dead(path.parent, rf"\.{re.escape(path.name)}\.(?:partial|replaced|removed)"):
        if f".{path.name}.replaced-" in left.name and not path.exists():
            with suppress(OSError):  # somebody else gives it back at this very moment
                left.rename(path)
        _delete(left)


def clear_scratch(folder: Path) -> None:
    """Delete the intermediate results of dead processes of this machine."""
    for left in _left_by_the_dead(folder, rf"\.{SCRATCH}"):
        _delete(left)


def _left_by_the_dead(folder: Path, name: str) -> list[Path]:
    """Files and folders whose name begins with a pattern and ends with the mark of a process that is no more."""
    marked = re.compile(rf"{name}-{_machine()}-(\d+)(-.*)?")
    found = []
    with suppress(OSError):  # no such folder, or not ours to list
        for entry in os.scandir(folder):
            match = marked.fullmatch(entry.name)
            if match and not _is_alive(int(match[1])):
                found.append(Path(entry.path))
    return found


def _is_alive(process: int) -> bool:
    if sys.platform == "win32":  # there the question would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
