"""The architecture of the compact encoder: residual convolutions whose features do not depend on where a tile lies.

Nothing in the network looks at the whole picture: no pooling over space, no normalisation over space, no position
embedding. Batch normalisation is a constant per channel at inference and is folded into the convolutions. Features
are therefore equivariant to shifts by the stride, and the context of a patch is a finite box (`context_pixels`): a
tile with that halo gives the features of an untiled pass. Every step down is a 4 x 4 convolution with stride 2, whose
window is symmetric about the patch (a 3 x 3 one would look half a pixel to the left at every step).
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from dinoscope.errors import CheckpointError, SettingsError


@dataclass(frozen=True, slots=True)
class CompactConfig:
    """Everything about a compact network but its numbers.

    Attributes
    ----------
    widths
        Channels of each stage; every stage halves the resolution, so the stride is ``2 ** len(widths)``.
    dilations
        For each stage, the dilation of each of its residual blocks.
    bottlenecks
        For each stage, the channels inside of its residual blocks: 0 makes two 3 x 3 convolutions at full width; any
        other number makes one 3 x 3 convolution of that width between two 1 x 1 ones. Empty is 0 throughout.
    channels
        Length C of a feature vector.
    mean, std
        Of grey intensities in [0, 1], applied before the first convolution.
    licence
        SPDX identifier of the weights, or "unknown".
    space
        Feature space of the teacher for a distilled encoder, as in `EncoderSpec`.
    direct
        Channels of a convolution straight from the pixels, and channels that mix them with the last stage's: the two
        numbers of `Direct`. Empty where there is none.
    length
        Length that every feature vector is brought to; 0 leaves them as they are.

    Raises
    ------
    SettingsError
        If a number is not positive, or there is not one list of dilations (and one bottleneck) per width, or `direct`
        has not two numbers.
    """

    widths: tuple[int, ...] = (24, 48, 96)
    dilations: tuple[tuple[int, ...], ...] = ((1,), (1, 1), (1, 2))
    channels: int = 128
    mean: float = 0.5
    std: float = 0.25
    licence: str = "unknown"
    space: str = ""
    bottlenecks: tuple[int, ...] = ()
    direct: tuple[int, ...] = ()
    length: float = 0.0

    def __post_init__(self) -> None:
        sizes = [*self.widths, self.channels, *self.direct, *(d for stage in self.dilations for d in stage)]
        lengths = {len(self.widths), len(self.dilations), len(self.bottlenecks) or len(self.widths)}
        if not self.widths or len(lengths) > 1 or min(sizes) < 1 or min(self.inner) < 0 or not self.std > 0:
            raise SettingsError(
                f"compact encoder with widths {self.widths}, dilations {self.dilations}, bottlenecks "
                f"{self.bottlenecks}, {self.channels} channels and std {self.std}: expected one list of dilations and "
                "one bottleneck (or none at all) per width, and positive numbers"
            )
        if len(self.direct) not in {0, 2} or not 0 <= self.length < math.inf:
            raise SettingsError(
                f"compact encoder with direct {self.direct} and length {self.length}: expected two numbers of channels "
                "or none, and a finite length that is not negative"
            )

    @property
    def inner(self) -> tuple[int, ...]:
        """Channels inside of the blocks of every stage, 0 where they are as wide as the stage."""
        return self.bottlenecks or (0,) * len(self.widths)

    @property
    def stride(self) -> int:
        """Side of one patch in pixels."""
        return 1 << len(self.widths)

    def to_json(self) -> str:
        """The configuration as JSON with sorted keys; what was added later is left out where it says nothing."""
        values = asdict(self)
        later = ("bottlenecks", "direct", "length")
        return json.dumps({k: v for k, v in values.items() if v or k not in later}, sort_keys=True)

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
            for name in ("bottlenecks", "direct"):
                values[name] = tuple(int(width) for width in values.get(name, ()))
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
        inner = self.norm1(self.conv1(x)).relu_()  # in place, here and below: what is new is nobody else's
        sums: torch.Tensor = self.norm2(self.conv2(inner)).add_(x)
        return sums.relu_()


class _Bottleneck(nn.Module):
    """A 3 x 3 convolution of few channels between two 1 x 1 ones, added to their input."""

    def __init__(self, width: int, inner: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, inner, 1, bias=False)
        self.norm1: nn.Module = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm2: nn.Module = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, width, 1, bias=False)
        self.norm3: nn.Module = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the shape (N, width, h, w)."""
        narrow = self.norm1(self.conv1(x)).relu_()
        narrow = self.norm2(self.conv2(narrow)).relu_()
        sums: torch.Tensor = self.norm3(self.conv3(narrow)).add_(x)
        return sums.relu_()


class _Down(nn.Module):
    """A 4 x 4 convolution with stride 2, symmetric about the 2 x 2 pixels it stands for."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, h, w) to (N, outputs, h / 2, w / 2)."""
        normed: torch.Tensor = self.norm(self.conv(x))
        return normed.relu_()


class Direct(nn.Module):
    """A view straight on the pixels of a patch, beside the features of the last stage.

    The steps down blur where inside of a patch a thing lies. The first layer of a vision transformer knows the place of
    every pixel, and so does this one; its window is two strides wide, which holds the patches of common teachers.

    Parameters
    ----------
    inputs
        Channels of the last stage.
    channels
        Linear functions of the window, and rectified functions of those and of the last stage's channels.
    stride
        Pixels per patch.
    """

    def __init__(self, inputs: int, channels: tuple[int, ...], stride: int) -> None:
        super().__init__()
        looks, mixed = channels
        self.look = nn.Conv2d(1, looks, 2 * stride, stride=stride, padding=stride // 2)
        self.mix = nn.Conv2d(inputs + looks, mixed, 1)
        self.outputs = inputs + looks + mixed

    def join(self, deep: torch.Tensor, looks: torch.Tensor) -> torch.Tensor:
        """(N, inputs, h, w) and (N, looks, h, w) to (N, inputs + looks + mixed, h, w)."""
        both = torch.cat([deep, looks], dim=1)
        return torch.cat([both, self.mix(both).relu_()], dim=1)


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
        for width, inner, dilations in zip(config.widths, config.inner, config.dilations, strict=True):
            layers.append(_Down(inputs, width))
            layers.extend(_Bottleneck(width, inner, d) if inner else _Residual(width, d) for d in dilations)
            inputs = width
        self.body = nn.Sequential(*layers)
        self.direct = Direct(inputs, config.direct, config.stride) if config.direct else None
        inputs = self.direct.outputs if self.direct else inputs
        self.project = nn.Conv2d(inputs, config.channels, 1, bias=False)
        self.standardise: nn.Module = nn.BatchNorm2d(config.channels, affine=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features (N, C, H / stride, W / stride) of grey pixels (N, 1, H, W) in [0, 1]."""
        x = (x - self.config.mean) / self.config.std
        deep = self.body(x)
        return self.answer(self.direct.join(deep, self.direct.look(x)) if self.direct else deep)

    def answer(self, inner: torch.Tensor) -> torch.Tensor:
        """From what the last stage (and the direct path) gives, (N, inputs, h, w), to features (N, C, h, w)."""
        features: torch.Tensor = self.standardise(self.project(inner))
        length = self.config.length
        return length * nn.functional.normalize(features, dim=1) if length else features

    def fold(self) -> None:
        """Fold the batch normalisations into the convolutions; from here on the network cannot be trained."""
        self.eval()
        for module in list(self.body.modules()):
            if isinstance(module, _Residual | _Bottleneck):
                module.conv1, module.norm1 = _folded(module.conv1, module.norm1)
                module.conv2, module.norm2 = _folded(module.conv2, module.norm2)
            if isinstance(module, _Bottleneck):
                module.conv3, module.norm3 = _folded(module.conv3, module.norm3)
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
    for inner, dilations in zip(reversed(config.inner), reversed(config.dilations), strict=True):
        reach = (1 if inner else 2) * sum(dilations)  # 3 x 3 convolutions per block
        first, last = first - reach, last + reach
        first, last = 2 * first - 1, 2 * last + 2  # the 4 x 4 convolution
    return max(-first, last - (config.stride - 1))
