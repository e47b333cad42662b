"""A finer grid of patches from an encoder that has a coarse one: it looks several times, a part of a patch further on.

A network of stride s tells one feature per s pixels. Its patches may begin anywhere, though: encoding the picture p x p
times, each time shifted by s / p, and interleaving the answers gives a feature per s / p pixels. This is the
shift-and-stitch of fully convolutional networks (Long et al. 2015, arXiv 1411.4038, section 3.2). Every feature is
still one of the encoder's own, of a whole patch: they lie in the same feature space, overlap, and are p * p times as
many.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.encoders._precision import in_precision
from dinoscope.errors import EncoderInputError, SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.encoders._spec import Encoder, EncoderSpec


def in_passes(encoder: Encoder, passes: int) -> Encoder:
    """The encoder itself for one pass, and otherwise one with a grid `passes` times as fine in y and in x.

    Raises
    ------
    SettingsError
        If `passes` does not divide the encoder's stride.
    """
    return encoder if passes == 1 else ShiftedEncoder(encoder, passes)


class ShiftedEncoder:
    """An encoder whose patches lie denser than they are large.

    Cell i of its grid covers pixels ``[i * s / p, (i + 1) * s / p)`` and has the feature of the patch of s pixels
    around the same centre. Where that patch would begin at half a pixel, as with ``s = 14`` and ``p = 2``, all of them
    lie half a pixel nearer to the origin.

    Parameters
    ----------
    encoder
        What looks at the patches; its tiles are encoded ``passes * passes`` times.
    passes
        How many times finer the grid is in y and in x.

    Raises
    ------
    SettingsError
        If `passes` is not positive or does not divide the encoder's stride.
    """

    def __init__(self, encoder: Encoder, passes: int) -> None:
        stride = encoder.spec.stride
        if passes < 1 or stride % passes:
            fitting = ", ".join(str(number) for number in range(1, stride + 1) if stride % number == 0)
            raise SettingsError(
                f"{passes} passes with the encoder {encoder.spec.name!r}, whose stride is {stride} px: expected a "
                f"number that divides the stride; choose one of {fitting}"
            )
        self._encoder = encoder
        self._passes = passes
        self._spec = _describe(encoder, passes)

    @property
    def spec(self) -> EncoderSpec:
        """The facts that decide the features."""
        return self._spec

    def in_precision(self, precision: str) -> ShiftedEncoder:
        """The same passes of the same weights, computed in another precision; see `in_precision`."""
        return ShiftedEncoder(in_precision(self._encoder, precision), self._passes)

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of a batch of equally sized pictures.

        Parameters
        ----------
        pixels
            Shape (N, H, W) for grey or (N, H, W, 3) for RGB, values in [0, 1]; H and W are multiples of the fine stride
            s / p. Patches that reach past a picture see it mirrored.

        Returns
        -------
        Array of shape (N, H p / s, W p / s, C).

        Raises
        ------
        EncoderInputError
            If the shape, the type or the values are not what the wrapped encoder takes.
        """
        fine, passes = self._spec.stride, self._passes
        if pixels.ndim not in (3, 4) or 0 in pixels.shape or pixels.shape[1] % fine or pixels.shape[2] % fine:
            raise EncoderInputError(
                f"pixels have shape {pixels.shape}: expected (N, H, W) or (N, H, W, 3) with a height and a width that "
                f"are multiples of {fine}, the stride in passes; pad the picture"
            )
        count, rows, columns = pixels.shape[0], pixels.shape[1] // fine, pixels.shape[2] // fine
        features = np.empty((count, rows, columns, self._spec.channels), np.float32)
        padded = self._mirror(pixels)
        height, width = (-(-cells // passes) * passes * fine for cells in (rows, columns))  # whole patches
        for y, x in np.ndindex(passes, passes):
            crop = padded[:, y * fine : y * fine + height, x * fine : x * fine + width]
            kept = features[:, y::passes, x::passes]  # N gy gx C
            if kept.size:
                kept[:] = self._encoder.encode(np.ascontiguousarray(crop))[:, : kept.shape[1], : kept.shape[2]]
        return features

    def _mirror(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """The pictures with what all passes see of them: the crop of pass a begins at pixel ``a * fine``."""
        stride = self._encoder.spec.stride
        before = _overhang(stride, self._spec.stride)
        # Edge pixels repeat, as where a tile reaches past the image: at its first row and column both are the same.
        sides = [(before, 2 * stride)] * 2
        return np.pad(pixels, [(0, 0), *sides, *[(0, 0)] * (pixels.ndim - 3)], mode="symmetric")


def _overhang(stride: int, fine: int) -> int:
    """Pixels by which a patch reaches out of its cell towards the origin; rounded up."""
    return (stride - fine + 1) // 2


def _describe(encoder: Encoder, passes: int) -> EncoderSpec:
    """Features of another grid, and so another fingerprint; but of the same space.

    A kept patch may begin before its cell and see `halo` pixels more than that, none of which may be mirrored at the
    tile's border: one patch more covers both. The tile grows by as much where the encoder does not mind its size, so
    that as many pixels are kept; the positions of a transformer were trained at one size, and there the halo costs.
    """
    spec = encoder.spec
    return replace(
        spec,
        name=f"{spec.name} in {passes} x {passes} passes",
        stride=spec.stride // passes,
        tile=spec.tile + 2 * spec.stride if spec.any_tile else spec.tile,
        halo=spec.halo + spec.stride,
        fingerprint=hashlib.sha256(f"{spec.fingerprint} in {passes} passes".encode()).hexdigest()[:16],
        space=spec.feature_space,
    )
