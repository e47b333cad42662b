"""Colours and symbols, the same in all layers."""

from __future__ import annotations

import numpy as np
from napari.utils.colormaps import Colormap, ensure_colormap

from dinoscope.outputs import class_colour

_SHADES = 64

Rgba = tuple[float, float, float, float]

FAINT = 0.35
"""Opacity of an example that is switched off."""

COUNTER_LABEL = 128
"""Painted labels above this one are counter-examples of the class ``label - 128``."""


def class_rgba(index: int) -> Rgba:
    """Colour of the class with this index."""
    red, green, blue = class_colour(index)
    return red / 255, green / 255, blue / 255, 1.0


def similarity_colours() -> Colormap:
    """Viridis that is the more transparent the less alike: what is unlike leaves the image as it is."""
    colours = ensure_colormap("viridis").map(np.linspace(0, 1, _SHADES))
    colours[:, 3] = np.linspace(0, 1, _SHADES)
    return Colormap(colours, name="similarity")


def sign_colour(positive: bool) -> Rgba:
    """Colour of the rim of an example or a counter-example."""
    return (1.0, 1.0, 1.0, 1.0) if positive else (0.9, 0.1, 0.1, 1.0)


def sign_symbol(positive: bool) -> str:
    """Symbol of an example or a counter-example: told apart without colours, too."""
    return "disc" if positive else "x"
