"""Calls come home from wherever they are made."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dinoscope.errors import PromptError
from dinoscope.jupyter._home import Coalesced, Home

if TYPE_CHECKING:
    from collections.abc import Callable


def elsewhere(call: Callable[[], object]) -> None:
    """Run a call in another thread, and wait for it."""
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def refuse() -> None:
    raise PromptError("click on something")


def test_without_a_loop_calls_run_where_they_are_made() -> None:
    home, ran = Home(), []
    elsewhere(lambda: home.post(lambda: ran.append(threading.get_ident())))
    home.act(lambda: ran.append(threading.get_ident()))
    assert ran[0] != ran[1] == threading.get_ident()


def test_posted_calls_run_at_home_in_their_order() -> None:
    async def run() -> list[tuple[int, int]]:
        home, ran = Home(), []
        for number in range(5):
            elsewhere(lambda n=number: home.post(lambda: ran.append((n, threading.get_ident()))))  # type: ignore[misc]
        assert ran == []  # this one is not over yet
        await asyncio.sleep(0)
        return ran

    here = threading.get_ident()
    assert asyncio.run(run()) == [(number, here) for number in range(5)]


def test_what_is_done_at_home_is_done_at_once() -> None:
    async def run() -> list[str]:
        home, ran = Home(), []
        home.act(lambda: ran.append("at once"))
        return list(ran)

    assert asyncio.run(run()) == ["at once"]


def test_what_is_done_elsewhere_is_done_at_home() -> None:
    async def run() -> list[int]:
        home, ran = Home(), []
        elsewhere(lambda: home.act(lambda: ran.append(threading.get_ident())))
        assert ran == []
        await asyncio.sleep(0)
        return ran

    assert asyncio.run(run()) == [threading.get_ident()]


@pytest.mark.parametrize("where", [lambda call: call(), elsewhere])
def test_errors_of_what_somebody_did_are_told_in_words(where: Callable[[Any], None]) -> None:
    async def run() -> list[str]:
        home = Home()
        told: list[str] = []
        home.failed.connect(told.append)
        where(lambda: home.act(refuse))
        await asyncio.sleep(0)
        return told

    assert asyncio.run(run()) == ["click on something"]


def test_faults_of_ours_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        Home().act(lambda: 1 / 0)


def test_after_the_end_of_the_loop_nobody_is_told() -> None:
    async def make() -> Home:
        return Home()

    home, ran = asyncio.run(make()), []
    home.post(lambda: ran.append("late"))
    assert ran == []


def test_later_is_later() -> None:
    async def run() -> list[str]:
        home, ran = Home(), []
        home.later(0.001, lambda: ran.append("later"))
        assert ran == []
        while not ran:
            await asyncio.sleep(0.001)
        return ran

    assert asyncio.run(run()) == ["later"]


def test_many_requests_are_one_call() -> None:
    async def run() -> list[str]:
        ran: list[str] = []
        call = Coalesced(Home(), lambda: ran.append("called"))
        for _ in range(10):
            call()
        await asyncio.sleep(0)
        call("with what a signal brings")
        await asyncio.sleep(0)
        return ran

    assert asyncio.run(run()) == ["called", "called"]
