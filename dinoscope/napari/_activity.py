"""The running job in napari's activity dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils import cancelable_progress

if TYPE_CHECKING:
    from dinoscope.jobs import Progress
    from dinoscope.session import Session


class Activity:
    """One bar per stage of the running job; the cancel button of each cancels the job.

    Bars stay until the job ends: making one takes napari so long that a window would stutter if stages that take
    turns made theirs anew.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._bars: dict[str, cancelable_progress] = {}
        session.events.progress.connect(self._step)
        session.events.running.connect(self._running)

    def _step(self, progress: Progress) -> None:
        if progress.stage not in self._bars:
            self._bars[progress.stage] = cancelable_progress(
                total=progress.total, cancel_callback=self._session.cancel, mininterval=0
            )
        bar = self._bars[progress.stage]
        if bar.total != progress.total:
            bar.total = progress.total
        bar.set_description(str(progress))
        bar.update(progress.done - bar.n)

    def _running(self, running: bool) -> None:
        if not running:
            self.close()

    def close(self) -> None:
        """Take the bars away."""
        for bar in self._bars.values():
            bar.close()
        self._bars.clear()
