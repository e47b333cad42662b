"""The running job in napari's activity dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils import cancelable_progress

if TYPE_CHECKING:
    from dinoscope.jobs import Progress
    from dinoscope.session import Session


class Activity:
    """One bar per stage of the running job; its cancel button cancels the job."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._bar: cancelable_progress | None = None
        self._stage = ""
        session.events.progress.connect(self._step)
        session.events.running.connect(self._running)

    def _step(self, progress: Progress) -> None:
        if self._bar is None or self._stage != progress.stage or self._bar.total != progress.total:
            self.close()
            self._bar = cancelable_progress(total=progress.total, cancel_callback=self._session.cancel)
            self._stage = progress.stage
        self._bar.set_description(str(progress))
        self._bar.update(progress.done - self._bar.n)

    def _running(self, running: bool) -> None:
        if not running:
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None
