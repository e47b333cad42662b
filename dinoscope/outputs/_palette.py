"""The colours of classes, the same in every output."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASS_COLOURS: tuple[tuple[int, int, int], ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (213, 94, 0),
    (204, 121, 167),
    (240, 228, 66),
    (0, 114, 178),
)
"""Okabe and Ito's colours, which people with any colour vision can tell apart, in the order that reads best on grey."""


def class_colour(index: int) -> tuple[int, int, int]:
    """Red, green and blue of the class with this index, counted from 0; they repeat after seven."""
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]


RampName = Literal["viridis", "magma"]

_RAMPS: dict[RampName, str] = {
    "viridis": "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
    "magma": "000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf",
}
"""Ten evenly spaced colours of two of Matplotlib's maps, which are as bright as their values are large (CC0)."""


@cache
def colour_ramp(name: RampName) -> NDArray[np.uint8]:
    """256 colours from low to high values, shape (256, 3)."""
    knots = np.array([tuple(bytes.fromhex(colour)) for colour in _RAMPS[name].split()], dtype=np.float64)
    places = np.linspace(0, len(knots) - 1, 256)
    channels = [np.interp(places, np.arange(len(knots)), knots[:, channel]) for channel in range(3)]
    ramp: NDArray[np.uint8] = np.stack(channels, axis=-1).round().astype(np.uint8)
    ramp.setflags(write=False)
    return ramp
