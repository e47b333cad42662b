"""From the pixels a caller hands over to the tensor a network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from dinoscope.errors import EncoderInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.encoders._spec import EncoderSpec

_LOWEST, _HIGHEST = -1.0, 2.0
"""Resampling may overshoot [0, 1] a little; beyond these bounds the values were never scaled."""


def check_pixels(pixels: NDArray[np.float32], stride: int) -> None:
    """Refuse pixels that an encoder would misread.

    Raises
    ------
    EncoderInputError
        If `pixels` is not a float32 array of shape (N, H, W) or (N, H, W, 3) with finite values on the scale of 0 to 1
        and with H and W multiples of `stride`.
    """
    if pixels.ndim not in (3, 4) or (pixels.ndim == 4 and pixels.shape[-1] != 3):
        raise EncoderInputError(
            f"pixels have shape {pixels.shape}: expected (N, H, W) for grey or (N, H, W, 3) for RGB"
        )
    if pixels.dtype != np.float32:
        raise EncoderInputError(f"pixels have type {pixels.dtype}: expected float32 with values from 0 to 1")
    if 0 in pixels.shape or pixels.shape[1] % stride or pixels.shape[2] % stride:
        raise EncoderInputError(
            f"pixels have shape {pixels.shape}: expected a height and a width that are multiples of {stride}, the "
            "encoder's stride; pad the picture"
        )
    if not np.isfinite(pixels).all():
        raise EncoderInputError("pixels hold NaN or infinite values: replace them before encoding")
    if not _LOWEST <= pixels.min() <= pixels.max() <= _HIGHEST:
        raise EncoderInputError(
            f"pixels range from {pixels.min():g} to {pixels.max():g}: scale them to values from 0 to 1 before encoding"
        )


def to_batch(pixels: NDArray[np.float32], spec: EncoderSpec, device: torch.device) -> torch.Tensor:
    """Checked and normalised pixels in three channels, shape (N, 3, H, W).

    Raises
    ------
    EncoderInputError
        If `check_pixels` refuses them.
    """
    check_pixels(pixels, spec.stride)
    # A copy of our own, as torch takes neither read-only nor backward-strided arrays.
    batch = torch.from_numpy(np.array(pixels, order="C")).to(device)
    batch = batch.unsqueeze(1) if batch.ndim == 3 else batch.permute(0, 3, 1, 2)  # grey broadcasts below
    mean = torch.tensor(spec.mean, device=device).view(3, 1, 1)
    std = torch.tensor(spec.std, device=device).view(3, 1, 1)
    return ((batch - mean) / std).contiguous()  # one memory layout, so that grey and RGB take the same kernels
