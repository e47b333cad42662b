"""Loading tensors into a network so that nothing is missing, left over or of another shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from dinoscope.encoders._layouts import State

_SHOWN = 3


def load_strictly(module: nn.Module, state: State, what: str) -> None:
    """Put tensors in the place of all parameters of a network, in float32.

    Parameters
    ----------
    module
        Made on the device ``meta``, so that it holds nothing yet.
    state
        Its tensors by name.
    what
        What they are, for messages.

    Raises
    ------
    CheckpointError
        If tensors are missing, unknown, not floating point, or of another shape.
    """
    expected = module.state_dict()
    missing = [name for name in expected if name not in state]
    unknown = [name for name in state if name not in expected]
    if missing or unknown:
        raise CheckpointError(
            f"{len(missing)} tensors are missing ({_some(missing)}) and {len(unknown)} are unknown ({_some(unknown)}): "
            f"expected exactly those of {what}"
        )
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape or not tensor.is_floating_point():
            raise CheckpointError(
                f"tensor {name} has shape {tuple(tensor.shape)} and type {tensor.dtype}: expected "
                f"{tuple(expected[name].shape)} in {what}, floating point"
            )
    module.load_state_dict({name: tensor.detach().float() for name, tensor in state.items()}, assign=True)
    module.requires_grad_(False).eval()


def _some(names: Iterable[str]) -> str:
    """The first names of many, for a message."""
    listed = list(names)
    return (", ".join(listed[:_SHOWN]) + (", …" if len(listed) > _SHOWN else "")) or "none"
