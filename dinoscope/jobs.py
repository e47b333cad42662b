"""Work in the background: progress, cancellation, and the way results come back. Knows no toolkit and prints nothing.

Design notes
------------
A `Runner` is an executor, which decides where work runs, and a dispatcher, which decides where its results are told.
Scripts and tests run and tell in place; Qt tells in the main thread; Jupyter in the kernel's loop. Everything that a
listener hears goes through the dispatcher. `Job.wait` waits for the work and never for the dispatcher: in a notebook
the running cell blocks that one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from dinoscope.errors import Cancelled

if TYPE_CHECKING:
    from concurrent.futures import Executor

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one stage of the work has come.

    Attributes
    ----------
    stage
        Short name, such as ``"features"``.
    done, total
        Finished and planned units (tiles, blocks, steps).
    """

    stage: str
    done: int
    total: int


ProgressCallback = Callable[[Progress], None]
"""Called after every finished unit. It may raise `dinoscope.errors.Cancelled` to stop the work at that clean point."""


def ignore_progress(progress: Progress) -> None:
    """Listen to nothing."""


@dataclass(frozen=True, slots=True)
class Listener(Generic[T]):
    """Who hears what of a job; every call comes through the dispatcher.

    Attributes
    ----------
    result
        Called with each result as soon as there is one.
    progress
        Called with each progress.
    ended
        Called once at the end: with the error that ended the job, `Cancelled` among them, or with None.
    """

    result: Callable[[T], None]
    progress: ProgressCallback
    ended: Callable[[Exception | None], None]


class Job:
    """Running work that can be waited for and cancelled."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._over = threading.Event()

    @property
    def is_over(self) -> bool:
        """Whether the work has ended, well or not."""
        return self._over.is_set()

    def cancel(self) -> None:
        """Ask the work to stop at its next clean point, which is after the unit it is at."""
        self._cancelled.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the work has ended, or for `timeout` seconds; whether it has. Its results may be told later."""
        return self._over.wait(timeout)

    def check(self) -> None:
        """Raise `Cancelled` if the job was asked to stop."""
        if self._cancelled.is_set():
            raise Cancelled("the work was cancelled; what was finished is kept")


def call_now(call: Callable[[], None]) -> None:
    """The dispatcher of scripts and tests: tell at once, in the thread that works."""
    call()


class Runner:
    """Where work runs, and where its results are told.

    Parameters
    ----------
    executor
        Runs the work; without one it runs at once, in the thread that starts it.
    dispatch
        Runs a call where listeners live, such as a toolkit's main thread; in order.
    """

    def __init__(
        self, executor: Executor | None = None, dispatch: Callable[[Callable[[], None]], None] = call_now
    ) -> None:
        self._executor = executor
        self._dispatch = dispatch

    def start(self, work: Callable[[ProgressCallback], Iterator[T]], listener: Listener[T]) -> Job:
        """Run a generator of results in the background.

        Parameters
        ----------
        work
            Called with the progress callback it should use; cancelling makes that callback raise `Cancelled`.
        listener
            Who hears of it.
        """
        job = Job()
        if self._executor is None:
            self._run(job, work, listener)
        else:
            self._executor.submit(self._run, job, work, listener)
        return job

    def _run(self, job: Job, work: Callable[[ProgressCallback], Iterator[T]], listener: Listener[T]) -> None:
        def progress(step: Progress) -> None:
            self._dispatch(partial(listener.progress, step))
            job.check()

        outcome: Exception | None = None
        try:
            job.check()
            for result in work(progress):
                self._dispatch(partial(listener.result, result))
                job.check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the listener must hear of it
            outcome = error
        finally:
            job._over.set()
            self._dispatch(partial(listener.ended, outcome))
