"""What can be drawn of an image and its results, tile by tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dinoscope.canvas._marks import Sheet, draw_detections, draw_prompts
from dinoscope.errors import Cancelled
from dinoscope.geometry import Region
from dinoscope.outputs import class_colour, colour_ramp
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dinoscope.canvas._contrast import Contrast
    from dinoscope.canvas._marks import Looks
    from dinoscope.canvas._planes import Place, Planes
    from dinoscope.outputs import Detections, RampName
    from dinoscope.prompts import Prompt
    from dinoscope.segmentation import FineMap, Suggestion
    from dinoscope.similarity import SimilarityMap
    from dinoscope.tiling import PatchGrid, Pyramid

MARKED = 3
"""Marks are drawn at up to ``2 ** 3`` pixels per voxel, voxels at one."""

_RING = 16.0
"""Pixels: radius of the ring around a place where an example is asked for."""

_AT_ONCE = 2**26
"""Voxels whose similarities are looked up at once."""


class Drawing(Protocol):
    """Something that can be drawn, frozen: what changes is another drawing."""

    @property
    def magnified(self) -> int:
        """There are levels of up to ``2 ** magnified`` pixels per voxel."""
        ...

    def draw(self, pyramid: Pyramid, place: Place, wanted: Callable[[], bool]) -> NDArray[np.uint8]:
        """Pixels of a tile: grey (h, w), colour (h, w, 3), or colour with opacity (h, w, 4)."""
        ...


@dataclass(frozen=True, slots=True)
class PictureDrawing:
    """The image itself; `contrast` measures it when the first tile is drawn, in the thread that draws."""

    planes: Planes
    contrast: Callable[[], Contrast]
    magnified: int = 0

    def draw(self, pyramid: Pyramid, place: Place, wanted: Callable[[], bool]) -> NDArray[np.uint8]:
        """Shades of grey (h, w), or colours (h, w, 3)."""
        return self.contrast().shades(self.planes.read(place, wanted))


@dataclass(frozen=True, slots=True)
class SimilarityDrawing:
    """The map of one class in viridis, the more transparent the less alike."""

    similarity: SimilarityMap
    index: int
    magnified: int = 0

    def draw(self, pyramid: Pyramid, place: Place, wanted: Callable[[], bool]) -> NDArray[np.uint8]:
        """Shape (h, w, 4)."""
        from dinoscope.segmentation import similarity_at

        def look(voxels: Region, step: int) -> NDArray[np.uint8]:
            return _ramped(similarity_at(self.similarity, voxels, step)[self.index, 0], "viridis")

        return _in_strips(pyramid, place, wanted, look)


@dataclass(frozen=True, slots=True)
class UncertaintyDrawing:
    """Where the mask hangs on the threshold, in magma."""

    similarity: SimilarityMap
    thresholds: NDArray[np.float32]
    magnified: int = 0

    def draw(self, pyramid: Pyramid, place: Place, wanted: Callable[[], bool]) -> NDArray[np.uint8]:
        """Shape (h, w, 4)."""
        from dinoscope.segmentation import similarity_at, uncertainty

        def look(voxels: Region, step: int) -> NDArray[np.uint8]:
            return _ramped(uncertainty(similarity_at(self.similarity, voxels, step), self.thresholds)[0], "magma")

        return _in_strips(pyramid, place, wanted, look)


@dataclass(frozen=True, slots=True)
class MaskDrawing:
    """What reaches the thresholds, in the colours of the classes."""

    similarity: SimilarityMap | FineMap
    thresholds: NDArray[np.float32]
    look: Looks
    magnified: int = 0

    def draw(self, pyramid: Pyramid, place: Place, wanted: Callable[[], bool]) -> NDArray[np.uint8]:
        """Shape (h, w, 4)."""
        from dinoscope.segmentation import label_region

        colours = [self.look(name) for name in self.similarity.classes]

        def look(voxels: Region, step: int) -> NDArray[np.uint8]:
            return _coloured(label_region(self.similarity, voxels, self.thresholds, step)[0], colours)

        return _in_strips(pyramid, place, wanted, look)


@dataclass(frozen=True, slots=True)
class ObjectsDrawing:
    """Every object in one of a few colours."""

    planes: Planes
    magnified: int = 0

    def draw(self, pyramid: Pyramid, place: Place, wanted: Callable[[], bool]) -> NDArray[np.uint8]:
        """Shape (h, w, 4)."""
        return _coloured(self.planes.read(place, wanted), [class_colour(index) for index in range(7)])


@dataclass(frozen=True, slots=True)
class ColoursDrawing:
    """Features as colours, a square per patch."""

    colours: NDArray[np.float32]
    grid: PatchGrid
    magnified: int = 0

    def draw(self, pyramid: Pyramid, place: Place, wanted: Callable[[], bool]) -> NDArray[np.uint8]:
        """Shape (h, w, 4), transparent where there are no features yet."""
        voxels, step = _in_section(pyramid, place), int(pyramid.step(place.level))
        rows, columns = (
            self.grid.patch_index(
                np.arange(voxels.start[axis], voxels.stop[axis], step, dtype=np.float64) + (step - 1) / 2
            ).clip(0, self.grid.shape[axis] - 1)
            for axis in (1, 2)
        )
        shown = self.colours[place.section][np.ix_(rows, columns)]
        opacity = np.isfinite(shown).all(axis=-1, keepdims=True)
        return _bytes(np.concatenate([np.nan_to_num(shown), opacity], axis=-1))


@dataclass(frozen=True, slots=True)
class ExamplesDrawing:
    """The examples, as marks; those that are switched off are faint, and below the others."""

    prompts: tuple[Prompt, ...]
    look: Looks
    muted: frozenset[Prompt] = frozenset()
    magnified: int = MARKED

    def draw(self, pyramid: Pyramid, place: Place, wanted: Callable[[], bool]) -> NDArray[np.uint8]:
        """Shape (h, w, 4)."""
        sheet, voxels, step = _sheet(pyramid, place)
        if self.muted:
            draw_prompts(sheet, (p for p in self.prompts if p in self.muted), voxels, step, self.look)
            sheet.fade()
        draw_prompts(sheet, (p for p in self.prompts if p not in self.muted), voxels, step, self.look)
        return sheet.pixels()


@dataclass(frozen=True, slots=True)
class SuggestionDrawing:
    """Where an example is asked for, as a ring that is as large whatever the zoom."""

    place: Suggestion
    look: Looks
    magnified: int = MARKED

    def draw(self, pyramid: Pyramid, place: Place, wanted: Callable[[], bool]) -> NDArray[np.uint8]:
        """Shape (h, w, 4)."""
        sheet, _, step = _sheet(pyramid, place)
        z, y, x = self.place.position
        if place.section == round(z):
            sheet.ring(y, x, (_RING * step, _RING * step), self.look(self.place.class_name))
        return sheet.pixels()


@dataclass(frozen=True, slots=True)
class DetectionsDrawing:
    """The detections, as rings."""

    found: Detections
    look: Looks
    magnified: int = MARKED

    def draw(self, pyramid: Pyramid, place: Place, wanted: Callable[[], bool]) -> NDArray[np.uint8]:
        """Shape (h, w, 4)."""
        sheet, voxels, step = _sheet(pyramid, place)
        draw_detections(sheet, self.found, voxels, step, self.look)
        return sheet.pixels()


def _in_strips(
    pyramid: Pyramid,
    place: Place,
    wanted: Callable[[], bool],
    look: Callable[[Region, int], NDArray[np.uint8]],
) -> NDArray[np.uint8]:
    """A tile, drawn some rows at a time: a coarse one covers much of a map, which may be larger than memory."""
    voxels, step = _in_section(pyramid, place), int(pyramid.step(place.level))
    height = step * max(1, _AT_ONCE // (step * voxels.shape[2]))
    strips = []
    for strip in blocks(voxels, (1, height, voxels.shape[2])):
        if not wanted():
            raise Cancelled("nobody waits for this tile any more")
        strips.append(look(strip, step))
    return np.concatenate(strips, axis=0)


def _in_section(pyramid: Pyramid, place: Place) -> Region:
    plane = pyramid.voxels(place.level, place.row, place.column)
    return Region((place.section, *plane.start), (place.section + 1, *plane.stop))


def _sheet(pyramid: Pyramid, place: Place) -> tuple[Sheet, Region, float]:
    voxels, step = _in_section(pyramid, place), pyramid.step(place.level)
    plane = Region(voxels.start[1:], voxels.stop[1:])
    return Sheet(plane, step, pyramid.pixels(place.level, plane)), voxels, step


def _ramped(values: NDArray[np.float32], ramp: RampName) -> NDArray[np.uint8]:
    """Values in [0, 1] as colours of a ramp, shape (h, w, 4), the more transparent the lower."""
    opacity = np.arange(256, dtype=np.uint8)[:, np.newaxis]
    return _looked_up(np.concatenate([colour_ramp(ramp), opacity], axis=1), _bytes(values))


def _coloured(labels: NDArray[Any], colours: list[tuple[int, int, int]]) -> NDArray[np.uint8]:
    """Labels from 1 in colours that repeat, shape (h, w, 4); 0 is transparent."""
    palette = np.array([(0, 0, 0, 0), *((*colour, 255) for colour in colours)], dtype=np.uint8)
    return _looked_up(palette, np.where(labels == 0, 0, (labels - 1) % len(colours) + 1))


def _looked_up(palette: NDArray[np.uint8], index: NDArray[Any]) -> NDArray[np.uint8]:
    """The colours (n, 4) at some indices (h, w), shape (h, w, 4): a word each, which is much faster than four bytes."""
    words: NDArray[np.uint32] = np.ascontiguousarray(palette).view(np.uint32)[:, 0]
    colours: NDArray[np.uint8] = words[index].view(np.uint8).reshape(*index.shape, 4)
    return colours


def _bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    shades: NDArray[np.uint8] = (values.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return shades
