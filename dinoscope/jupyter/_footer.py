"""How far the work has come, the means to pause and end it, and what went wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import ipywidgets as widgets
from psygnal import Signal

from dinoscope.jupyter._controls import Part, button, note, show

if TYPE_CHECKING:
    from dinoscope.jobs import Progress
    from dinoscope.jupyter._home import Home
    from dinoscope.session import Session

_BETWEEN_S = 0.1
"""Seconds between two steps that are shown: more could not be read."""


class Footer(Part):
    """The running job, and the last thing that was said about it."""

    said = Signal(str, str)
    """A sentence that people should read, and its kind: ``error`` or ``info``."""

    def __init__(self, session: Session, home: Home) -> None:
        super().__init__("dinoscope-footer")
        self._session = session
        self._shown = 0.0
        self.bar = widgets.IntProgress(tooltip="Finished tiles are kept on disk, so ending the work loses nothing.")
        self.text = widgets.Label()
        self.pause = button(home, "Pause", "Let the work rest.", self._pause)
        self.cancel = button(home, "Cancel", "End the work; what is finished stays.", session.cancel)
        self.message = note()
        self.children = (self.bar, self.text, self.message, self.pause, self.cancel)
        self.listen(session.events.progress, self._step)
        self.listen(session.events.running, self._running)
        self.listen(session.events.failed, self._fail)
        self.listen(session.events.notice, self._tell)
        self.listen(home.failed, self._fail)
        self.listen(home.told, self._tell)
        self._running(session.is_running)

    def _step(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._shown < _BETWEEN_S and progress.done < progress.total:
            return
        self._shown = now
        self.bar.max, self.bar.value = progress.total, progress.done
        self.text.value = str(progress)

    def _running(self, running: bool) -> None:
        self.pause.disabled = self.cancel.disabled = not running
        self.pause.description = "Pause"
        self.bar.layout.display = "" if running else "none"
        self.bar.max, self.bar.value = 1, 0
        self.text.value = "working" if running else "ready"
        if running:
            show(self.message, "")

    def _pause(self) -> None:
        if self._session.is_paused:
            self._session.resume()
        else:
            self._session.pause()
        self.pause.description = "Go on" if self._session.is_paused else "Pause"

    def _fail(self, text: str) -> None:
        self._say(text, "error")

    def _tell(self, text: str) -> None:
        self._say(text, "info")

    def _say(self, text: str, kind: str) -> None:
        show(self.message, text)
        self.said.emit(text, kind)
