"""The way from a working thread to the main one, where Qt lives."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt, Signal

if TYPE_CHECKING:
    from collections.abc import Callable


class Dispatcher(QObject):
    """Runs calls in the thread it was made in, one after the other, when the event loop comes to them.

    A call that lets the event loop run, as napari's activity dock does, does not let the next call overtake it.
    """

    _posted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_busy = False
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def __call__(self, call: Callable[[], None]) -> None:
        """Post a call. May come from any thread and never waits."""
        self._waiting.append(call)
        self._posted.emit()

    def _run(self) -> None:
        if self._is_busy:
            return  # the call that is under way is followed by the rest
        self._is_busy = True
        try:
            while self._waiting:
                self._waiting.popleft()()
        finally:
            self._is_busy = False
