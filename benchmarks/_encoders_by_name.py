"""Encoders that other processes can make, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.encoders import create_encoder, random_dinov2

if TYPE_CHECKING:
    from dinoscope.encoders import Encoder

RANDOM = "random-dinov2-small"


def make_encoder(name: str, device: str, passes: int) -> Encoder:
    """The encoder of that name, or the one with random weights."""
    return random_dinov2("small", device=device) if name == RANDOM else create_encoder(name, device, passes)
