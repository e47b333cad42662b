"""What the window is about to show is read in another thread, piece by piece as napari will ask for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinoscope.geometry import Region
from dinoscope.image import LazyArray
from dinoscope.napari._ahead import Ahead
from dinoscope.napari._lazy import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


VIEW = Region((0, 0, 0), (1, 6, 6))


class Watched(LazyArray):
    """Notes what is read, and in which thread."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape, np.uint8)
        self.seen: list[tuple[tuple[int, int], ...]] = []
        self.threads: set[int] = set()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        self.may_go_on.wait(10)
        self.seen.append(tuple((part.start, part.stop) for part in bounds))
        self.threads.add(threading.get_ident())
        return np.zeros([part.stop - part.start for part in bounds], np.uint8)


@pytest.fixture
def ahead(qtbot: Any) -> Iterator[Ahead]:
    found = Ahead()
    yield found
    found.close()


def test_what_is_in_view_is_read_once_in_small_pieces_in_another_thread(ahead: Ahead, qtbot: Any) -> None:
    array, told = Watched((3, 700, 1300)), list[int]()
    ahead.read([(array, Region((1, 600, 100), (2, 650, 1100)))], lambda: told.append(threading.get_ident()))
    assert ahead.is_busy
    qtbot.waitUntil(lambda: not ahead.is_busy)
    assert told == [threading.get_ident()]
    assert threading.get_ident() not in array.threads
    read = np.zeros(array.shape, int)
    for piece in array.seen:
        read[tuple(slice(*span) for span in piece)] += 1
        assert all(stop - start <= CHUNK for start, stop in piece)
    expected = np.zeros(array.shape, int)
    expected[1, 600:650, 100:1100] = 1
    np.testing.assert_array_equal(read, expected)


def test_what_is_too_much_is_left_to_napari(ahead: Ahead, qtbot: Any) -> None:
    array = Watched((9000, 9000))
    ahead.read([(array, Region((0, 0, 0), (1, 9000, 9000)))], lambda: None)
    qtbot.waitUntil(lambda: not ahead.is_busy)
    assert array.seen == []


def test_only_the_newest_is_told(ahead: Ahead, qtbot: Any) -> None:
    array, told = Watched((600, 600)), list[str]()
    array.may_go_on.clear()
    view = Region((0, 0, 0), (1, 600, 600))
    ahead.read([(array, view)], lambda: told.append("first"))
    ahead.read([(array, view)], lambda: told.append("second"))
    array.may_go_on.set()
    qtbot.waitUntil(lambda: not ahead.is_busy)
    assert told == ["second"]


def test_what_is_forgotten_is_not_told(ahead: Ahead, qtbot: Any) -> None:
    told: list[str] = []
    ahead.read([(Watched((6, 6)), VIEW)], lambda: told.append("old"))
    ahead.forget()
    ahead.read([(Watched((6, 6)), VIEW)], lambda: told.append("new"))
    qtbot.waitUntil(lambda: not ahead.is_busy)
    assert told == ["new"]


def test_an_array_that_cannot_be_read_is_still_told(ahead: Ahead, qtbot: Any) -> None:
    class Broken(Watched):
        def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
            raise OSError("gone")

    told: list[str] = []
    ahead.read([(Broken((6, 6)), VIEW)], lambda: told.append("told"))
    qtbot.waitUntil(lambda: not ahead.is_busy)
    assert told == ["told"]
