"""How features become few bytes: half precision, or eight bits per channel or per principal component.

Both of the latter are fitted once on a sample of the image's features, kept with the store, and never fitted again:
what a patch becomes depends on nothing but its features.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from safetensors.numpy import load, save

from dinoscope.errors import StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.encoders import EncoderSpec
    from dinoscope.settings import StorageSettings

CodecName = Literal["float16", "int8", "pca-int8"]

_LARGEST = 127
"""Of the eight bits; -128 is what was never written."""

_MARGIN = 0.5
"""Of the range of the sample, on both sides: other patches go further, and steps are fine enough."""

_SMALLEST_STEP = 1e-9

_FEWEST, _MOST = 16, 128
"""Components that are kept unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How features are kept, as a manifest tells it.

    Attributes
    ----------
    name
        ``"float16"``, ``"int8"`` or ``"pca-int8"``.
    width
        Values kept per patch.
    """

    name: CodecName
    width: int

    @classmethod
    def plan(cls, encoder: EncoderSpec, settings: StorageSettings) -> Coding:
        """The coding that settings ask for. Unless told, components take half a byte per pixel that is encoded."""
        if settings.codec != "pca-int8":
            return cls(settings.codec, encoder.channels)
        half = min(max(encoder.stride**2 // 2, _FEWEST), _MOST)
        return cls(settings.codec, min(settings.components or half, encoder.channels))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values on disk."""
        return np.dtype(np.float16 if self.name == "float16" else np.int8)

    @property
    def patch_bytes(self) -> int:
        """What a patch takes before compression."""
        return self.width * self.dtype.itemsize

    @property
    def unwritten(self) -> float:
        """The value of what was never written, which no feature becomes."""
        return float("nan") if self.name == "float16" else -_LARGEST - 1.0

    def lacks(self, stored: NDArray[Any]) -> bool:
        """Whether any patch of what was read, shape (..., width), was never written."""
        first = stored[..., 0]
        return bool(np.isnan(first).any() if self.name == "float16" else (first < -_LARGEST).any())

    @property
    def needs_sample(self) -> bool:
        """Whether it has to be fitted before anything is kept."""
        return self.name != "float16"


class Codec(Protocol):
    """Between features (..., C), float32, and what is on disk, (..., width)."""

    def encode(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """Features as they are kept."""
        ...

    def decode(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Features from what was kept."""
        ...


class HalfPrecision:
    """Features as they are, in half precision."""

    def encode(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """Rounded features."""
        with np.errstate(over="ignore"):  # whoever keeps them says it better
            return features.astype(np.float16)

    def decode(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """The same features."""
        return stored.astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Quantised:
    """Features, or their principal components, in steps that are equal for every patch.

    Attributes
    ----------
    centre, step
        The value that becomes 0, and what 1 is worth, per channel or component, shape (width,).
    basis
        Orthonormal directions of the components, shape (C, width); of shape (C, 0) where channels are kept.
    rest
        What is added to the components' directions to come back to features, shape (C,).
    """

    centre: NDArray[np.float32]
    step: NDArray[np.float32]
    basis: NDArray[np.float32]
    rest: NDArray[np.float32]

    @classmethod
    def fit(cls, coding: Coding, sample: NDArray[np.float32]) -> Quantised:
        """Steps, and principal directions where they are asked for, of a sample of features (M, C)."""
        channels = sample.shape[1]
        basis, rest = np.zeros((channels, 0), np.float32), np.zeros(channels, np.float32)
        values = sample
        if coding.name == "pca-int8":
            mean = sample.mean(axis=0, dtype=np.float64)
            wide = sample - mean
            directions = np.linalg.eigh(wide.T @ wide)[1][:, ::-1][:, : coding.width]
            basis = directions.astype(np.float32)
            rest = (mean - (mean @ directions) @ directions.T).astype(np.float32)
            values = sample @ basis
        low, high = values.min(axis=0), values.max(axis=0)
        step = np.maximum((high - low) * (1 + 2 * _MARGIN) / (2 * _LARGEST), _SMALLEST_STEP)
        return cls(((low + high) / 2).astype(np.float32), step.astype(np.float32), basis, rest)

    def encode(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """The nearest steps; what lies beyond the last one becomes the last one."""
        values = features @ self.basis if self.basis.shape[1] else features
        with np.errstate(over="ignore"):
            steps = np.rint((values - self.centre) / self.step)
        stored: NDArray[Any] = np.clip(steps, -_LARGEST, _LARGEST).astype(np.int8)
        return stored

    def decode(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Features near those that were kept."""
        values: NDArray[np.float32] = stored.astype(np.float32) * self.step + self.centre
        return values @ self.basis.T + self.rest if self.basis.shape[1] else values

    def to_bytes(self) -> bytes:
        """As safetensors, with a digest of the numbers."""
        tensors = {"centre": self.centre, "step": self.step, "basis": self.basis, "rest": self.rest}
        return save({**tensors, "digest": self._digest()})

    @classmethod
    def from_bytes(cls, content: bytes) -> Quantised:
        """What `to_bytes` gave.

        Raises
        ------
        StoreError
            If it is damaged.
        """
        try:
            tensors = load(content)
            digest = tensors.pop("digest")
            found = cls(**tensors)
        except Exception as error:  # whatever the bytes are now, safetensors raises errors of its own
            raise StoreError(f"it cannot be read ({error})") from error
        if not np.array_equal(found._digest(), digest):
            raise StoreError("its digest does not fit its numbers")
        return found

    def _digest(self) -> NDArray[np.uint8]:
        digest = hashlib.sha256()
        for part in (self.centre, self.step, self.basis, self.rest):
            digest.update(np.ascontiguousarray(part).tobytes())
        return np.frombuffer(digest.digest(), np.uint8)
