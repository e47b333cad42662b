"""DINOv2 weights as an `Encoder`."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from dinoscope.encoders._pixels import to_batch
from dinoscope.encoders._spec import EncoderSpec
from dinoscope.encoders._vit import Dinov2

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dinoscope.encoders._checkpoints import Checkpoint

HALO_PATCHES = 5
"""Patches of context on each side of a tile's kept part."""


class Dinov2Encoder:
    """A DINOv2 of any size, with or without registers.

    Parameters
    ----------
    checkpoint
        Its weights and its normalisation.
    device
        Where it computes. CUDA devices compute in mixed precision (float16), all others in float32.
    name, licence
        For the spec.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device, *, name: str, licence: str) -> None:
        self._device = device
        self._spec = _describe(checkpoint, name, licence)
        with torch.device("meta"):
            model = Dinov2(checkpoint.weights.architecture)
        # `assign` keeps the tensors that are there: nothing is initialised or copied.
        model.load_state_dict(checkpoint.weights.tensors, strict=True, assign=True)
        self._model = model.to(device).requires_grad_(False).eval()

    @property
    def spec(self) -> EncoderSpec:
        """The facts that decide the features."""
        return self._spec

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of a batch of equally sized pictures.

        Parameters
        ----------
        pixels
            Shape (N, H, W) for grey or (N, H, W, 3) for RGB, values in [0, 1]; H and W are multiples of the stride.

        Returns
        -------
        Array of shape (N, H / stride, W / stride, C): patch tokens after the final LayerNorm.

        Raises
        ------
        EncoderInputError
            If shape, type or values are others.
        """
        is_cuda = self._device.type == "cuda"
        precision = torch.autocast("cuda", dtype=torch.float16) if is_cuda else nullcontext()
        with torch.inference_mode(), precision:
            features = self._model(to_batch(pixels, self._spec, self._device))
        array: NDArray[np.float32] = features.float().cpu().numpy()
        return array


def _describe(checkpoint: Checkpoint, name: str, licence: str) -> EncoderSpec:
    architecture = checkpoint.weights.architecture
    return EncoderSpec(
        name=name,
        stride=architecture.patch,
        channels=architecture.width,
        tile=architecture.grid * architecture.patch,  # 518 in all released models: positions need no interpolation
        halo=HALO_PATCHES * architecture.patch,
        mean=checkpoint.mean,
        std=checkpoint.std,
        fingerprint=_fingerprint(checkpoint),
        licence=licence,
    )


def _fingerprint(checkpoint: Checkpoint) -> str:
    """A digest of all that changes the features, the same for every layout that the weights may come in."""
    architecture = checkpoint.weights.architecture
    facts: dict[str, Any] = {
        "architecture": asdict(architecture),
        "positions": architecture.position_rule,
        "mean": checkpoint.mean,
        "std": checkpoint.std,
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for key, tensor in sorted(checkpoint.weights.tensors.items()):
        digest.update(f"{key} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
