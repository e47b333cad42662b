"""Tiles that show nothing: empty resin, padding, background. They get the features of a flat picture of their grey.

Design notes
------------
- Whether a tile is blank is seen in its own pixels, halo included, and depends on nothing else: not on who looks, in
  which order, or at which other tiles.
- Its features are those of its grey in coarse steps, at the same place of a tile. So nothing downstream knows of blank
  tiles, and a store has the same bytes whoever fills it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.features._store import FeatureStore
    from dinoscope.tiling import Tile

_BLOCKS = (2, 4, 8)
"""Pixels per side of the blocks that are averaged, each twice the one before."""

_STEPS = 32
"""Of grey between 0 and 1. Finer ones would make more flat pictures, and tell tiles apart in which there is nothing."""

_KEPT = 8
"""Flat pictures whose features are kept: up to 50 MB, and backgrounds have few greys."""

Grey = tuple[float, ...]
"""Of a flat picture: one value in [0, 1], or three."""


def is_blank(pixels: NDArray[np.float32], contrast: float) -> bool:
    """Whether a tile shows nothing but noise.

    Parameters
    ----------
    pixels
        Shape (H, W) or (H, W, 3), values in [0, 1].
    contrast
        What the means over 8 x 8 pixels must stay within, over 4 x 4 twice and over 2 x 2 four times of it, since white
        noise does: what is faint and large shows in the former, what is small and sharp in the latter. So must the
        standard deviations within 8 x 8 pixels: noise is as strong everywhere, fine texture is not. 0 is never met.

    Notes
    -----
    Half a million means of white noise of standard deviation s reach 5 s / 2 from their own mean where they are over
    2 x 2 pixels, so tiles of up to 1500 pixels with nothing but noise are blank up to s = 0.8 `contrast`.
    """
    if contrast <= 0:
        return False
    whole = _whole_blocks(pixels)
    means = whole
    for side in _BLOCKS:
        means = _halved(means)
        if _span(means) >= contrast * _BLOCKS[-1] / side:
            return False
    powers = whole**2
    for _ in _BLOCKS:
        powers = _halved(powers)
    return _span(np.sqrt(np.maximum(powers - means**2, 0))) < contrast


def grey_of(pixels: NDArray[np.float32]) -> Grey:
    """The flat picture that stands for a blank tile of shape (H, W) or (H, W, 3): its mean, in coarse steps."""
    mean = np.atleast_1d(pixels.mean(axis=(0, 1), dtype=np.float64))
    return tuple((np.round(mean * _STEPS) / _STEPS).tolist())


class Blanks:
    """What this process knows of the blank tiles of a store.

    Attributes
    ----------
    found
        Indices of those that it came across, and did not encode.
    """

    def __init__(self) -> None:
        self.found: set[tuple[int, int, int]] = set()
        self._told = 0
        self._flat: dict[Grey, NDArray[np.float32]] = {}

    def features(self, encoder: Encoder, side: int, grey: Grey) -> NDArray[np.float32]:
        """Features of a whole flat tile of `side` pixels, shape (gy, gx, C). Each grey is encoded once."""
        kept = self._flat.get(grey)
        if kept is None:
            shape = (1, side, side) if len(grey) == 1 else (1, side, side, len(grey))
            kept = encoder.encode(np.full(shape, grey, np.float32))[0]
            if len(self._flat) >= _KEPT:
                self._flat.clear()
            self._flat[grey] = kept
        return kept

    def among(self, tiles: Iterable[Tile]) -> list[tuple[int, int, int]]:
        """Of some tiles, the indices of those that are known to be blank."""
        return [tile.index for tile in tiles if tile.index in self.found]

    def have_news(self) -> bool:
        """Whether more were found since this was last asked."""
        before, self._told = self._told, len(self.found)
        return self._told > before


def blank_notice(stores: Iterable[FeatureStore]) -> str:
    """Such as ``312 of 1,024 tiles were found blank and not encoded``, with the way out; empty where none were."""
    kept = list(stores)
    found, tiles = sum(len(store.blanks.found) for store in kept), sum(len(store.manifest.tiles) for store in kept)
    if not found:
        return ""
    return (
        f"{found:,} of {tiles:,} tiles {'was' if found == 1 else 'were'} found blank and not encoded: set skip_blank "
        "to 0 to encode every tile"
    )


def _halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over 2 x 2."""
    return (values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]) * np.float32(0.25)


def _span(values: NDArray[np.float32]) -> float:
    """From the lowest to the highest; of several channels, of the one where it is largest."""
    return float(np.ptp(values, axis=(0, 1)).max())


def _whole_blocks(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The pixels, mirrored at their end to whole blocks."""
    lacking = [-length % _BLOCKS[-1] for length in pixels.shape[:2]]
    if not any(lacking):
        return pixels
    return np.pad(pixels, [(0, lacking[0]), (0, lacking[1]), (0, 0)][: pixels.ndim], mode="symmetric")
