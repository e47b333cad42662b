"""A small memory of what was used last."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Keeps the values used last, up to a total weight; the newest one always stays.

    Parameters
    ----------
    limit
        Total weight to keep.
    weigh
        Weight of a value; by default each weighs 1.
    """

    def __init__(self, limit: int, weigh: Callable[[Value], int] = lambda value: 1) -> None:
        self._limit, self._weigh = limit, weigh
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    def __reduce__(self) -> tuple[object, ...]:
        """What travels to another process is a memory without content."""
        return Recent, (self._limit, self._weigh)

    def get(self, key: Hashable) -> Value | None:
        """The value under a key, or None when it is not kept."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value, and forget the oldest ones beyond the limit."""
        with self._lock:
            previous = self._values.pop(key, None)
            if previous is not None:
                self._weight -= self._weigh(previous)
            self._values[key] = value
            self._weight += self._weigh(value)
            while self._weight > self._limit and len(self._values) > 1:
                _, forgotten = self._values.popitem(last=False)
                self._weight -= self._weigh(forgotten)
