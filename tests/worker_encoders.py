"""Encoders that tests let the workers of a cluster make. Their "name" is a folder, where they leave notes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PATIENCE = 60.0
"""Seconds until a worker that waits gives up."""


def noted(folder: str, device: str, passes: int) -> FakeEncoder:
    """An encoder whose making is noted, in a line with the number of the process."""
    with (Path(folder) / "made").open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    return FakeEncoder()


class _Waiting(FakeEncoder):
    """Encodes some tiles and then waits, but only in the first process that comes to that."""

    def __init__(self, folder: str, tiles: int) -> None:
        super().__init__()
        self._victim, self._left = Path(folder) / "victim", tiles

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        self._left -= 1
        if self._left == 0 and not self._victim.exists():
            partial = self._victim.with_name(f"victim-{os.getpid()}")
            partial.write_text(str(os.getpid()), encoding="utf-8")
            partial.rename(self._victim)
            time.sleep(PATIENCE)
        return super().encode(pixels)


def victim(folder: str, device: str, passes: int) -> FakeEncoder:
    """An encoder in the middle of whose work its process can be killed."""
    return _Waiting(folder, 3)


FREE = 7
"""Tiles that an encoder which waits for a sign encodes without it."""


class _Gated(FakeEncoder):
    """Encodes no more than some tiles before there is a file ``go``."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._go = Path(folder) / "go"

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        until = time.monotonic() + PATIENCE
        while self.encoded_tiles >= FREE and not self._go.exists() and time.monotonic() < until:
            time.sleep(0.01)
        return super().encode(pixels)


def gated(folder: str, device: str, passes: int) -> FakeEncoder:
    """An encoder that waits for a sign."""
    return _Gated(folder)


def other_weights(folder: str, device: str, passes: int) -> FakeEncoder:
    """An encoder that is not the one that was asked for."""
    return FakeEncoder(fingerprint="other")
