"""A volume as a stack of sections across another of its axes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import SettingsError
from dinoscope.image._lazy import Bounds, LazyArray
from dinoscope.image._recent import Recent
from dinoscope.image._select import with_choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dinoscope.image._image import ArrayLike, Image
    from dinoscope.tiling import CrossSections

_SLAB_BYTES = 2**25
"""What is read at once."""

_KEPT_BYTES = 2**28
"""What is kept of it: the boxes of all tiles of a section several thousand voxels wide."""

_MOST_SECTIONS = 32
"""Sections that are read along at most."""


def cut_across(image: Image, sections: CrossSections) -> Image:
    """Some sections of a volume across y or x, lazily, as a stack with the axes z (across), y (along z) and x.

    Nothing is resampled: what the voxels measure is told by the axes. Coarser levels, which features never read, are
    left out. The URI of the result says how it was cut, since other cuts give other features.

    Parameters
    ----------
    image
        With axes ``(z, y, x, s?)``.
    sections
        Where it is cut.

    Raises
    ------
    SettingsError
        If the image is a single section.
    """
    if "z" not in image.axis_names or image.axis("z").size == 1:
        raise SettingsError(
            f"image {image.name!r} is a single section and cannot be cut across {sections.axis}: expected a volume; "
            "set slicing to z"
        )
    across, rows, columns = (image.axes[number] for number in sections.order)
    places = sections.places.tolist()
    axes = (
        replace(across, name="z", size=len(places), scale=across.scale * sections.grid.patch_voxels),
        replace(rows, name="y"),
        replace(columns, name="x"),
        *image.axes[3:],
    )
    data = Across(image.data, sections.order[0], tuple(places))
    choice = f"across={sections.axis}&every={sections.grid.patch_voxels}&stretch={sections.stretch}"
    name, uri = f"{image.name} across {sections.axis}", with_choice(image.uri, choice)
    return replace(image, name=name, uri=uri, axes=axes, data=data, coarser=())


class Across(LazyArray):
    """Planes of a volume across an axis, as a stack.

    Most files are read by whole planes or chunks, of which a section across them is a small part. So the same box of
    the next sections is read along and kept for a while: extraction asks for it soon.

    Parameters
    ----------
    volume
        With axes (z, y, x) or (z, y, x, s).
    axis
        Number of the axis that is cut across, 1 or 2.
    places
        Voxel of each section along it, in ascending order.
    """

    def __init__(self, volume: ArrayLike, axis: int, places: tuple[int, ...]) -> None:
        shape = tuple(volume.shape)
        super().__init__((len(places), *shape[:axis], *shape[axis + 1 :]), volume.dtype)
        self._volume, self._axis, self._places = volume, axis, places
        self._recent: Recent[NDArray[Any]] = Recent(_KEPT_BYTES, weigh=_bytes_of)

    def _read(self, bounds: Bounds) -> NDArray[Any]:
        box = bounds[1:]
        size = math.prod(part.stop - part.start for part in box) * self.dtype.itemsize
        at_once = min(max(_SLAB_BYTES // size, 1), _MOST_SECTIONS)
        planes = []
        for number in range(bounds[0].start, bounds[0].stop):
            first = number // at_once * at_once
            planes.append(self._slab(first, min(first + at_once, len(self._places)), box)[number - first])
        return np.stack(planes)

    def _slab(self, first: int, stop: int, box: Bounds) -> NDArray[Any]:
        """A box of some sections."""
        key = (first, stop, *((part.start, part.stop) for part in box))
        slab = self._recent.get(key)
        if slab is None:
            slab = np.concatenate([self._part(first, stop, rows, box[1:]) for rows in self._rows(first, stop, box)], 1)
            self._recent.put(key, slab)
        return slab

    def _rows(self, first: int, stop: int, box: Bounds) -> Iterator[slice]:
        """Parts of the extent along z, so short that reading all that lies between the sections takes little memory."""
        between = self._places[stop - 1] + 1 - self._places[first]
        size = math.prod(part.stop - part.start for part in box[1:]) * between * self.dtype.itemsize
        step = max(_SLAB_BYTES // size, 1)
        for start in range(box[0].start, box[0].stop, step):
            yield slice(start, min(start + step, box[0].stop))

    def _part(self, first: int, stop: int, rows: slice, rest: Bounds) -> NDArray[Any]:
        places = np.array(self._places[first:stop])
        between = slice(int(places[0]), int(places[-1]) + 1)
        index = (rows, between, *rest) if self._axis == 1 else (rows, rest[0], between, *rest[1:])
        planes = np.asarray(self._volume[index]).take(places - places[0], axis=self._axis)
        return np.moveaxis(planes, self._axis, 0)


def _bytes_of(array: NDArray[Any]) -> int:
    return array.nbytes
