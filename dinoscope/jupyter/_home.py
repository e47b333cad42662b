"""The thread of the kernel in which everything changes, and the ways to it from other threads."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from psygnal import Signal

from dinoscope.errors import DinoscopeError
from dinoscope.jobs import Runner, background_executor

if TYPE_CHECKING:
    from collections.abc import Callable


class Home:
    """The thread that makes it, and its event loop if one runs, as it does in every kernel.

    A kernel may hand over what people do in other threads than the one that runs cells (JupyterLab gives the comms a
    subshell of their own), and work is done in threads anyway. Sessions and widgets belong to one thread: this one.
    Without a loop, as in plain scripts, every call runs where it is made.

    Attributes
    ----------
    failed
        Emitted with the words of an error that ended what somebody did.
    told
        Emitted with a sentence about what somebody did, where nothing else shows it.
    """

    failed = Signal(str)
    told = Signal(str)

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def runner(self, name: str) -> Runner:
        """A runner that works in a thread of this name and tells at home; in place where no loop runs."""
        return Runner(background_executor(name), self.post) if self._loop is not None else Runner()

    def post(self, call: Callable[[], object]) -> None:
        """Run a call at home when the calls before it are done. Comes from any thread, and never waits."""
        if self._loop is None:
            call()
            return
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:
            if not self._loop.is_closed():  # when it is, the kernel ends and nobody is left to tell
                raise

    def later(self, seconds: float, call: Callable[[], object]) -> None:
        """Run a call at home after a while; never where there is no loop. Asked for at home."""
        if self._loop is not None:
            self._loop.call_later(seconds, call)

    def act(self, call: Callable[[], object]) -> None:
        """Run what somebody did, at once if this is home; its errors are told in words."""
        if self._loop is None or threading.get_ident() == self._thread:
            self._tried(call)
        else:
            self.post(lambda: self._tried(call))

    def _tried(self, call: Callable[[], object]) -> None:
        try:
            call()
        except DinoscopeError as error:
            self.failed.emit(str(error))


class Coalesced:
    """A call that is made once, soon, however often it is asked for.

    Parameters
    ----------
    home
        Where it is made.
    call
        The call.
    """

    def __init__(self, home: Home, call: Callable[[], object]) -> None:
        self._home, self._call = home, call
        self._is_posted = False

    def __call__(self, *_: object) -> None:
        """Ask for the call; from the thread of `home`."""
        if not self._is_posted:
            self._is_posted = True
            self._home.post(self._run)

    def _run(self) -> None:
        self._is_posted = False
        self._call()
