"""What makes an object, in voxels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dinoscope.errors import SettingsError

if TYPE_CHECKING:
    from dinoscope.features import ImageFacts
    from dinoscope.settings import SegmentationSettings

_THICK = 2.0
"""Sections at least so many times as thick as a pixel is wide are linked by their overlap."""

_FLAT_TILE, _FLAT_REACH = (1, 2048, 2048), 256
_SOLID_TILE, _SOLID_REACH = (64, 224, 224), 32
"""Voxels split at once, and depths told apart: with the margins about 11 million voxels are in memory."""


@dataclass(frozen=True, slots=True)
class ObjectRules:
    """What makes an object. The defaults are those of a solid: what touches is one object.

    Attributes
    ----------
    flat
        Whether every section has objects of its own to begin with.
    linked
        Whether objects of neighbouring sections are linked then.
    min_overlap
        Share of the smaller one's voxels that two linked objects have in common at least.
    bridge
        Sections between two linked ones at most.
    split
        Objects that are joined by less than this share of the smaller one's width are split; 0 for never.
    spacing
        Length of a voxel (z, y, x) in the shortest of them.
    tile
        Voxels (z, y, x) split at once. No result depends on it.
    reach
        Depths are told apart up to here, in the shortest side of a voxel: more than twice as thick necks stay.
    min_voxels, max_voxels
        Smaller and larger objects are dropped.
    min_part
        Voxels of the smallest part that is split off.
    hole_voxels
        Larger holes stay.
    """

    flat: bool = False
    linked: bool = False
    min_overlap: float = 0.25
    bridge: int = 0
    split: float = 0.0
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    tile: tuple[int, int, int] = _SOLID_TILE
    reach: float = _SOLID_REACH
    min_voxels: float = 0.0
    max_voxels: float = math.inf
    min_part: float = 0.0
    hole_voxels: float = 0.0


def object_rules(image: ImageFacts, settings: SegmentationSettings) -> ObjectRules:
    """What makes an object of an image, by the settings.

    Raises
    ------
    SettingsError
        If sizes are limited that are unknown, or nothing would be left within the limits.
    """
    _check_limits(settings.min_diameter, settings.max_diameter)
    link = _link(image, settings)
    flat = link != "touch"
    size = image.voxel_size[1:] if link == "none" else image.voxel_size
    part = image.voxel_size[1:] if flat else size
    if len(size) == 3:
        _check_known(image, settings, solid_holes=not flat)
    return ObjectRules(
        flat=flat,
        linked=link == "overlap",
        min_overlap=settings.min_overlap,
        bridge=settings.bridge,
        split=settings.split,
        spacing=_spacing(image),
        tile=_FLAT_TILE if flat else _SOLID_TILE,
        reach=_FLAT_REACH if flat else _SOLID_REACH,
        min_voxels=voxels_of_diameter(settings.min_diameter, size),
        max_voxels=voxels_of_diameter(settings.max_diameter, size) if settings.max_diameter else math.inf,
        min_part=voxels_of_diameter(settings.min_diameter, part),
        hole_voxels=voxels_of_diameter(settings.max_hole, part),
    )


def voxels_of_diameter(diameter: float, voxel_size: tuple[float, ...]) -> float:
    """Number of voxels of a disc (2 axes) or ball (3 axes) of this diameter, in the unit of the voxel size."""
    radius, voxel = diameter / 2.0, math.prod(voxel_size)
    volume = math.pi * radius**2 if len(voxel_size) == 2 else 4.0 / 3.0 * math.pi * radius**3
    return volume / voxel


def _link(image: ImageFacts, settings: SegmentationSettings) -> str:
    """How sections are linked: ``overlap``, ``touch`` or ``none``, which is all there is to do in a 2-D image."""
    if not image.stacked:
        return "none"
    if settings.link != "auto":
        return settings.link
    # Of volumes the voxels are known; sections without a distance were cut, and cut sections are thick.
    cut = len(set(image.units)) > 1
    thick = image.voxel_size[0] >= _THICK * min(image.voxel_size[1:])
    return "overlap" if cut or thick else "touch"


def _spacing(image: ImageFacts) -> tuple[float, float, float]:
    """Lengths of a voxel in the shortest of them; a section of unknown thickness is as thick as a pixel is high."""
    z, y, x = image.voxel_size
    if not image.stacked or len(set(image.units)) > 1:
        z = y
    finest = min(z, y, x)
    return z / finest, y / finest, x / finest


def _check_limits(smallest: float, largest: float) -> None:
    if largest and largest < smallest:
        raise SettingsError(
            f"no object has a diameter from {smallest:g} up to {largest:g}: choose a larger max_diameter, or 0 for no "
            "limit"
        )


def _check_known(image: ImageFacts, settings: SegmentationSettings, solid_holes: bool) -> None:
    limits = {"min_diameter": settings.min_diameter, "max_diameter": settings.max_diameter}
    if solid_holes:
        limits["max_hole"] = settings.max_hole
    given = [name for name, limit in limits.items() if limit]
    if given and len(set(image.units)) > 1:
        raise SettingsError(
            f"image {image.name!r} tells the size of a pixel but not the distance of its sections, so the size of an "
            f"object is unknown: tell it with section_distance, or leave {' and '.join(given)} at 0"
        )
