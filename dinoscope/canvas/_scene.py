"""The layers that a session has to show, kept in step with it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from dinoscope.canvas._contrast import Contrast, measure_contrast
from dinoscope.canvas._layers import (
    ColoursDrawing,
    DetectionsDrawing,
    Drawing,
    ExamplesDrawing,
    MaskDrawing,
    ObjectsDrawing,
    PictureDrawing,
    SimilarityDrawing,
    SuggestionDrawing,
    UncertaintyDrawing,
)
from dinoscope.canvas._planes import Planes
from dinoscope.errors import NotReadyError
from dinoscope.outputs import class_colour
from dinoscope.session import fine_map
from dinoscope.tiling import Pyramid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psygnal import EmissionInfo

    from dinoscope.image import Image
    from dinoscope.jobs import Progress
    from dinoscope.session import Session, Stage
    from dinoscope.settings import ViewSettings

TILE = 256
"""Pixels per side of a tile."""

_REFRESH_S = 1.0
"""Seconds between two looks at a map that is being filled."""

_FROM_THE_MAP = ("similarity", "mask", "uncertainty")

_ORDER = ("image", "colours", "similarity", "mask", "uncertainty", "objects", "detections", "examples", "suggestion")
"""From the bottom to the top."""

_LAYER_OF: dict[Stage, str] = {"colours": "colours", "measurements": "objects", "detections": "detections"}


@dataclass(frozen=True, slots=True)
class CanvasLayer:
    """A layer as a viewer shows it.

    Attributes
    ----------
    name, title
        What programs and what people call it.
    drawing
        What is drawn.
    pyramid
        The tiles it is drawn in.
    version
        Another number whenever the drawing is another.
    """

    name: str
    title: str
    drawing: Drawing
    pyramid: Pyramid
    version: int


class Scene:
    """The layers of a session's image and results. Nothing is drawn here.

    Parameters
    ----------
    session
        What is shown.
    settings
        What of it is shown, and how.

    Attributes
    ----------
    changed
        Emitted when there is something else to show.
    replaced
        Emitted before that if it is another image.
    """

    changed = Signal()
    replaced = Signal()

    def __init__(self, session: Session, settings: ViewSettings) -> None:
        self._session, self._settings = session, settings
        self._image: Image | None = None
        self._contrast: tuple[Image, Contrast] | None = None
        self._measuring = Lock()
        self._layers: dict[str, CanvasLayer] = {}
        self._versions = 0
        self._refreshed = 0.0
        for signal, slot in self._connections():
            signal.connect(slot)
        self._show_image()

    def close(self) -> None:
        """Listen to the session no more, and show nothing more."""
        for signal, slot in self._connections():
            signal.disconnect(slot)
        self._layers.clear()

    def _connections(self) -> Iterator[tuple[Any, Callable[..., None]]]:
        events = self._session.events
        yield events.prompts, self._prompts_changed
        yield events.ready, self._ready
        yield events.dropped, self._dropped
        yield events.progress, self._step
        yield events.running, self._running
        yield self._session.brush.events, self._brush_changed
        yield self._session.guide.changed, self._guide_changed
        cut = self._session.settings.segmentation.events
        yield cut.threshold, self._cut_changed
        yield cut.refine, self._cut_changed
        yield self._settings.events, self._settings_changed

    @property
    def image(self) -> Image | None:
        """The image that is shown, or None; with the size of its pixels as it is known now."""
        now = self._session.image
        return now if _same_pixels(now, self._image) else self._image

    @property
    def plane(self) -> tuple[int, int]:
        """Voxels (y, x) of a section; 0 without an image."""
        image = self._image
        return (0, 0) if image is None else (image.axis("y").size, image.axis("x").size)

    @property
    def layers(self) -> tuple[CanvasLayer, ...]:
        """What is shown, from the bottom to the top."""
        shown = (layer for layer in self._layers.values() if self._is_shown(layer.name))
        return tuple(sorted(shown, key=lambda layer: _ORDER.index(_kind(layer.name))))

    def layer(self, name: str) -> CanvasLayer:
        """The layer of this name.

        Raises
        ------
        NotReadyError
            If there is none, or none any more.
        """
        layer = self._layers.get(name)
        if layer is None:
            raise NotReadyError(f"there is no layer {name!r} any more")
        return layer

    def contrast(self) -> Contrast:
        """The intensities that are shown black and white. Measured when first asked for; from any thread.

        Raises
        ------
        NotReadyError
            If there is no image.
        """
        image = self._image
        if image is None:
            raise NotReadyError("there is no image: open one first")
        with self._measuring:  # the threads that draw the first tiles all ask at once
            measured = self._contrast
            if measured is None or measured[0] is not image:
                measured = self._contrast = image, measure_contrast(image)
        return measured[1].adjusted(self._settings)

    @property
    def measured_contrast(self) -> Contrast | None:
        """The contrast of the image whatever the settings say; None before it was measured."""
        image, measured = self._image, self._contrast
        return None if measured is None or measured[0] is not image else measured[1]

    def colour(self, class_name: str) -> tuple[int, int, int]:
        """Red, green and blue of a class."""
        return class_colour(self._session.brush.index(class_name))

    def _show_image(self) -> None:
        """Begin anew with the image of the session."""
        image = self._image = self._session.image
        self._layers.clear()
        if image is not None:
            levels, stacked = (image.data, *image.coarser), "z" in image.axis_names
            planes = Planes(levels, stacked, Pyramid(self.plane, TILE))
            self._put("image", image.name, PictureDrawing(planes, self.contrast))
            self._show_prompts()
            self._show_suggestion()
            self._show_map()
            for stage in _LAYER_OF:
                self._show_result(stage)
        self.replaced.emit()
        self.changed.emit()

    def _prompts_changed(self, _: object) -> None:
        if self.image is not self._session.image:
            self._show_image()
            return
        self._show_prompts()
        self.changed.emit()

    def _show_prompts(self) -> None:
        prompts, muted = self._session.prompts, self._session.muted_prompts
        if prompts:
            self._put("examples", "Examples", ExamplesDrawing(prompts, self.colour, muted))
        else:
            self._layers.pop("examples", None)

    def _guide_changed(self) -> None:
        self._show_suggestion()
        self.changed.emit()

    def _show_suggestion(self) -> None:
        place = self._session.guide.place
        if place is None:
            self._layers.pop("suggestion", None)
        else:
            self._put("suggestion", "Suggestion", SuggestionDrawing(place, self.colour))

    def _ready(self, stage: Stage) -> None:
        if stage in ("preview", "similarity"):
            self._show_map()
        else:
            self._show_result(stage)
        self.changed.emit()

    def _show_result(self, stage: Stage) -> None:
        """Show what does not follow the map, if it is there."""
        if not self._session.is_ready(stage):
            return
        found = self._session.result(stage)
        match stage:
            case "colours":
                grid = self._session.result("features").grid
                self._put("colours", "What the encoder sees", ColoursDrawing(found, grid))
            case "measurements":
                instances = self._session.result("segmentation").instances
                planes = Planes((instances,), len(instances.shape) == 3, Pyramid(self.plane, TILE), "pick")
                self._put("objects", "Objects", ObjectsDrawing(planes))
            case "detections":
                self._put("detections", "Detections", DetectionsDrawing(found, self.colour))

    def _show_map(self) -> None:
        """Show the map as far as it is known, and what is cut out of it."""
        try:
            similarity, _ = self._session.map_so_far
        except NotReadyError:
            return
        for name in [name for name in self._layers if _kind(name) == "similarity"]:
            del self._layers[name]  # of a class that may be gone
        several = len(similarity.classes) > 1
        for index, name in enumerate(similarity.classes):
            title = f"Similarity to {name}" if several else "Similarity"
            self._put(f"similarity {name}", title, SimilarityDrawing(similarity, index))
        self._show_cut()

    def _show_cut(self) -> None:
        """Show what the thresholds cut out of the map, if there is one."""
        try:
            similarity, _ = self._session.map_so_far
            thresholds = self._session.thresholds()
        except NotReadyError:
            return
        self._put("mask", "Mask", MaskDrawing(fine_map(self._session), thresholds, self.colour))
        self._put("uncertainty", "Uncertainty", UncertaintyDrawing(similarity, thresholds))

    def _dropped(self, stage: Stage) -> None:
        """Objects that are no longer true go at once; a map stays until the next one is there, if one is coming."""
        self._layers.pop(_LAYER_OF.get(stage, ""), None)
        if not self._session.is_coming("similarity"):
            self._drop_stale_map()
        self.changed.emit()

    def _drop_stale_map(self) -> None:
        if not (self._session.is_ready("similarity") or self._session.is_ready("preview")):
            for name in [name for name in self._layers if _kind(name) in _FROM_THE_MAP]:
                del self._layers[name]

    def _step(self, progress: Progress) -> None:
        if progress.stage == "similarity" and time.monotonic() - self._refreshed > _REFRESH_S:
            self._refreshed = time.monotonic()
            self._show_map()
            self.changed.emit()

    def _running(self, running: bool) -> None:
        """A map that did not come before the work ended does not come any more."""
        if not running:
            self._drop_stale_map()
            self.changed.emit()

    def _brush_changed(self, change: EmissionInfo) -> None:
        if change.signal.name == "classes":  # their order decides their colours
            self._redraw("mask", "detections", "examples", "suggestion")
        self.changed.emit()

    def _cut_changed(self, _: object) -> None:
        self._show_cut()
        self.changed.emit()

    def _settings_changed(self, change: EmissionInfo) -> None:
        if change.signal.name in ("black_at", "white_at"):
            self._redraw("image")
        self.changed.emit()

    def _redraw(self, *names: str) -> None:
        """Have layers drawn anew, as far as they are there: their colours are others now."""
        for name in names:
            layer = self._layers.get(name)
            if layer is not None:
                self._put(name, layer.title, layer.drawing)

    def _put(self, name: str, title: str, drawing: Drawing) -> None:
        self._versions += 1
        pyramid = Pyramid(self.plane, TILE, drawing.magnified)
        self._layers[name] = CanvasLayer(name, title, drawing, pyramid, self._versions)

    def _is_shown(self, name: str) -> bool:
        """Whether people want to see a layer; the objects lie where the mask is."""
        kind = _kind(name)
        covered = kind == "mask" and "objects" in self._layers and self._settings.objects
        return kind in ("image", "suggestion") or (bool(getattr(self._settings, kind)) and not covered)


def _same_pixels(one: Image | None, other: Image | None) -> bool:
    """Whether these are the same image; the size of its pixels may have been told meanwhile."""
    if one is None or other is None:
        return one is other
    return (one.data is other.data and one.coarser is other.coarser) and (
        (one.name, one.axis_names) == (other.name, other.axis_names)
    )


def _kind(name: str) -> str:
    """The setting that a layer is shown by: ``similarity`` of ``similarity mitochondrion``."""
    return name.partition(" ")[0]
