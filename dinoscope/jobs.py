"""Progress of long work, told to whoever listens. Knows no toolkit and prints nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


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
