"""One thread for linear algebra on small matrices.

Several gain nothing there, and after each product they wait busily for the next one: on the processors that torch's own
threads need. On two cores a click took three times as long.
"""

from __future__ import annotations

import functools
from threading import Lock
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def in_one_thread(work: Callable[P, R]) -> Callable[P, R]:
    """The same work, during which NumPy and SciPy multiply in one thread. Torch keeps its own."""

    @functools.wraps(work)
    def alone(*args: P.args, **options: P.kwargs) -> R:
        with _ALONE:
            return work(*args, **options)

    return alone


class _Alone:
    """One thread as long as anybody is inside; afterwards as many as there were before the first came."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._limit = _pools().limit(limits=1, user_api="blas")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limit.restore_original_limits()


_ALONE = _Alone()


@functools.cache
def _pools() -> Any:
    """The libraries that are loaded; looking for them takes longer than it takes to tell them."""
    return ThreadpoolController()
