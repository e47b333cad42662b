"""Boxes, outlines and strokes as the shapes of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dinoscope.prompts import StrokePrompt, prompt_of_shape, shape_of_prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Shapes

    from dinoscope.prompts import Outline

    Own = Callable[[tuple[float, ...]], tuple[float, ...]]

_CLOSE = 1e-3
"""Voxels: napari rounds corners."""

_EDGE = 1.0
"""Voxels across the edge of what is no stroke."""


def outlines_of(layer: Shapes) -> list[Outline]:
    """What the shapes of a layer are examples of, but for those that enclose nothing."""
    columns = layer.features["class"], layer.features["positive"]
    rows = zip(layer.data, layer.shape_type, layer.edge_width, *columns, strict=True)
    found = (prompt_of_shape(at, kind, float(width), str(name), bool(sign)) for at, kind, width, name, sign in rows)
    return [prompt for prompt in found if prompt is not None]


def draw_outlines(layer: Shapes, prompts: Sequence[Outline], own: Own) -> None:
    """Make the shapes of a layer those of some examples; nothing happens where they are.

    Parameters
    ----------
    layer
        Where to draw.
    prompts
        What to draw.
    own
        Of coordinates (z, y, x), those of the axes of the layer.
    """
    drawn = outlines_of(layer)
    if len(drawn) == layer.nshapes == len(prompts) and all(map(_look_alike, drawn, prompts)):
        return
    layer.selected_data = set()
    layer.data = []
    for prompt in prompts:
        kind, corners = shape_of_prompt(prompt)
        layer.add(np.array([own(corner) for corner in corners]), shape_type=kind, edge_width=_width(prompt))


def _look_alike(one: Outline, other: Outline) -> bool:
    """Whether two examples are drawn alike, whatever their class and sign."""
    (kind, corners), (other_kind, other_corners) = shape_of_prompt(one), shape_of_prompt(other)
    if kind != other_kind or len(corners) != len(other_corners):
        return False
    return bool(np.allclose(corners, other_corners, atol=_CLOSE) and abs(_width(one) - _width(other)) < _CLOSE)


def _width(prompt: Outline) -> float:
    return prompt.width if isinstance(prompt, StrokePrompt) else _EDGE
