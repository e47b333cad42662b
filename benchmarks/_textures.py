"""An encoder that costs next to nothing and has as many channels as asked for, so that clicks can be timed anywhere.

The time of a click does not depend on what features mean, but whether two masks agree does: a mask must be neither
empty nor full. Random weights of a DINOv2 hardly find anything. Here a few statistics of a patch and of what lies
around it, which tell organelles apart, are spread over all channels by fixed random directions, and the pixels of the
patch are added the same way as noise: the features have no fewer dimensions than a network's, so that nothing that
saves dimensions has it easier than there.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from dinoscope.encoders import EncoderSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRIDE, TILE, HALO = 14, 518, 70
"""Those of a DINOv2, in pixels."""

NOISE = 0.25
"""So much that the first 64 of 384 principal components hold 0.6 of what the features vary."""

_AROUND = (1, 3, 5)
"""Patches per side over which statistics are taken; the halo has enough of them."""


class Textures:
    """Mean, spread and steepness of patches and of their surroundings, in as many channels as wanted.

    Parameters
    ----------
    channels
        Length C of a feature vector.
    """

    def __init__(self, channels: int = 384) -> None:
        rng = np.random.default_rng(channels)
        self._mixed = rng.normal(0.0, 1.0, (3 * len(_AROUND), channels)).astype(np.float32)
        self._offset = rng.uniform(-1.0, 1.0, channels).astype(np.float32)
        self._noise = rng.normal(0.0, STRIDE**-1.0, (STRIDE**2, channels)).astype(np.float32)
        self._spec = EncoderSpec(
            name=f"textures-{channels}",
            stride=STRIDE,
            channels=channels,
            tile=TILE,
            halo=HALO,
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            fingerprint=hashlib.sha256(self._mixed.tobytes() + self._noise.tobytes()).hexdigest(),
            licence="BSD-3-Clause",
        )

    @property
    def spec(self) -> EncoderSpec:
        """The facts that decide the features."""
        return self._spec

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of grey pictures (N, H, W), shape (N, H / 14, W / 14, C)."""
        count, height, width = pixels.shape
        cut = pixels.reshape(count, height // STRIDE, STRIDE, width // STRIDE, STRIDE)
        patches = cut.transpose(0, 1, 3, 2, 4).reshape(count, height // STRIDE, width // STRIDE, -1)  # N h w 196
        steep = ndimage.gaussian_gradient_magnitude(pixels, 1.0, axes=(1, 2))
        own = np.stack(
            [patches.mean(axis=-1), patches.std(axis=-1), steep.reshape(cut.shape).mean(axis=(2, 4))], axis=-1
        )
        told = np.concatenate([ndimage.uniform_filter(own, side, axes=(1, 2)) for side in _AROUND], axis=-1)
        grain = (patches - own[..., :1]) / (own[..., 1:2] + 1e-3)
        noise = np.sin(3.0 * grain @ self._noise)  # so steep that patches which differ at all differ in every channel
        features = np.tanh(4.0 * told @ self._mixed + self._offset) + NOISE * noise
        encoded: NDArray[np.float32] = features.astype(np.float32)
        return encoded
