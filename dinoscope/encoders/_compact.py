"""The compact encoder: a small convolutional network whose features do not depend on where a tile lies.

Design notes
------------
Nothing in the network looks at the whole picture: no pooling over space, no normalisation over space, no position
embedding. Batch normalisation is a constant per channel at inference and is folded into the convolutions. Features
are therefore equivariant to shifts by the stride, and the context of a patch is a finite box (`context_pixels`): a
tile with that halo gives the features of an untiled pass. Every step down is a 4 x 4 convolution with stride 2, whose
window is symmetric about the patch (a 3 x 3 one would look half a pixel to the left at every step).

One safetensors file holds an encoder: its tensors, and in the header the configuration as JSON.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from dinoscope.encoders._pixels import check_pixels
from dinoscope.encoders._spec import EncoderSpec
from dinoscope.errors import CheckpointError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

COMPACT_FILE = "encoder.safetensors"
"""Name of the weights inside of an encoder's folder."""

_FORMAT_KEY = "dinoscope.format"
_CONFIG_KEY = "dinoscope.config"
_FORMAT = "compact-1"
_TILE = 512


@dataclass(frozen=True, slots=True)
class CompactConfig:
    """Everything about a compact network but its numbers.

    Attributes
    ----------
    widths
        Channels of each stage; every stage halves the resolution, so the stride is ``2 ** len(widths)``.
    dilations
        For each stage, the dilation of each of its residual blocks.
    channels
        Length C of a feature vector.
    mean, std
        Of grey intensities in [0, 1], applied before the first convolution.
    licence
        SPDX identifier of the weights, or "unknown".
    space
        Feature space of the teacher for a distilled encoder, as in `EncoderSpec`.

    Raises
    ------
    SettingsError
        If a number is not positive, or there is not one list of dilations per width.
    """

    widths: tuple[int, ...] = (24, 48, 96)
    dilations: tuple[tuple[int, ...], ...] = ((1,), (1, 1), (1, 2))
    channels: int = 128
    mean: float = 0.5
    std: float = 0.25
    licence: str = "unknown"
    space: str = ""

    def __post_init__(self) -> None:
        sizes = [*self.widths, self.channels, *(d for stage in self.dilations for d in stage)]
        if not self.widths or len(self.widths) != len(self.dilations) or min(sizes) < 1 or not self.std > 0:
            raise SettingsError(
                f"compact encoder with widths {self.widths}, dilations {self.dilations}, {self.channels} channels and "
                f"std {self.std}: expected one list of dilations per width, and positive numbers"
            )

    @property
    def stride(self) -> int:
        """Side of one patch in pixels."""
        return 1 << len(self.widths)

    def to_json(self) -> str:
        """The configuration as JSON with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> CompactConfig:
        """A configuration from what `to_json` gave.

        Raises
        ------
        CheckpointError
            If the text is not such a configuration.
        """
        try:
            values = json.loads(text)
            values["widths"] = tuple(int(width) for width in values["widths"])
            values["dilations"] = tuple(tuple(int(d) for d in stage) for stage in values["dilations"])
            return cls(**values)
        except (ValueError, TypeError, KeyError) as error:
            names = ", ".join(field.name for field in fields(cls))
            raise CheckpointError(
                f"the configuration of a compact encoder reads {text!r} ({error}): expected JSON with {names}; "
                "write the file again with `dinoscope pretrain`"
            ) from error


class _Residual(nn.Module):
    """Two 3 x 3 convolutions added to their input."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm1: nn.Module = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm2: nn.Module = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the shape (N, width, h, w)."""
        inner = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(x + self.norm2(self.conv2(inner)))


class _Down(nn.Module):
    """A 4 x 4 convolution with stride 2, symmetric about the 2 x 2 pixels it stands for."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, h, w) to (N, outputs, h / 2, w / 2)."""
        return torch.relu(self.norm(self.conv(x)))


class CompactNet(nn.Module):
    """Residual convolutions from grey pixels to standardised patch features.

    Parameters
    ----------
    config
        Its architecture.
    """

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        inputs = 1
        for width, dilations in zip(config.widths, config.dilations, strict=True):
            layers.append(_Down(inputs, width))
            layers.extend(_Residual(width, dilation) for dilation in dilations)
            inputs = width
        self.body = nn.Sequential(*layers)
        self.project = nn.Conv2d(inputs, config.channels, 1, bias=False)
        self.standardise: nn.Module = nn.BatchNorm2d(config.channels, affine=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features (N, C, H / stride, W / stride) of grey pixels (N, 1, H, W) in [0, 1]."""
        x = (x - self.config.mean) / self.config.std
        features: torch.Tensor = self.standardise(self.project(self.body(x)))
        return features

    def fold(self) -> None:
        """Fold the batch normalisations into the convolutions; from here on the network cannot be trained."""
        self.eval()
        for module in list(self.body.modules()):
            if isinstance(module, _Residual):
                module.conv1, module.norm1 = _folded(module.conv1, module.norm1)
                module.conv2, module.norm2 = _folded(module.conv2, module.norm2)
            elif isinstance(module, _Down):
                module.conv, module.norm = _folded(module.conv, module.norm)
        self.project, self.standardise = _folded(self.project, self.standardise)

    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(parameter.numel() for parameter in self.parameters())


def _folded(conv: nn.Conv2d, norm: nn.Module) -> tuple[nn.Conv2d, nn.Module]:
    return (fuse_conv_bn_eval(conv, norm), nn.Identity()) if isinstance(norm, nn.BatchNorm2d) else (conv, norm)


def context_pixels(config: CompactConfig) -> int:
    """Pixels around a patch that its feature depends on, on the wider of its two sides.

    The window of one patch is followed backwards through the layers: a convolution with kernel k, stride s, padding p
    and dilation d computes output ``i`` from the inputs ``i s - p`` to ``i s - p + d (k - 1)``.
    """
    first, last = 0, 0
    for dilations in reversed(config.dilations):
        reach = 2 * sum(dilations)  # two 3 x 3 convolutions per block
        first, last = first - reach, last + reach
        first, last = 2 * first - 1, 2 * last + 2  # the 4 x 4 convolution
    return max(-first, last - (config.stride - 1))


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
        self._spec = _spec(net.config, name, fingerprint)

    @property
    def spec(self) -> EncoderSpec:
        """The facts that decide the features."""
        return self._spec

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
        features = self._net(batch.unsqueeze(1).to(self._device))  # N 1 H W -> N C h w
        encoded: NDArray[np.float32] = features.permute(0, 2, 3, 1).contiguous().cpu().numpy()
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
