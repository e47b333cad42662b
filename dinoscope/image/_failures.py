"""Failures of the format libraries become one error that says which file, which region, and what to do."""

from __future__ import annotations

import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import DinoscopeError, ImageReadError
from dinoscope.image._lazy import Bounds, LazyArray, piece_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dinoscope.image._image import ArrayLike

READ_FAILURES = (
    OSError,  # the system, Pillow, h5py
    ValueError,  # tifffile, zarr, JSON, NumPy (a file shorter than its header says)
    RuntimeError,  # imagecodecs, numcodecs
    LookupError,  # a tag, a key or a page that is not there
    TypeError,  # header fields of the wrong kind
    ArithmeticError,  # sizes of zero
    AssertionError,  # tifffile and rosettasciio check their input with it
    EOFError,
    SyntaxError,  # Pillow on broken PNG
    struct.error,
    zlib.error,
)
"""What the format libraries raise when they meet damaged bytes."""


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn a library's failure inside of the block into an `ImageReadError` about `what`."""
    try:
        yield
    except DinoscopeError:
        raise
    except READ_FAILURES as error:
        reason = str(error).strip() or type(error).__name__
        raise ImageReadError(
            f"{what} cannot be read: {reason}. The file may be damaged, incomplete or of another kind than its name "
            "says; compare its size with the original and copy it again"
        ) from error


class Guarded(LazyArray):
    """An array from a file, whose failures name the file and the region."""

    def __init__(self, source: ArrayLike, file: str) -> None:
        super().__init__(tuple(source.shape), source.dtype)
        self._source, self._file = source, file

    @property
    def piece(self) -> tuple[int, ...]:
        """That of the source."""
        return piece_of(self._source)

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        region = ", ".join(f"{part.start}:{part.stop}" for part in bounds)
        with reading(f"region [{region}] of {self._file}"):
            return np.asarray(self._source[bounds])
