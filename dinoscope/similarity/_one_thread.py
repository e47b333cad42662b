"""One thread for linear algebra on small matrices.

Several gain nothing there, and after each product they wait busily for the next one: on the processors that torch's own
threads need. On two cores a click took three times as long.
"""

from __future__ import annotations

import functools
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
        with _pools().limit(limits=1, user_api="blas"):
            return work(*args, **options)

    return alone


@functools.cache
def _pools() -> Any:
    """The libraries that are loaded; looking for them takes longer than it takes to tell them."""
    return ThreadpoolController()
