"""The compact encoder: a small convolutional network, and the files it is kept in.

One safetensors file holds an encoder: its tensors, and in the header the configuration as JSON.
"""

from __future__ import annotations

import hashlib
from copy import copy
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from dinoscope.encoders._compact_net import CompactConfig, CompactNet, context_pixels
from dinoscope.encoders._pixels import check_pixels
from dinoscope.encoders._precision import computing_in, pick_precision
from dinoscope.encoders._spec import EncoderSpec
from dinoscope.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

COMPACT_FILE = "encoder.safetensors"
"""Name of the weights inside of an encoder's folder."""

_FORMAT_KEY = "dinoscope.format"
_CONFIG_KEY = "dinoscope.config"
_FORMAT = "compact-1"
_TILE = 1280
"""Pixels: with a halo of 128 there are 1024 of them left, and the halo costs half as much again, not four times."""


class CompactEncoder:
    """A `CompactNet` ready to encode.

    Parameters
    ----------
    net
        The network; its batch normalisations get folded.
    name
        Goes into the spec.
    device
        Where it computes, as torch names it.
    """

    def __init__(self, net: CompactNet, name: str, device: str = "cpu") -> None:
        fingerprint = _fingerprint(net.config, net.state_dict())
        net.fold()
        self._device = torch.device(device)
        self._net = net.to(self._device)
        self._net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a fifth faster on a CPU
        self._spec = _spec(net.config, name, fingerprint)

    @property
    def spec(self) -> EncoderSpec:
        """The facts that decide the features."""
        return self._spec

    def in_precision(self, precision: str) -> CompactEncoder:
        """The same weights, computed in another precision; see `pick_precision`."""
        other = copy(self)
        other._spec = replace(self._spec, precision=pick_precision(precision, self._device))
        return other

    @torch.inference_mode()
    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of a batch of equally sized pictures.

        Parameters
        ----------
        pixels
            Shape (N, H, W) for grey or (N, H, W, 3) for RGB, which is averaged to grey; values in [0, 1]; H and W
            are multiples of the stride.

        Returns
        -------
        Array of shape (N, H / stride, W / stride, C), about zero mean and unit spread per channel.

        Raises
        ------
        EncoderInputError
            If the shape or the type is another one, or the values are not finite or not on the scale of 0 to 1.
        """
        check_pixels(pixels, self._spec.stride)
        grey = pixels if pixels.ndim == 3 else pixels.mean(axis=-1)
        batch = torch.from_numpy(np.array(grey, order="C"))  # a copy: torch takes no read-only arrays
        with computing_in(self._spec.precision, self._device):
            features = self._net(batch.unsqueeze(1).to(self._device))  # N 1 H W -> N C h w
        encoded: NDArray[np.float32] = features.permute(0, 2, 3, 1).float().contiguous().cpu().numpy()
        return encoded


def _spec(config: CompactConfig, name: str, fingerprint: str) -> EncoderSpec:
    stride = config.stride
    return EncoderSpec(
        name=name,
        stride=stride,
        channels=config.channels,
        tile=-(-_TILE // stride) * stride,
        halo=-(-context_pixels(config) // stride) * stride,
        mean=(config.mean,) * 3,
        std=(config.std,) * 3,
        fingerprint=fingerprint,
        licence=config.licence,
        space=config.space,
        any_tile=True,
    )


def _fingerprint(config: CompactConfig, tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(f"{_FORMAT}\n{config.to_json()}".encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def save_compact(net: CompactNet, path: Path) -> None:
    """Write a network that is not folded as one safetensors file, in place of any older one."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}
    metadata = {"format": "pt", _FORMAT_KEY: _FORMAT, _CONFIG_KEY: net.config.to_json()}
    partial = path.with_name(f"{path.name}.partial")
    save_file(tensors, partial, metadata=metadata)
    partial.replace(path)


def is_compact_checkpoint(path: Path) -> bool:
    """Whether a file, or the folder of one, holds a compact encoder of any version. Reads the header only."""
    try:
        with safe_open(_weights_file(path), framework="pt") as file:
            return _FORMAT_KEY in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def read_compact_net(path: Path) -> CompactNet:
    """The network of a file, or of a folder with an ``encoder.safetensors``, not folded and in evaluation mode.

    Raises
    ------
    CheckpointError
        If it is not a compact encoder, is of another version, or its tensors are not the configuration's.
    """
    file = _weights_file(path)
    metadata, tensors = _read(file)
    if metadata.get(_FORMAT_KEY) != _FORMAT:
        raise CheckpointError(
            f"{file} has the format {metadata.get(_FORMAT_KEY, 'of no compact encoder')!r}: expected {_FORMAT!r}; "
            "use a file written by `dinoscope pretrain` of this version"
        )
    net = CompactNet(CompactConfig.from_json(metadata.get(_CONFIG_KEY, "")))
    try:
        net.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise CheckpointError(f"the tensors in {file} are not those of its configuration: {error}") from error
    return net.eval()


def load_compact(path: Path, device: str = "cpu") -> CompactEncoder:
    """The compact encoder of a file, or of a folder with an ``encoder.safetensors``.

    Raises
    ------
    CheckpointError
        If it is not a compact encoder, is of another version, or its tensors are not the configuration's.
    """
    return CompactEncoder(read_compact_net(path), str(path), device)


def load_nano(device: str = "cpu") -> CompactEncoder:
    """The encoder that comes with the package.

    Raises
    ------
    CheckpointError
        If the installed file is damaged.
    """
    with resources.as_file(resources.files("dinoscope.encoders") / "weights" / "nano.safetensors") as path:
        return CompactEncoder(read_compact_net(path), "nano", device)


def _weights_file(path: Path) -> Path:
    return path / COMPACT_FILE if path.is_dir() else path


def _read(file: Path) -> tuple[dict[str, str], dict[str, Any]]:
    try:
        with safe_open(file, framework="pt") as opened:
            return opened.metadata() or {}, {name: opened.get_tensor(name) for name in opened.keys()}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{file} cannot be read as safetensors ({error}): expected a compact encoder, "
            "such as `dinoscope pretrain` writes"
        ) from error
