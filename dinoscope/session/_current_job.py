"""The work of a session, or of a batch: one job at a time, of which the newest alone is heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from dinoscope.errors import Cancelled
from dinoscope.jobs import Job, Listener, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dinoscope.jobs import ProgressCallback, Runner
    from dinoscope.session._events import JobEvents

T = TypeVar("T")


class CurrentJob:
    """Starts jobs, and tells how the newest of them gets on. Each ends the one before.

    Parameters
    ----------
    runner
        Where work runs and results are told.
    events
        Where progress, the beginning and the end are told.
    """

    def __init__(self, runner: Runner, events: JobEvents) -> None:
        self._runner, self._events = runner, events
        self._job = Job()
        self._generation = 0
        self._is_running = False

    @property
    def is_running(self) -> bool:
        """Whether a job is under way, or its end has not been told yet."""
        return self._is_running

    @property
    def is_paused(self) -> bool:
        """Whether the running job rests."""
        return self._is_running and self._job.is_paused

    @property
    def is_cancelled(self) -> bool:
        """Whether the newest job was asked to stop."""
        return self._job.is_cancelled

    def start(self, work: Callable[[ProgressCallback], Iterator[T]], accept: Callable[[T], None]) -> Job:
        """Begin a job, each result of which is handed to `accept`, even when a newer one has begun since."""
        self.cancel()
        self._generation += 1
        generation = self._generation

        def tell(progress: Progress) -> None:
            if generation == self._generation:
                self._events.progress.emit(progress)

        def ended(error: Exception | None) -> None:
            if generation == self._generation:
                self._end(error)

        self._is_running = True
        self._events.running.emit(True)
        self._job = self._runner.start(work, Listener(accept, tell, ended))
        return self._job

    def pause(self) -> None:
        """Let the job rest at its next clean point."""
        self._job.pause()

    def resume(self) -> None:
        """Let a paused job go on."""
        self._job.resume()

    def cancel(self) -> None:
        """Ask the job to stop; what it finished stays."""
        self._job.cancel()

    def close(self) -> None:
        """End the job, and tell nothing more."""
        self._is_running = False
        self._generation += 1
        self.cancel()

    def _end(self, error: Exception | None) -> None:
        self._is_running = False
        self._events.running.emit(False)
        if error is not None and not isinstance(error, Cancelled):
            self._events.failed.emit(str(error))
