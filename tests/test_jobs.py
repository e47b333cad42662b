from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from dinoscope import jobs
from dinoscope.errors import Cancelled
from dinoscope.jobs import Job, Listener, Pace, Progress, Runner, describe_duration, in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dinoscope.jobs import ProgressCallback

DEADLINE = 30
"""Seconds after which a thread that should have moved is taken to be stuck."""


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Heard:
    """Writes down what a listener is told."""

    def __init__(self) -> None:
        self.results: list[int] = []
        self.steps: list[Progress] = []
        self.ends: list[Exception | None] = []

    @property
    def listener(self) -> Listener[int]:
        return Listener(self.results.append, self.steps.append, self.ends.append)


class Counter:
    """Work of four units that halts before each until it is let through; the test sees how far it is."""

    def __init__(self) -> None:
        self.begun = [threading.Event() for _ in range(4)]
        self.go_on = [threading.Event() for _ in range(4)]

    def __call__(self, progress: ProgressCallback) -> Iterator[int]:
        for unit in range(4):
            self.begun[unit].set()
            assert self.go_on[unit].wait(DEADLINE)
            progress(Progress("units", unit + 1, 4))
        yield 4

    def release(self) -> None:
        for gate in self.go_on:
            gate.set()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def counter() -> Iterator[Counter]:
    work = Counter()
    yield work
    work.release()


def left(pace: Pace, stage: str, done: int, total: int) -> float | None:
    seconds = pace.timed(Progress(stage, done, total)).seconds_left
    pace.go_on()
    return seconds


def test_the_first_step_tells_no_time() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now += 5
    assert left(pace, "tiles", 1, 10) is None


def test_a_steady_pace_is_multiplied_by_what_is_left() -> None:
    clock = Clock()
    pace = Pace(clock)
    left(pace, "tiles", 0, 10)
    found = []
    for done in (1, 2, 3, 10):
        clock.now += 4
        found.append(left(pace, "tiles", done, 10))
    # the last step brings seven units at once, 4 / 7 s each, and nothing is left
    assert found == [pytest.approx(36), pytest.approx(32), pytest.approx(28), pytest.approx(0)]


def test_a_slower_pace_is_followed_within_some_ten_steps() -> None:
    clock = Clock()
    pace = Pace(clock)
    left(pace, "tiles", 0, 100)
    clock.now += 1
    assert left(pace, "tiles", 1, 100) == pytest.approx(99)
    clock.now += 6
    assert left(pace, "tiles", 2, 100) == pytest.approx(98 * (1 + 0.2 * 5))
    for done in range(3, 13):
        clock.now += 6
        seconds = left(pace, "tiles", done, 100)
    assert seconds is not None
    assert 5.4 * 88 < seconds < 6 * 88


def test_time_in_which_the_work_rests_does_not_count() -> None:
    clock = Clock()
    pace = Pace(clock)
    left(pace, "tiles", 0, 3)
    clock.now += 2
    pace.timed(Progress("tiles", 1, 3))
    clock.now += 1000
    pace.go_on()
    clock.now += 2
    assert left(pace, "tiles", 2, 3) == pytest.approx(2)


def test_a_stage_that_begins_anew_forgets_its_pace() -> None:
    clock = Clock()
    pace = Pace(clock)
    left(pace, "tiles", 0, 10)
    clock.now += 7
    left(pace, "tiles", 5, 10)
    assert left(pace, "tiles", 0, 10) is None
    clock.now += 2
    assert left(pace, "tiles", 1, 10) == pytest.approx(18)


def test_stages_have_their_own_pace() -> None:
    clock = Clock()
    pace = Pace(clock)
    left(pace, "tiles", 0, 10)
    left(pace, "blocks", 0, 4)
    clock.now += 1
    assert left(pace, "tiles", 1, 10) == pytest.approx(9)
    clock.now += 20
    assert left(pace, "blocks", 1, 4) == pytest.approx(60)
    assert left(pace, "tiles", 1, 10) == pytest.approx(9)  # nothing was finished: the estimate stays


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "1 s"), (1.4, "1 s"), (89.0, "89 s"), (90.0, "2 min"), (180.0, "3 min"), (5399.0, "90 min"),
        (5400.0, "2 h"), (10 * 3600.0, "10 h"), (71 * 3600.0, "71 h"), (72 * 3600.0, "3 days"), (864000.0, "10 days"),
    ],
)  # fmt: skip
def test_durations_are_rough(seconds: float, words: str) -> None:
    assert describe_duration(seconds) == words


def test_progress_reads_as_a_sentence() -> None:
    assert str(Progress("features", 12, 4000)) == "features 12 of 4,000"
    assert str(Progress("features", 12, 4000, 180.0)) == "features 12 of 4,000, 3 min left"


def test_work_in_place_is_told_in_order() -> None:
    told: list[object] = []

    def work(progress: ProgressCallback) -> Iterator[int]:
        progress(Progress("units", 1, 2))
        yield 7
        progress(Progress("units", 2, 2))
        yield 8

    job = Runner().start(work, Listener(told.append, lambda step: told.append(step.done), told.append))
    assert told == [1, 7, 2, 8, None]
    assert job.is_over
    assert job.wait(0)


def test_whatever_ends_the_work_is_told_once() -> None:
    def work(progress: ProgressCallback) -> Iterator[int]:
        yield 1
        raise OSError("the disk is full")

    heard = Heard()
    assert Runner().start(work, heard.listener).is_over
    assert heard.results == [1]
    assert [str(error) for error in heard.ends] == ["the disk is full"]


def test_everything_goes_through_the_dispatcher_and_waiting_does_not_need_it(threads: ThreadPoolExecutor) -> None:
    posted: list[Callable[[], None]] = []
    heard = Heard()

    def work(progress: ProgressCallback) -> Iterator[int]:
        progress(Progress("units", 1, 1))
        yield 7

    assert Runner(threads, posted.append).start(work, heard.listener).wait(DEADLINE)
    assert (heard.results, heard.steps, heard.ends) == ([], [], [])
    threads.shutdown()  # the last call is posted just after the job is over
    for call in posted:
        call()
    assert (heard.results, len(heard.steps), heard.ends) == ([7], 1, [None])


def test_paused_work_rests_until_it_is_resumed(threads: ThreadPoolExecutor, counter: Counter) -> None:
    heard = Heard()
    job = Runner(threads).start(counter, heard.listener)
    assert counter.begun[0].wait(DEADLINE)
    job.pause()
    assert job.is_paused
    counter.release()
    assert not counter.begun[1].wait(0.2)
    assert not job.is_over
    job.resume()
    assert not job.is_paused
    assert job.wait(DEADLINE)
    threads.shutdown()
    assert heard.results == [4]
    assert [step.done for step in heard.steps] == [1, 2, 3, 4]
    assert heard.ends == [None]


def test_cancelling_paused_work_ends_it(threads: ThreadPoolExecutor, counter: Counter) -> None:
    heard = Heard()
    job = Runner(threads).start(counter, heard.listener)
    assert counter.begun[0].wait(DEADLINE)
    job.pause()
    counter.release()
    job.cancel()
    assert job.wait(DEADLINE)
    threads.shutdown()
    assert not counter.begun[1].is_set()
    assert heard.results == []
    assert [type(error) for error in heard.ends] == [Cancelled]


def test_pausing_a_cancelled_job_does_nothing() -> None:
    job = Job()
    job.cancel()
    job.pause()
    assert not job.is_paused
    with pytest.raises(Cancelled):
        job.check()


def test_work_cancelled_while_it_waits_for_a_thread_never_begins(threads: ThreadPoolExecutor, counter: Counter) -> None:
    first, second = Heard(), Heard()
    runner = Runner(threads)
    runner.start(counter, first.listener)

    def never(progress: ProgressCallback) -> Iterator[int]:
        pytest.fail("this work was cancelled before")
        yield 0

    job = runner.start(never, second.listener)
    job.cancel()
    counter.release()
    assert job.wait(DEADLINE)
    threads.shutdown()
    assert [type(error) for error in second.ends] == [Cancelled]


def test_a_rest_after_a_result_does_not_count_either(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(jobs, "Pace", lambda: Pace(clock))
    heard = Heard()

    def work(progress: ProgressCallback) -> Iterator[int]:
        progress(Progress("units", 0, 3))
        clock.now += 2
        progress(Progress("units", 1, 3))
        yield 7
        clock.now += 2
        progress(Progress("units", 2, 3))

    def check(job: Job) -> None:
        if heard.results and len(heard.steps) == 2:
            clock.now += 1000  # as if it had rested here

    monkeypatch.setattr(Job, "check", check)
    Runner().start(work, heard.listener)
    assert [step.seconds_left for step in heard.steps] == [None, pytest.approx(4), pytest.approx(2)]


@pytest.mark.parametrize("paused", [False, True])
def test_a_program_that_ends_does_not_wait_for_its_work(paused: bool) -> None:
    program = f"""
import itertools, threading
from dinoscope.jobs import Listener, Progress, Runner, background_executor

begun = threading.Event()

def work(progress):
    for unit in itertools.count():
        begun.set()
        progress(Progress("endless", unit, unit))
        threading.Event().wait(0.01)
    yield

quiet = lambda told: None
job = Runner(background_executor("endless")).start(work, Listener(quiet, quiet, lambda error: print(type(error))))
begun.wait()
if {paused}:
    job.pause()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert "Cancelled" in done.stdout


def test_in_turn_does_one_unit_after_the_other_and_tells_of_each() -> None:
    told: list[Progress] = []
    asked: list[int] = []

    def step(unit: int) -> int:
        asked.append(unit)
        return -unit

    results = in_turn(step, [3, 1, 2], "units", told.append)
    assert (asked, told) == ([], [])
    assert next(results) == -3
    assert (asked, told) == ([3], [Progress("units", 1, 3)])
    assert list(results) == [-1, -2]
    assert told[1:] == [Progress("units", 2, 3), Progress("units", 3, 3)]


def test_in_turn_begins_nothing_more_once_it_is_cancelled() -> None:
    asked: list[int] = []

    def stop(step: Progress) -> None:
        if step.done == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        list(in_turn(asked.append, range(5), "units", stop))
    assert asked == [0, 1]
