"""The outlines of objects, drawn anew one by one by a segmenter that is shown each of them.

Every part of an object that hangs together in a section is shown in a crop of its own, with its box and with the pixel
deepest inside of it. What the segmenter draws takes the place of the part if the two agree; what belongs to which
object stays.

Design notes
------------
- One crop per part means that a result depends on nothing but the part and the image: neither on blocks nor on which
  neighbours happen to share a crop. It costs a pass of the segmenter per part, which is what takes the time.
- A crop is a window of the image at full resolution, moved inwards at its border, twice as wide as the part is long:
  an object fills half of it whatever its size, and its surroundings are seen. Only the smallest are seen in more.
- Memory holds some 60 bytes for each part, and a few crops of at most 2048 x 2048 voxels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.measure import label

from dinoscope.features import read_pixels
from dinoscope.geometry import Region
from dinoscope.jobs import Progress
from dinoscope.segmentation._claims import Claims
from dinoscope.segmentation._parts import find_parts
from dinoscope.segmentation._segmenter import Crop
from dinoscope.tiling import PatchGrid, blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.jobs import ProgressCallback
    from dinoscope.segmentation._parts import Parts
    from dinoscope.segmentation._picture import Picture
    from dinoscope.segmentation._segmenter import Segmenter
    from dinoscope.similarity import WritableArray

_AROUND = 2
"""Sides of a crop in the longest side of the part's box."""

_NARROWEST = 128
"""Voxels: no crop is narrower, so that SAM 2, which looks at 1024 pixels, enlarges nothing more than 8 times."""

_LONGEST = 1024
"""Voxels: a longer part keeps its outline. SAM 2 draws with 256 pixels per side of a crop: of 8 voxels by then."""

_SMALLEST = 16
"""Voxels: a smaller part keeps its outline, as it hardly has one."""

_AGREEMENT = 0.5
"""Intersection over union with the part from which on a drawn outline takes its place."""


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A part in its crop.

    Attributes
    ----------
    object
        Id of its object.
    window
        The voxels (z, y, x) of the crop.
    mask
        Those of the part, shape (h, w).
    """

    object: int
    window: Region
    mask: NDArray[np.bool_]

    @property
    def is_drawn(self) -> bool:
        """Whether it is large enough to be drawn."""
        return int(np.count_nonzero(self.mask)) >= _SMALLEST

    def crop(self, picture: Picture, shape: tuple[int, int, int]) -> Crop:
        """What the segmenter is shown."""
        pixels = read_pixels(picture.image, picture.intensity, PatchGrid(shape, 1), self.window)
        rows, columns = ndimage.find_objects(self.mask.astype(np.int8))[0]
        return Crop(pixels, Region((rows.start, columns.start), (rows.stop, columns.stop)), deepest(self.mask))


def outline_objects(
    object_of: NDArray[np.uint32],
    scratch: WritableArray,
    picture: Picture,
    segmenter: Segmenter,
    progress: ProgressCallback,
    block: tuple[int, int] = (2048, 2048),
) -> NDArray[np.uint32]:
    """Draw the outlines of all objects anew, and give the object id of each number that `scratch` holds then.

    Parameters
    ----------
    object_of
        Object id of each number so far.
    scratch
        Numbers of voxels (z, y, x), uint32, which change.
    picture
        The image.
    segmenter
        Draws.
    progress
        Called with the stages ``"parts"``, after every block, and ``"sam2"``, after every few parts of objects.
    block
        Voxels (y, x) that are searched for parts at once. No result depends on it.

    Raises
    ------
    ImageReadError
        If the file behind the image turns out to be damaged.

    Notes
    -----
    Parts keep their outline that are smaller than 16 voxels or longer than 1024, and those whose drawn outline has an
    intersection over union with theirs below 0.5. Where outlines overlap, see `Claims`; no object vanishes, as it
    keeps what it had and still claims.
    """
    drawing = _Drawing(Claims(object_of), scratch, picture, segmenter)
    parts = find_parts(drawing.ids, drawing.shape, block, progress)
    few = max(1, segmenter.at_once)
    for first in range(0, len(parts), few):
        drawing.draw(parts[np.arange(first, min(first + few, len(parts)))])
        progress(Progress("sam2", min(first + few, len(parts)), len(parts)))
    return drawing.claims.object_of


@dataclass(frozen=True, slots=True, eq=False)
class _Drawing:
    """What outlines are drawn with, and where."""

    claims: Claims
    scratch: WritableArray
    picture: Picture
    segmenter: Segmenter

    def ids(self, region: Region) -> NDArray[np.uint32]:
        """The objects (z, y, x) as they were found."""
        return self.claims.before(np.asarray(self.scratch[region.slices]))

    def draw(self, parts: Parts) -> None:
        """Draw the outlines of some parts, and let their objects claim what lies inside."""
        long = (parts.stops - parts.starts).max(axis=1) > _LONGEST
        for row in np.flatnonzero(long).tolist():
            self._keep(parts, row)
        shown = [self._show(parts, row) for row in np.flatnonzero(~long).tolist()]
        for part in shown:
            if not part.is_drawn:
                self._claim(part, part.mask, 1.0)
        asked = [part for part in shown if part.is_drawn]
        crops = [part.crop(self.picture, self.shape) for part in asked]
        for part, drawn in zip(asked, self.segmenter.outline(crops) if crops else [], strict=True):
            self._claim(part, *agreed(drawn, part.mask))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the image, (z, y, x)."""
        sections, height, width = (int(size) for size in self.scratch.shape)
        return sections, height, width

    def _show(self, parts: Parts, row: int) -> _Shown:
        shape = self.shape
        place = np.unravel_index(int(parts.places[row]), shape)
        section, *first = (int(index) for index in place)
        box = Region(tuple(parts.starts[row].tolist()), tuple(parts.stops[row].tolist()))
        plane = window_around(box, shape[1:])
        window = Region((section, *plane.start), (section + 1, *plane.stop))
        pieces = label(self.ids(window)[0] == parts.objects[row], connectivity=1)
        at = tuple(index - start for index, start in zip(first, plane.start, strict=True))
        return _Shown(int(parts.objects[row]), window, pieces == pieces[at])

    def _claim(self, part: _Shown, mask: NDArray[np.bool_], agreement: float) -> None:
        numbers = np.asarray(self.scratch[part.window.slices]).copy()
        self.claims.claim(numbers, mask[np.newaxis], part.object, agreement)
        self.scratch[part.window.slices] = numbers

    def _keep(self, parts: Parts, row: int) -> None:
        """Let a part keep what it had, block by block, and with it what else of its object lies in its box."""
        section = int(parts.places[row]) // (self.shape[1] * self.shape[2])
        box = Region((section, *parts.starts[row].tolist()), (section + 1, *parts.stops[row].tolist()))
        for here in blocks(box, (1, _LONGEST, _LONGEST)):
            mask = self.ids(here)[0] == parts.objects[row]
            self._claim(_Shown(int(parts.objects[row]), here, mask), mask, 1.0)


def window_around(box: Region, extent: tuple[int, ...]) -> Region:
    """The window of a section around a box (y, x), of one size on both axes where the section of that shape has it."""
    side = max(_NARROWEST, _AROUND * max(box.shape))
    start, stop = [], []
    for low, high, size in zip(box.start, box.stop, extent, strict=True):
        first = max(0, min((low + high - side) // 2, size - side))
        start.append(first)
        stop.append(min(first + side, size))
    return Region(tuple(start), tuple(stop))


def deepest(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """The pixel (y, x) of a mask that is farthest from all that is outside; the border of the mask is outside."""
    depths = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(depths.argmax()), mask.shape)
    return int(y), int(x)


def agreed(drawn: NDArray[np.bool_], part: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], float]:
    """What was drawn, but for what does not hang together with the part; or the part where the two do not agree.

    Returns
    -------
    The mask, and the intersection over union of what was drawn and the part: 1.0 where the part stays.
    """
    pieces = label(drawn, connectivity=1)
    touched = np.unique(pieces[part & drawn])
    mask: NDArray[np.bool_] = np.isin(pieces, touched) & drawn
    agreement = np.count_nonzero(mask & part) / np.count_nonzero(mask | part)
    return (mask, agreement) if agreement >= _AGREEMENT else (part, 1.0)
