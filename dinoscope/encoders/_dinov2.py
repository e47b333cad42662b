"""DINOv2 weights as an `Encoder`."""

from __future__ import annotations

import hashlib
import json
from copy import copy
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import torch

from dinoscope.encoders._pixels import to_batch
from dinoscope.encoders._precision import computing_in, pick_precision
from dinoscope.encoders._spec import EncoderSpec
from dinoscope.encoders._vit import Dinov2
from dinoscope.errors import CheckpointError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dinoscope.encoders._checkpoints import Checkpoint
    from dinoscope.encoders._heads import VisionHead

HALO_PATCHES = 5
"""Patches of context on each side of a tile's kept part."""


SIZES = {"dinov2-small": 384, "dinov2-base": 768, "dinov2-large": 1024, "dinov2-giant": 1536}
"""Channels of the released models."""


class Dinov2Encoder:
    """A DINOv2 of any size, with or without registers.

    Parameters
    ----------
    checkpoint
        Its weights and its normalisation.
    device
        Where it computes; on CUDA in float16 and elsewhere in float32, until `in_precision` says otherwise.
    name, licence
        For the spec.
    head
        What is put on it, if anything; the features are what comes out of that.

    Raises
    ------
    CheckpointError
        If the head is for a DINOv2 of another size.
    """

    def __init__(
        self, checkpoint: Checkpoint, device: torch.device, *, name: str, licence: str, head: VisionHead | None = None
    ) -> None:
        self._device = device
        self._spec = _describe(checkpoint, name, licence)
        if head is not None:
            self._spec = _with_head(self._spec, head)
        self._usual = "float16" if device.type == "cuda" else "float32"
        self._spec = replace(self._spec, precision=self._usual)
        self._head = None if head is None else head.module.to(device)
        with torch.device("meta"):
            model = Dinov2(checkpoint.weights.architecture)
        # `assign` keeps the tensors that are there: nothing is initialised or copied.
        model.load_state_dict(checkpoint.weights.tensors, strict=True, assign=True)
        self._model = model.to(device).requires_grad_(False).eval()

    @property
    def spec(self) -> EncoderSpec:
        """The facts that decide the features."""
        return self._spec

    def in_precision(self, precision: str) -> Dinov2Encoder:
        """The same weights, computed in another precision; see `pick_precision`."""
        other = copy(self)
        other._spec = replace(self._spec, precision=pick_precision(precision, self._device, self._usual))
        return other

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
        with torch.inference_mode(), computing_in(self._spec.precision, self._device):
            features = self._features(to_batch(pixels, self._spec, self._device))
        array: NDArray[np.float32] = features.float().cpu().numpy()
        return array

    def _features(self, batch: torch.Tensor) -> torch.Tensor:
        """Of normalised pictures (N, 3, H, W), shape (N, h, w, C)."""
        if self._head is None:
            features: torch.Tensor = self._model(batch)
            return features
        grid = self._model.grid_of(batch)
        patches: torch.Tensor = self._head(self._model.tokens(batch), grid)
        return patches.reshape(len(batch), *grid, -1)


def _with_head(spec: EncoderSpec, head: VisionHead) -> EncoderSpec:
    """Features of another space, and so another fingerprint."""
    if head.width != spec.channels:
        size = next((name for name, width in SIZES.items() if width == head.width), f"one of {head.width} channels")
        raise CheckpointError(
            f"the {head.name} head takes tokens of {head.width} channels, those of {spec.name} have {spec.channels}: "
            f"put it on {size}, with registers"
        )
    both = hashlib.sha256(f"{spec.fingerprint} {head.name} {head.digest}".encode()).hexdigest()
    return replace(spec, name=f"{spec.name}+{head.name}", fingerprint=both)


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
