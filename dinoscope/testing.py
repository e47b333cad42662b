"""Small stand-ins with known answers, for our own tests and for those of plugin authors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dinoscope.encoders import EncoderSpec
from dinoscope.errors import EncoderInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class FakeEncoder:
    """An encoder without weights: the mean and the spread of the intensities inside of each patch.

    Its features do not depend on where a tile lies, so every result made with it can be computed by hand.

    Parameters
    ----------
    stride
        Side of a patch in pixels.
    tile, halo
        Its preferred tile and context in pixels, multiples of `stride`.
    fingerprint
        Stands for the weights.
    """

    def __init__(self, stride: int = 4, tile: int = 64, halo: int = 8, fingerprint: str = "fake") -> None:
        self._spec = EncoderSpec(
            name="fake",
            stride=stride,
            channels=2,
            tile=tile,
            halo=halo,
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            fingerprint=fingerprint,
            licence="BSD-3-Clause",
        )
        self.encoded_tiles = 0
        """How many pictures went through `encode` so far."""

    @property
    def spec(self) -> EncoderSpec:
        """The facts that decide the features."""
        return self._spec

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean and standard deviation per patch, shape (N, H / stride, W / stride, 2)."""
        stride = self._spec.stride
        if pixels.ndim not in (3, 4) or pixels.shape[1] % stride or pixels.shape[2] % stride:
            raise EncoderInputError(f"pixels have shape {pixels.shape}: expected (N, H, W[, 3]) in steps of {stride}")
        grey = pixels if pixels.ndim == 3 else pixels.mean(axis=-1)
        n, height, width = grey.shape
        self.encoded_tiles += n
        patches = grey.reshape(n, height // stride, stride, width // stride, stride)  # N h s w s
        return np.stack([patches.mean(axis=(2, 4)), patches.std(axis=(2, 4))], axis=-1).astype(np.float32)
