"""Intermediate results, which nobody sees and which may be larger than memory."""

from __future__ import annotations

import math
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import zarr

from dinoscope.errors import StoreError
from dinoscope.unfinished import SCRATCH, clear_scratch, own_mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import DTypeLike

    from dinoscope.similarity import WritableArray

_IN_MEMORY = 2**26
"""Bytes: a larger intermediate result is kept on disk. There are several of them at a time."""


def scratch_array(
    folder: Path, shape: tuple[int, ...], dtype: DTypeLike, side: int = 512, in_memory: int | None = None
) -> WritableArray:
    """Zeros: in memory, or on disk where they would take too much of it.

    Parameters
    ----------
    folder
        Where they go on disk, under a name of their own. Whoever made it deletes it.
    shape, dtype
        Of the array; the last two axes are y and x.
    side
        Side in y and x of the blocks on disk, which hold one plane each.
    in_memory
        Bytes up to which it is kept in memory; 64 MiB by default.
    """
    limit = _IN_MEMORY if in_memory is None else in_memory
    if math.prod(shape) * np.dtype(dtype).itemsize <= limit:
        return np.zeros(shape, dtype)
    chunks = (*(1,) * (len(shape) - 2), *(min(side, size) for size in shape[-2:]))
    path = Path(tempfile.mkdtemp(dir=folder)) / "scratch"
    return zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype, fill_value=0)


@contextmanager
def scratch_folder(near: Path) -> Iterator[Path]:
    """A hidden folder on the disk of a result, gone afterwards; those of processes that died go first.

    Raises
    ------
    StoreError
        If the disk refuses, now or in the course of the work.
    """
    try:
        near.parent.mkdir(parents=True, exist_ok=True)
        clear_scratch(near.parent)
        prefix = f".{SCRATCH}-{own_mark()}-"
        with tempfile.TemporaryDirectory(prefix=prefix, dir=near.parent, ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    except OSError as error:
        if isinstance(error, StoreError) or error.errno is None:
            raise
        raise StoreError(
            f"the disk of {near.parent} refuses ({error.strerror or error}): nothing half-written is left, "
            "finished features are kept"
        ) from error
