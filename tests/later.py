"""An executor that lets the test decide when it works."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Later(Executor):
    """Works when it is told to."""

    def __init__(self) -> None:
        self.todo: list[Callable[[], Any]] = []

    def submit(self, work: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:
        """Keep the work for later. The future is never done."""
        self.todo.append(lambda: work(*args, **options))
        return Future()

    def step(self) -> None:
        """Do the oldest of the work, as far as it gets."""
        self.todo.pop(0)()

    def run(self) -> None:
        """Do all of it."""
        while self.todo:
            self.step()
