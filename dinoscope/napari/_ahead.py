"""What the window is about to show, worked out in a thread of its own: the window need not wait for it."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from dinoscope.napari._dispatch import Dispatcher
from dinoscope.napari._lazy import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable

    from dinoscope.geometry import Region
    from dinoscope.image import LazyArray

_MOST = 36
"""Pieces that are read ahead: a plane of 3072 elements per side."""


class Ahead:
    """Reads the pieces of an array that napari will ask for, so that they are remembered where they are made."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="dinoscope-ahead")
        self._dispatch = Dispatcher()
        self._asked = self._told = 0

    @property
    def is_busy(self) -> bool:
        """Whether something that was asked for is still being read."""
        return self._told < self._asked

    def read(self, parts: list[tuple[LazyArray, Region]], then: Callable[[], None]) -> None:
        """Read parts of arrays, and then call, in the thread of the window.

        Of several requests that wait only the newest is read and called.

        Parameters
        ----------
        parts
            Arrays of shape (z, y, x) or (y, x), with the elements (z, y, x) of each that napari will read.
        then
            Called once all is read, or once it turned out that it cannot be: napari will meet the same error.
        """
        self._asked += 1
        pieces = [(array, piece) for array, shown in parts for piece in _pieces(array.ndim, shown)]
        self._pool.submit(self._read, pieces, self._asked, then)

    def forget(self) -> None:
        """Call nothing of what was asked for."""
        self._told = self._asked = self._asked + 1

    def close(self) -> None:
        """Read nothing more and call nothing more."""
        self.forget()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, pieces: list[tuple[LazyArray, tuple[slice, ...]]], number: int, then: Callable[[], None]) -> None:
        try:
            for array, piece in pieces:
                if number < self._asked:
                    return
                array[piece]
        finally:
            self._dispatch(partial(self._tell, number, then))

    def _tell(self, number: int, then: Callable[[], None]) -> None:
        if number == self._asked:
            self._told = number
            then()


def _pieces(ndim: int, shown: Region) -> list[tuple[slice, ...]]:
    """What is shown, in pieces of which each is soon read; none where all are too much to be waited for."""
    spans = []
    for low, high in zip(shown.start[1:], shown.stop[1:], strict=True):
        cuts = [low, *range(low // CHUNK * CHUNK + CHUNK, high, CHUNK), high]
        spans.append([slice(start, stop) for start, stop in itertools.pairwise(cuts)])
    section = (slice(shown.start[0], shown.stop[0]),) * (ndim - 2)
    pieces = [(*section, rows, columns) for rows, columns in itertools.product(*spans)]
    return pieces if len(pieces) <= _MOST else []
