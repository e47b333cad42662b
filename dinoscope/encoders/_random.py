"""DINOv2 with random weights: a baseline that has learned nothing, and a stand-in where none may be downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.encoders._catalogue import CATALOGUE
from dinoscope.errors import EncoderNotFoundError

if TYPE_CHECKING:
    import torch

    from dinoscope.encoders._spec import Encoder
    from dinoscope.encoders._vit import Architecture

_INIT_STD = 0.02
_TOKEN_STD = 1e-6


def random_dinov2(size: str = "small", registers: bool = True, seed: int = 0, device: str = "cpu") -> Encoder:
    """A DINOv2 with its weights as they were before training; for baselines and tests.

    Linear layers and position embeddings are drawn from a normal distribution with a standard deviation of 0.02, cut
    off at 2, as Meta's code initialises them. The scales of the residual branches are 1, as in the released
    configurations; the 1e-5 of its training configurations would make every block an identity.

    Parameters
    ----------
    size
        ``"small"``, ``"base"``, ``"large"`` or ``"giant"``.
    registers
        Whether it has 4 register tokens.
    seed
        Chooses the weights.
    device
        As for `create_encoder`.

    Raises
    ------
    EncoderNotFoundError
        If there is no such size.
    SettingsError
        If the device is not available.
    """
    name = f"dinov2-{size}{'-reg' if registers else ''}"
    if name not in CATALOGUE:
        raise EncoderNotFoundError(f"unknown size {size!r} of a DINOv2: expected small, base, large or giant")
    from dinoscope.encoders._checkpoints import IMAGENET_MEAN, IMAGENET_STD, Checkpoint
    from dinoscope.encoders._devices import pick_device
    from dinoscope.encoders._dinov2 import Dinov2Encoder
    from dinoscope.encoders._layouts import to_meta_state

    weights = to_meta_state(random_state(_architecture(name), seed))
    checkpoint = Checkpoint(weights, IMAGENET_MEAN, IMAGENET_STD)
    return Dinov2Encoder(checkpoint, pick_device(device), name=f"random-{name}", licence="CC0-1.0")


def random_state(architecture: Architecture, seed: int = 0) -> dict[str, torch.Tensor]:
    """Tensors with Meta's names and untrained values."""
    import torch

    from dinoscope.encoders._vit import Dinov2

    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        empty = Dinov2(architecture).state_dict()
    return {name: _initial(name, tensor.shape, generator) for name, tensor in empty.items()}


def _initial(name: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    import torch

    tensor = torch.empty(shape)
    if name in {"cls_token", "register_tokens"}:
        return tensor.normal_(std=_TOKEN_STD, generator=generator)
    if name.startswith("patch_embed."):
        bound = (3 * 14 * 14) ** -0.5  # what torch gives a convolution, which Meta's code leaves as it is
        return tensor.uniform_(-bound, bound, generator=generator)
    if name.endswith(".gamma") or ("norm" in name and name.endswith("weight")):
        return tensor.fill_(1)
    if name.endswith("bias"):
        return tensor.zero_()
    return torch.nn.init.trunc_normal_(tensor, std=_INIT_STD, generator=generator)


def _architecture(name: str) -> Architecture:
    from dinoscope.encoders._vit import Architecture

    entry = CATALOGUE[name]
    is_swiglu = entry.ffn == "swiglu"
    return Architecture(
        width=entry.channels,
        depth=entry.layers,
        heads=entry.heads,
        hidden=entry.channels * 8 // 3 if is_swiglu else entry.channels * 4,  # 4096 in the giant
        swiglu=is_swiglu,
        registers=entry.registers,
        patch=14,
        grid=37,
    )
