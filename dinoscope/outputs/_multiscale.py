"""OME-Zarr 0.5: the pyramid of a result and the metadata that places it in space.

Coordinates are those of voxel centres, as in the specification: voxel ``i`` of the finest level lies at
``i * scale + translation``. A coarser level keeps every second voxel in y and x, beginning with the first, so all
levels have the same translation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.geometry import Region
from dinoscope.outputs._sink import SpoolLayout, create_level, read_level
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    import zarr

    from dinoscope.geometry import Axis

_COARSEST = 512
_OME_AXIS_TYPES = {"time": "time", "channel": "channel", "space": "space"}


def level_shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes of all levels, the finest first, until y and x are both below 512."""
    shapes = [shape]
    while max(shapes[-1][-2:]) >= _COARSEST:
        *leading, height, width = shapes[-1]
        shapes.append((*leading, (height + 1) // 2, (width + 1) // 2))
    return shapes


def build_pyramid(group: zarr.Group, layout: SpoolLayout) -> None:
    """Make the coarser levels from level 0, one block in memory at a time."""
    fine = read_level(group, "0")
    for level, shape in enumerate(level_shapes(layout.shape)[1:], start=1):
        coarse_layout = replace(layout, shape=shape)
        coarse = create_level(group, str(level), coarse_layout)
        for block in blocks(Region.of_shape(shape), coarse_layout.chunks):
            *leading, rows, columns = block.slices
            doubled = (slice(2 * part.start, 2 * part.stop) for part in (rows, columns))
            coarse[block.slices] = np.asarray(fine[(*leading, *doubled)])[..., ::2, ::2]
        fine = coarse


def multiscales(name: str, axes: tuple[Axis, ...], translation: tuple[float, ...]) -> list[dict[str, Any]]:
    """The ``multiscales`` entry of the metadata, for all levels of a result with these axes."""
    shapes = level_shapes(tuple(axis.size for axis in axes))
    datasets = [
        {"path": str(level), "coordinateTransformations": _transformations(axes, translation, level)}
        for level in range(len(shapes))
    ]
    return [{"name": name, "axes": [_ome_axis(axis) for axis in axes], "datasets": datasets}]


def _ome_axis(axis: Axis) -> dict[str, str]:
    entry = {"name": axis.name, "type": _OME_AXIS_TYPES[axis.kind]}
    return {**entry, "unit": "nanometer"} if axis.unit == "nm" else entry


def _transformations(axes: tuple[Axis, ...], translation: tuple[float, ...], level: int) -> list[dict[str, Any]]:
    scale = [axis.scale * (2**level if axis.name in "yx" else 1) for axis in axes]
    transformations: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if any(translation):
        transformations.append({"type": "translation", "translation": list(translation)})
    return transformations
