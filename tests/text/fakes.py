"""A text encoder that knows a few words by heart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dinoscope.text import TextSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest
    from numpy.typing import NDArray

# The features of `FakeEncoder` are the mean and the spread of a patch: here of checks, of faint checks, and of grey.
SQUARE, FAINT, GROUND, ROUGH = (0.5, 0.5), (0.5, 0.25), (0.5, 0.0), (0.0, 1.0)
WORDS = {"square": SQUARE, "checked square": SQUARE, "faint": FAINT, "ground": GROUND, "texture": ROUGH}


def planted() -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A grey picture with two checked squares and a faint one, and which is where: 1 and 2."""
    truth = np.zeros((160, 200), np.uint8)
    truth[32:64, 32:64] = truth[96:128, 128:160] = 1
    truth[104:120, 20:60] = 2
    checks = (np.indices(truth.shape).sum(axis=0) % 2).astype(np.float32) - 0.5
    return 0.5 + checks * np.array([0.0, 1.0, 0.5], np.float32)[truth], truth


class FakeTextEncoder:
    """Words, and where they lie among the features of a `FakeEncoder`; whatever else is said lies with texture."""

    def __init__(self, words: Mapping[str, Sequence[float]] = WORDS, space: str = "fake") -> None:
        self._words = dict(words)
        self.spec = TextSpec("Fake", space, 2, "fake text")
        self.read: list[str] = []
        """What was embedded so far."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (n, 2), each of length 1."""
        self.read += texts
        found = np.array([self._words.get(text, ROUGH) for text in texts], np.float32).reshape(-1, 2)
        unit: NDArray[np.float32] = found / np.linalg.norm(found, axis=1, keepdims=True)
        return unit


def stand_in(monkeypatch: pytest.MonkeyPatch, encoder: FakeTextEncoder) -> list[tuple[str, str]]:
    """Let it stand in for every text encoder; the list tells which were asked for."""
    asked: list[tuple[str, str]] = []

    def create(name: str, device: str) -> FakeTextEncoder:
        asked.append((name, device))
        return encoder

    monkeypatch.setattr("dinoscope.text.create_text_encoder", create)
    return asked
