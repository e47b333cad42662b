"""What the features of an image will cost on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.features import estimate_blank
from dinoscope.jobs import describe_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinoscope.encoders import Encoder
    from dinoscope.features import Cut


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of the features that a store still lacks.

    Attributes
    ----------
    tiles, pending
        Tiles of the image, and those that are not in the store yet.
    seconds
        Time for the pending ones, from one batch that was measured just now.
    cache_bytes
        Size of the store once it is full.
    blank
        How many of the pending ones need no encoding since they are blank, by a few that were looked at.
    """

    tiles: int
    pending: int
    seconds: float
    cache_bytes: int
    blank: int = 0

    def __str__(self) -> str:
        """Such as ``432 tiles, about 120 of them blank, about 3 min, 58 MB on disk``."""
        if not self.pending:
            return f"{_count(self.tiles, 'tile')}, all computed"
        done = "" if self.pending == self.tiles else f", {self.tiles - self.pending:,} computed"
        blank = f", about {self.blank:,} of them blank" if self.blank else ""
        return (
            f"{_count(self.tiles, 'tile')}{done}{blank}, about {describe_duration(self.seconds)}, "
            f"{describe_bytes(self.cache_bytes)} on disk"
        )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def describe_bytes(size: float) -> str:
    """Such as ``58 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:  # what rounds to 1000 is one of the next unit
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def measure_cost(stacks: Sequence[Cut], encoder: Encoder, batch_size: int) -> Cost:
    """Encode one empty batch, after one that warms up, and reckon from its time what all stacks take together."""
    manifests = [stack.store.manifest for stack in stacks]
    tiles = manifests[0].tiles
    count = sum(len(manifest.tiles) for manifest in manifests)
    pending = count - sum(stack.store.tiles_done for stack in stacks)
    per_tile = _seconds_per_tile(encoder, batch_size, tiles.tile * tiles.grid.stride) if pending else 0.0
    blank = round(pending * _blank_share(stacks[0])) if pending else 0
    stored = sum(manifest.stored_bytes for manifest in manifests)
    return Cost(count, pending, (pending - blank) * per_tile, stored, blank)


def _blank_share(stack: Cut) -> float:
    """Share of blank tiles; unknown across other sections than the image's own, where a tile is all over the file."""
    return estimate_blank(stack.image, stack.store.manifest) if stack.sections is None else 0.0


def _seconds_per_tile(encoder: Encoder, batch_size: int, side: int) -> float:
    batch = np.zeros((batch_size, side, side), np.float32)
    encoder.encode(batch)
    begun = time.perf_counter()
    encoder.encode(batch)
    return (time.perf_counter() - begun) / batch_size
