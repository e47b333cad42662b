"""The way from a working thread to the main one, where Qt lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt, Signal

if TYPE_CHECKING:
    from collections.abc import Callable


class Dispatcher(QObject):
    """Runs calls in the thread it was made in, in order, when the event loop comes to them."""

    _posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def __call__(self, call: Callable[[], None]) -> None:
        """Post a call. May come from any thread and never waits."""
        self._posted.emit(call)

    def _run(self, call: Callable[[], None]) -> None:
        call()
