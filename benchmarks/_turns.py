"""Ways that are timed in turns, so that whatever slows the machine slows all of them, and what one takes of another."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

THREADS = 2


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is measured.

    Attributes
    ----------
    rounds
        How often everything is timed, after a round that warms up.
    extracted
        Side of the image whose features are extracted.
    sections, side
        Of the volume that is clicked on.
    few
        Sections of it where several of them are compared.
    compared
        Sides of the images that are compared as a whole.
    viewed
        Sides of the images of which a part is in view.
    views
        Sides of these parts; the second is the usual one.
    prompts, channels
        What the time of a click is measured against.
    """

    rounds: int = 5
    extracted: int = 4096
    sections: int = 6
    side: int = 1024
    few: int = 2
    compared: tuple[int, ...] = (1024, 2048, 4096)
    viewed: tuple[int, ...] = (1024, 4096, 16384)
    views: tuple[int, ...] = (512, 1024, 2048)
    prompts: tuple[int, ...] = (1, 5, 20)
    channels: tuple[int, ...] = (64, 384, 1024)


FULL = Scope()

QUICK = Scope(2, 560, 2, 560, 1, (560, 1024), (560, 1024), (256, 384), (1, 3), (64, 128))
"""Shows that everything runs; its figures say nothing."""


def use_threads(count: int) -> None:
    """Let torch and NumPy compute with so many threads from now on."""
    torch.set_num_threads(count)
    threadpool_limits(count)


def seconds_of(call: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def in_turns(ways: Mapping[str, Callable[[int], float]], rounds: int, before: int = 1) -> dict[str, list[float]]:
    """Seconds of every way in every round. In each round another way is the first.

    Parameters
    ----------
    ways
        Called with the number of the round, from 0; each tells its own seconds, so that it can prepare unseen.
    rounds
        How many count.
    before
        How many are gone through before, to warm up.
    """
    names, seconds = list(ways), {name: list[float]() for name in ways}
    for number in range(before + rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            taken = ways[name](number)
            if number >= before:
                seconds[name].append(taken)
    return seconds


def spread(values: Sequence[float]) -> list[float]:
    """Lowest, median and highest."""
    return [min(values), float(np.median(values)), max(values)]


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Lowest, median and highest of the ratios of two ways, round by round."""
    return spread([a / b for a, b in zip(over, under, strict=True)])
