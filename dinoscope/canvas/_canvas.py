"""What is seen of a session in a deep-zoom viewer, without any toolkit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from psygnal import Signal

from dinoscope.canvas._encode import Encoded, encode_tile
from dinoscope.canvas._scene import CanvasLayer, Scene
from dinoscope.errors import RegionError
from dinoscope.geometry import Region
from dinoscope.session import box, click, outline, stand_ins, stroke
from dinoscope.settings import ViewSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dinoscope.canvas._contrast import Contrast
    from dinoscope.canvas._planes import Place
    from dinoscope.image import Image
    from dinoscope.session import Session
    from dinoscope.settings import Settings

Edges = tuple[float, float, float, float]
"""Top, left, bottom and right in voxels, 0 being the edge of the first voxel and not its centre."""

Line: TypeAlias = "Sequence[tuple[float, float]]"
"""Voxel positions (y, x), 0 being the centre of the first voxel."""

_WHOLE = 4096
"""Voxels per side up to which an image, or its coarsest level, is shown whole at first."""

_FIRST_LOOK = 1024
"""Voxels per side of what is shown first of a larger one: quickly read even where every voxel has to be made."""

_NEAR, _CLOSE = 4, 256
"""When flying to an object, no more is looked at than a quarter of the image, or than 256 voxels."""

_OPAQUE = ("image", "examples", "detections", "suggestion")
"""Layers that the opacity of the settings is not for."""


class Canvas:
    """A section of the image, the layers that lie over it, and what people do on them.

    Nothing is read or drawn before somebody asks for a tile. Tiles may be drawn in any thread; all else belongs to the
    thread of the session.

    Parameters
    ----------
    session
        What is shown. Several canvases may show one session.

    Attributes
    ----------
    changed
        Emitted when there is something else to show.
    looked
        Emitted when another part of it is in sight.
    session
        As given.
    settings
        What of it is shown, and how.
    """

    changed = Signal()
    looked = Signal()

    def __init__(self, session: Session) -> None:
        self.session = session
        self.settings = ViewSettings()
        self._scene = Scene(session, self.settings)
        self._section = 0
        self._view: Region | None = None
        self._scene.replaced.connect(self._begin_anew)
        self._scene.changed.connect(self.changed.emit)

    def close(self) -> None:
        """Listen to the session no more, and show nothing more."""
        self._scene.replaced.disconnect(self._begin_anew)
        self._scene.changed.disconnect(self.changed.emit)
        self._scene.close()

    @property
    def image(self) -> Image | None:
        """The image that is shown."""
        return self._scene.image

    @property
    def plane(self) -> tuple[int, int]:
        """Voxels (y, x) of a section; 0 without an image."""
        return self._scene.plane

    @property
    def sections(self) -> int:
        """Number of sections, at least 1."""
        image = self.image
        return 1 if image is None or "z" not in image.axis_names else image.axis("z").size

    @property
    def section(self) -> int:
        """The section that is shown; other numbers are clipped to those there are."""
        return self._section

    @section.setter
    def section(self, section: int) -> None:
        section = min(max(section, 0), self.sections - 1)
        if section == self._section:
            return
        self._section = section
        if self._view is not None:
            self._look_at(Region((section, *self._view.start[1:]), (section + 1, *self._view.stop[1:])))
        self.changed.emit()

    @property
    def layers(self) -> tuple[CanvasLayer, ...]:
        """What is shown, from the bottom to the top."""
        return self._scene.layers

    def opacity(self, layer: CanvasLayer) -> float:
        """Opacity of a layer, 0 to 1."""
        return 1.0 if layer.name in _OPAQUE else self.settings.opacity

    @property
    def contrast(self) -> Contrast:
        """The intensities that are shown black and white. Measured when first asked for.

        Raises
        ------
        NotReadyError
            If there is no image.
        """
        return self._scene.contrast()

    def stand_ins(self) -> Iterator[tuple[Settings, str, float]]:
        """Settings, name of a field, and the number its default stands for, as far as that is known by now."""
        yield from stand_ins(self.session)
        measured = self._scene.measured_contrast
        if measured is not None:
            yield self.settings, "black_at", measured.black
            yield self.settings, "white_at", measured.white

    def colour(self, class_name: str) -> tuple[int, int, int]:
        """Red, green and blue of a class."""
        return self._scene.colour(class_name)

    @property
    def first_look(self) -> Edges | None:
        """What is best looked at first; None for all of the image.

        Of a large image without coarse levels it is no more than is quickly read, and begins and ends with tiles.
        """
        image = self.image
        if image is None or max(_planes_of(image)[-1]) <= _WHOLE:
            return None
        top, left = (max(0, round(size / _FIRST_LOOK / 2 - 0.5)) * _FIRST_LOOK for size in self.plane)
        return top, left, min(top + _FIRST_LOOK, self.plane[0]), min(left + _FIRST_LOOK, self.plane[1])

    @property
    def view(self) -> Region | None:
        """The voxels (z, y, x) that are in sight, or None where nobody has said so yet."""
        return self._view

    def look(self, edges: Edges) -> None:
        """Say which part of the section is in sight."""
        top, left, bottom, right = edges
        height, width = self.plane
        start = self._section, max(0, math.floor(top)), max(0, math.floor(left))
        stop = self._section + 1, min(height, math.ceil(bottom)), min(width, math.ceil(right))
        if start[1] < stop[1] and start[2] < stop[2]:
            self._look_at(Region(start, stop))

    def fly_to(self, position: tuple[float, float, float]) -> Edges:
        """Go to the section of a voxel (z, y, x); what to look at has the voxel in its middle.

        It is as large as before, but no more than a quarter of the image, unless that is small.
        """
        z, y, x = position
        self.section = round(z)
        height, width = self.plane if self._view is None else self._view.shape[1:]
        nearer = min(1.0, max(min(self.plane) / _NEAR, _CLOSE) / max(min(height, width), 1))
        half_height, half_width = height * nearer / 2, width * nearer / 2
        return y + 0.5 - half_height, x + 0.5 - half_width, y + 0.5 + half_height, x + 0.5 + half_width

    def click(self, y: float, x: float, counter: bool = False) -> None:
        """Take a click at a voxel position of the section: an example, or a word on what was found there."""
        judging = any(layer.name in ("objects", "detections") for layer in self.layers)
        click(self.session, (float(self._section), y, x), counter, judging)

    def box(self, edges: Edges, counter: bool = False) -> None:
        """Take a box around one object as an example: the voxels whose centres are in it.

        Raises
        ------
        PromptError
            If there are none.
        """
        top, left, bottom, right = (
            min(max(math.ceil(edge - 0.5), 0), size) for edge, size in zip(edges, self.plane * 2, strict=True)
        )
        region = Region((self._section, top, left), (self._section + 1, max(top, bottom), max(left, right)))
        box(self.session, region, counter)

    def stroke(self, line: Line, width: float, counter: bool = False) -> None:
        """Take a scribble through voxel positions (y, x) of the section as an example; `width` is in voxels.

        Raises
        ------
        PromptError
            If it has no corner, or no width.
        """
        stroke(self.session, self._section, line, width, counter)

    def outline(self, line: Line, counter: bool = False) -> None:
        """Take what a line through voxel positions (y, x) of the section goes around as an example.

        Raises
        ------
        PromptError
            If no voxel is inside of it.
        """
        outline(self.session, self._section, line, counter)

    def draw(self, name: str, place: Place, wanted: Callable[[], bool] = lambda: True) -> Encoded:
        """A tile of a layer as it is now. May be called from any thread.

        Parameters
        ----------
        name
            Which layer.
        place
            Which tile.
        wanted
            Asked now and then; False ends the work.

        Raises
        ------
        NotReadyError
            If there is no such layer, or not any more.
        RegionError
            If the layer has no such tile, or the image no such section.
        Cancelled
            If the tile is not wanted any more.
        ImageReadError
            If the file behind the image turns out to be damaged.
        """
        layer = self._scene.layer(name)
        if not 0 <= place.section < self.sections:
            raise RegionError(f"section {place.section} was asked for: there are {self.sections}, counted from 0")
        return encode_tile(layer.drawing.draw(layer.pyramid, place, wanted))

    def _look_at(self, region: Region) -> None:
        self._view = region
        self.session.view = region
        self.looked.emit()

    def _begin_anew(self) -> None:
        self._section, self._view = 0, None


def _planes_of(image: Image) -> list[tuple[int, ...]]:
    """Voxels (y, x) of a section of the image and of its coarser levels."""
    at = image.axis_names.index("y")
    return [tuple(level.shape[at : at + 2]) for level in (image.data, *image.coarser)]
