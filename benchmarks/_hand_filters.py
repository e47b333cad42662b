"""Hand-made filters in the place of an encoder: what a trained one has to beat."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.feature import multiscale_basic_features

from dinoscope.encoders import EncoderSpec
from dinoscope.features import measure_intensity
from dinoscope.geometry import Region
from dinoscope.settings import IntensitySettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.image import Image

STRIDE = 8
SIGMAS = (1.0, 16.0)
"""From the finest to the coarsest; scikit-image doubles them."""


class HandFilters:
    """Grey value, gradient and both eigenvalues of the Hessian at five sigmas, averaged over patches of 8 pixels.

    Parameters
    ----------
    image
        A stack; each feature gets mean 0 and deviation 1 over its first section, at whatever scale it is used later.
    """

    def __init__(self, image: Image) -> None:
        _, height, width = image.shape
        plane = image.read(Region((0, 0, 0), (1, height // STRIDE * STRIDE, width // STRIDE * STRIDE)))
        features = _patch_means(measure_intensity(image, IntensitySettings()).normalise(plane)[0])
        self._mean, self._std = features.mean(axis=(0, 1)), features.std(axis=(0, 1))
        digest = hashlib.sha256(self._mean.tobytes() + self._std.tobytes()).hexdigest()[:16]
        reach = 4 * round(SIGMAS[1])  # where scipy cuts the widest Gaussian off
        self.spec = EncoderSpec(
            name="hand-filters", stride=STRIDE, channels=features.shape[-1], tile=512, halo=reach,
            mean=(0.0,) * 3, std=(1.0,) * 3, fingerprint=digest, licence="BSD-3-Clause",
        )  # fmt: skip

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features (N, H / 8, W / 8, C) of grey pictures (N, H, W)."""
        features = np.stack([_patch_means(picture) for picture in pixels])
        return np.asarray((features - self._mean) / self._std, np.float32)


def _patch_means(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shape (H / 8, W / 8, C)."""
    filtered: NDArray[Any] = multiscale_basic_features(picture, sigma_min=SIGMAS[0], sigma_max=SIGMAS[1])
    height, width, channels = filtered.shape
    patches = filtered.reshape(height // STRIDE, STRIDE, width // STRIDE, STRIDE, channels)
    return np.asarray(patches.mean(axis=(1, 3)), np.float32)
