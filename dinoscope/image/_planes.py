"""Uncompressed planes that lie in a file as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.image._lazy import Bounds, LazyArray

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class MappedPlanes(LazyArray):
    """Planes of which each is contiguous in the file: rows are read where they lie.

    The file is mapped anew for every read, so no handle stays open and a file that shrank is noticed.

    Parameters
    ----------
    path
        The file.
    offsets
        First byte of every plane.
    shape
        Shape of the whole; its leading axes count the planes, the others are the shape of one plane.
    dtype
        Type of a sample as stored, byte order included.
    """

    def __init__(self, path: Path, offsets: NDArray[np.int64], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        super().__init__(shape, dtype)
        self._path, self._offsets, self._stored = path, offsets, dtype
        self._lead = next(lead for lead in range(len(shape) + 1) if np.prod(shape[:lead]) == len(offsets))

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        plane = self.shape[self._lead :]
        nbytes = int(np.prod(plane)) * self._stored.itemsize
        file = np.memmap(self._path, np.uint8, mode="r")
        block = np.empty([part.stop - part.start for part in bounds], self._stored)
        stacked = block.reshape(-1, *block.shape[self._lead :])
        chosen = self._offsets.reshape(self.shape[: self._lead])[bounds[: self._lead]].ravel()
        for row, offset in enumerate(chosen.tolist()):
            stored = file[offset : offset + nbytes].view(self._stored).reshape(plane)
            stacked[row] = stored[bounds[self._lead :]]
        return block
