"""From intensities to shades of grey."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.image import intensity_sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.settings import ViewSettings

_SAMPLE = 2**16
"""Voxels: few blocks all over the image, since each may cost a chunk of a file."""

_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True, slots=True)
class Contrast:
    """The intensities that are shown black and white."""

    black: float
    white: float

    def shades(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """Shades of grey, 0 to 255, of pixels of any shape; what is no number is black."""
        span = self.white - self.black
        unit = (pixels.astype(np.float32) - self.black) / (span if span else 1.0)
        shades: NDArray[np.uint8] = (np.nan_to_num(unit, nan=0.0).clip(0, 1) * 255 + 0.5).astype(np.uint8)
        return shades

    def adjusted(self, settings: ViewSettings) -> Contrast:
        """This contrast, but for the numbers that the settings give."""
        black = self.black if settings.black_at == "auto" else settings.black_at
        white = self.white if settings.white_at == "auto" else settings.white_at
        return Contrast(black, white)


def measure_contrast(image: Image) -> Contrast:
    """The contrast that shows nearly all intensities of a small sample of the image."""
    sample = intensity_sample(image, _SAMPLE).astype(np.float32)
    finite = sample[np.isfinite(sample)]
    if not finite.size:
        return Contrast(0.0, 1.0)
    black, white = (float(v) for v in np.percentile(finite, _PERCENTILES))
    return Contrast(black, white) if white > black else Contrast(black, black + 1.0)
