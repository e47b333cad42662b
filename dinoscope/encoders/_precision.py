"""In which floating-point numbers a network computes.

Rounding is part of a feature, so the precision is one of the facts in an `EncoderSpec`, and stores of two precisions
are two stores. It does not change the feature space: a reference made in one precision is good for all of the same
weights.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from dinoscope.errors import SettingsError

if TYPE_CHECKING:
    import torch

    from dinoscope.encoders._spec import Encoder

_HALF = ("bfloat16", "float16")

_FITTING = dict.fromkeys(("cpu", "cuda"), ("float32", *_HALF))
"""Where more than float32 was seen to work. A CPU may take long for it, but can go on with what a GPU has begun."""


def pick_precision(name: str, device: torch.device, usual: str = "float32") -> str:
    """The precision of that name on a device: float32, bfloat16 or float16.

    Parameters
    ----------
    name
        ``"auto"`` for the usual one, ``"fastest"`` for bfloat16 on a CPU that is made for it and the usual one
        elsewhere, or the precision itself.
    device
        Where it computes.
    usual
        What the network computes in there unless told otherwise.

    Raises
    ------
    SettingsError
        If the device does not compute in it.
    """
    if name == "fastest" and device.type == "cpu" and computes_bfloat16():
        return "bfloat16"
    if name in ("auto", "fastest"):
        return usual
    fitting = _FITTING.get(device.type, ("float32",))
    if name not in fitting:
        raise SettingsError(
            f"precision {name!r} on the device {device.type!r}: expected {', '.join(('auto', 'fastest', *fitting))}"
        )
    return name


def computes_bfloat16() -> bool:
    """Whether the CPU has instructions for products of bfloat16, which take longer than others without them."""
    able = processor()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def processor() -> dict[str, Any]:
    """The sets of instructions that the CPU has, by torch's names for them. Nothing is measured."""
    import torch

    ask = getattr(torch.cpu, "get_capabilities", dict)  # older releases do not tell
    able: dict[str, Any] = ask()
    return able


def computing_in(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Products in that precision; sums along a residual path and norms stay in float32."""
    import torch

    return torch.autocast(device.type, dtype=getattr(torch, precision)) if precision in _HALF else nullcontext()


def in_precision(encoder: Encoder, precision: str) -> Encoder:
    """The encoder itself if it computes in that precision, and otherwise one of the same weights that does.

    Parameters
    ----------
    encoder
        What has a method `in_precision` has a choice; all others have their own precision.
    precision
        As in `pick_precision`.

    Raises
    ------
    SettingsError
        If the encoder or its device cannot compute in it.
    """
    own = encoder.spec.precision
    choose = getattr(encoder, "in_precision", None)
    if choose is not None:
        chosen: Encoder = choose(precision)
        return chosen
    if precision not in ("auto", "fastest", own):
        raise SettingsError(
            f"precision {precision!r} with the encoder {encoder.spec.name!r}, which computes in {own} only: choose auto"
        )
    return encoder
