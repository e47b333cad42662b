"""Work in the background: progress, cancellation, and the way results come back. Knows no toolkit and prints nothing.

Design notes
------------
A `Runner` is an executor, which decides where work runs, and a dispatcher, which decides where its results are told.
Scripts and tests run and tell in place; Qt tells in the main thread; Jupyter in the kernel's loop. Everything that a
listener hears goes through the dispatcher. `Job.wait` waits for the work and never for the dispatcher: in a notebook
the running cell blocks that one.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar
from weakref import WeakSet

from dinoscope.errors import Cancelled

if TYPE_CHECKING:
    from concurrent.futures import Executor

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one stage of the work has come.

    Attributes
    ----------
    stage
        Short name, such as ``"features"``.
    done, total
        Finished and planned units (tiles, blocks, steps).
    seconds_left
        Estimated from the pace of this stage so far, or None before there is one.
    """

    stage: str
    done: int
    total: int
    seconds_left: float | None = None

    def __str__(self) -> str:
        """Such as ``features 12 of 400, 3 min left``."""
        left = "" if self.seconds_left is None else f", {describe_duration(self.seconds_left)} left"
        return f"{self.stage} {self.done:,} of {self.total:,}{left}"


ProgressCallback = Callable[[Progress], None]
"""Called after every finished unit. It may raise `dinoscope.errors.Cancelled` to stop the work at that clean point."""


def describe_duration(seconds: float) -> str:
    """A rough time, such as ``3 min``."""
    for size, unit in ((3600 * 48, "days"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / (86400 if unit == 'days' else size):.0f} {unit}"
    return f"{max(seconds, 1):.0f} s"


def ignore_progress(progress: Progress) -> None:
    """Listen to nothing."""


def counted(units: Sequence[T], stage: str, progress: ProgressCallback) -> Iterator[T]:
    """The units one after the other, with a progress after each of them."""
    for done, unit in enumerate(units, start=1):
        yield unit
        progress(Progress(stage, done, len(units)))


class Mapper(Protocol):
    """How a step is done on many units. Whatever the way, the results come in the order of the units."""

    def __call__(
        self, step: Callable[[U], T], units: Sequence[U], stage: str, progress: ProgressCallback
    ) -> Iterator[T]:
        """The result of the step on each unit, with a progress when it is there. Errors of a step are raised as such.

        Parameters
        ----------
        step
            A function, or an object that is called. Other processes get a copy of it.
        units
            What it is called with, one after the other or at the same time.
        stage, progress
            Whom to tell, and by which name. If it raises `Cancelled`, nothing is begun any more.
        """
        ...


def in_turn(step: Callable[[U], T], units: Sequence[U], stage: str, progress: ProgressCallback) -> Iterator[T]:
    """The `Mapper` that does one unit after the other, here and when its result is asked for."""
    for done, unit in enumerate(units, start=1):
        result = step(unit)
        progress(Progress(stage, done, len(units)))
        yield result


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


class Pace:
    """Tells from the steps of a stage how long the rest of it will take. Time in which the work rests does not count.

    Parameters
    ----------
    clock
        Gives the time in seconds.
    """

    _NEWEST = 0.2  # weight of the newest step, so that a pace that changes is followed within some ten steps

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._before: dict[str, Progress] = {}
        self._per_unit: dict[str, float] = {}

    def timed(self, step: Progress) -> Progress:
        """The step with the time that is left."""
        units = step.done - self._before[step.stage].done if step.stage in self._before else 0
        if units < 0:
            self._per_unit.pop(step.stage, None)
        elif units:
            now = (self._clock() - self._since) / units
            before = self._per_unit.get(step.stage, now)
            self._per_unit[step.stage] = before + self._NEWEST * (now - before)
        self._before[step.stage] = step
        per_unit = self._per_unit.get(step.stage)
        return replace(step, seconds_left=None if per_unit is None else per_unit * (step.total - step.done))

    def go_on(self) -> None:
        """The next step begins now."""
        self._since = self._clock()


class Job:
    """Running work that can be waited for, paused and cancelled."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._over = threading.Event()
        self._free_to_go = threading.Event()
        self._free_to_go.set()

    @property
    def is_over(self) -> bool:
        """Whether the work has ended, well or not."""
        return self._over.is_set()

    @property
    def is_cancelled(self) -> bool:
        """Whether the work was asked to stop; it may not have come to a clean point yet."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask the work to stop at its next clean point, which is after the unit it is at."""
        self._cancelled.set()
        self._free_to_go.set()

    @property
    def is_paused(self) -> bool:
        """Whether the work rests at its next clean point, or will."""
        return not self._free_to_go.is_set()

    def pause(self) -> None:
        """Let the work rest at its next clean point. Only for work in another thread: nobody else could resume it."""
        if not self._cancelled.is_set():
            self._free_to_go.clear()

    def resume(self) -> None:
        """Let paused work go on."""
        self._free_to_go.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the work has ended, or for `timeout` seconds; whether it has. Its results may be told later."""
        return self._over.wait(timeout)

    def check(self) -> None:
        """Rest while the job is paused; raise `Cancelled` if it was asked to stop."""
        self._free_to_go.wait()
        if self._cancelled.is_set():
            raise Cancelled("the work was cancelled; what was finished is kept")


_running: WeakSet[Job] = WeakSet()


def _cancel_all() -> None:
    for job in tuple(_running):
        job.cancel()


# Python waits for the threads of executors before it ends, and comes to `atexit` only after that.
threading._register_atexit(_cancel_all)  # type: ignore[attr-defined]

_GIVE_WAY = 10
"""Niceness of working threads."""


def background_executor(name: str, threads: int = 1) -> ThreadPoolExecutor:
    """Threads for work that give way to the main one where the system can tell threads apart, which Linux does."""
    return ThreadPoolExecutor(threads, name, _give_way)


def _give_way() -> None:
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _GIVE_WAY)


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
            _running.add(job)
            self._executor.submit(self._run, job, work, listener)
        return job

    def _run(self, job: Job, work: Callable[[ProgressCallback], Iterator[T]], listener: Listener[T]) -> None:
        pace = Pace()

        def progress(step: Progress) -> None:
            self._dispatch(partial(listener.progress, pace.timed(step)))
            job.check()
            pace.go_on()

        outcome: Exception | None = None
        try:
            job.check()
            for result in work(progress):
                self._dispatch(partial(listener.result, result))
                job.check()
                pace.go_on()
        except Exception as error:  # noqa: BLE001 - whatever it is, the listener must hear of it
            outcome = error
        finally:
            job._over.set()
            _running.discard(job)
            self._dispatch(partial(listener.ended, outcome))
