"""The results of a session as layers, made when they are wanted and never computed whole."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from napari.layers import Image, Labels, Points
from napari.utils import cancelable_progress
from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtCore import QTimer

from dinoscope.errors import NotReadyError
from dinoscope.geometry import Region
from dinoscope.napari._ahead import Ahead
from dinoscope.napari._controls import timer
from dinoscope.napari._dispatch import Dispatcher
from dinoscope.napari._lazy import Shown, lazy
from dinoscope.napari._look import class_rgba, similarity_colours
from dinoscope.session import fine_map

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari import Viewer
    from napari.layers import Layer
    from numpy.typing import NDArray

    from dinoscope.image import LazyArray
    from dinoscope.measure import ObjectTable
    from dinoscope.napari._images import Frame
    from dinoscope.outputs import Detections
    from dinoscope.session import Session
    from dinoscope.similarity import SimilarityMap

Live = Literal["similarity", "mask", "uncertainty"]
"""What follows the map while people click."""

_BREATH_MS = 20
"""Milliseconds in which the window draws and listens between two long steps: making a layer, and filling it."""


class ResultLayers:
    """Shows what a session found.

    Parameters
    ----------
    viewer
        Where the layers live.
    session
        Whose results they are.
    """

    def __init__(self, viewer: Viewer, session: Session) -> None:
        self._viewer, self._session = viewer, session
        self._frame: Frame | None = None
        self._name = ""
        self._layers: dict[str, Layer] = {}
        self._shown: set[Live] = {"similarity", "mask"}
        self._steps: deque[Callable[[], None]] = deque()
        self._mask_is_empty = False
        self._ahead = Ahead()
        self._dispatch = Dispatcher()
        self._levels: list[LazyArray] = []
        self._asked: tuple[LazyArray, Region] | None = None
        self._mask_next = timer(_BREATH_MS, self.update_mask)
        viewer.layers.events.removed.connect(self._forget)

    def place(self, frame: Frame, name: str) -> None:
        """Begin anew on an image. Objects of the one before stay: somebody may want them."""
        self._ahead.forget()
        self._remove(_is_live)
        self._layers.clear()
        is_first = self._frame is None
        self._frame, self._name = frame, name
        if is_first:
            self._soon(self._warm_up)  # when the widget can be seen

    def close(self) -> None:
        """Listen to the viewer no more, and show nothing more."""
        self._frame = None
        self._mask_next.stop()
        self._ahead.close()
        self._viewer.layers.events.removed.disconnect(self._forget)

    @property
    def is_busy(self) -> bool:
        """Whether there is more to show of what is there already."""
        return bool(self._steps) or self._mask_next.isActive() or self._ahead.is_busy

    def layer(self, role: str) -> Layer | None:
        """The layer of a role such as ``"mask"``, ``"similarity object"`` or ``"objects"``, if there is one."""
        return self._layers.get(role)

    def show(self, kind: Live, shown: bool) -> None:
        """Let a kind of live layer be there or not."""
        (self._shown.add if shown else self._shown.discard)(kind)
        if not shown:
            self._remove(lambda role: role.split()[0] == kind)
        self.update()

    def clear_live(self) -> None:
        """Take the live layers away; the mask stays, empty and hidden, if the next click can fill it."""
        self._ahead.forget()
        keep = "mask" if self._session.is_ready("features") and "mask" in self._layers else ""
        self._remove(lambda role: _is_live(role) and role != keep)
        if keep:
            self._layers["mask"].visible = False
            self._empty_mask()

    def prepare(self) -> None:
        """Add the mask before the first click: napari takes so long to add one that a search would be held up."""
        if self._frame is not None and "mask" in self._shown and "mask" not in self._layers:
            self._empty_mask()

    def _empty_mask(self) -> None:
        # These load torch and more, which measuring the cost has loaded by now: the window must not wait for it.
        from dinoscope.segmentation import lazy_mask
        from dinoscope.similarity import SimilarityMap

        grid = self._session.result("features").grid
        nothing = SimilarityMap((), np.broadcast_to(np.float32(0), (1, *grid.shape)), grid, np.zeros(1, np.float32))
        stacked = self._frame is not None and self._frame.stacked
        self._put_mask(nothing, lazy_mask(nothing, np.full(1, np.inf, np.float32), stacked), shown=False)
        self._mask_is_empty = True

    def _part_shown(self, levels: list[LazyArray]) -> tuple[LazyArray, Region]:
        """What napari reads of a mask: of a single level the whole section, of several what is in view."""
        layer, view = self._layers.get("mask"), self._session.view
        section = 0 if view is None else view.start[0]
        if not (isinstance(layer, Labels) and layer.multiscale and layer.data_level < len(levels)):
            return levels[-1], Region((section, 0, 0), (section + 1, *levels[-1].shape[-2:]))
        level = levels[layer.data_level]
        first, last = layer.corner_pixels[:, -2:]
        seen = Region((section, *first.tolist()), (section + 1, *(last + 1).tolist()))
        return level, seen.intersect(Region((section, 0, 0), (section + 1, *level.shape[-2:])))

    def _read_finer(self, levels: list[LazyArray]) -> None:
        """Read what is in view of a mask that is seen roughly, and draw it again; once, if it is too much to keep."""
        asked = self._part_shown(levels)
        if self._frame is not None and levels is self._levels and asked != self._asked:
            self._asked = asked
            self._ahead.read([asked], self._draw_mask)

    def _draw_mask(self) -> None:
        layer = self._layers.get("mask")
        if layer is not None:
            layer.refresh(extent=False, thumbnail=False)

    def _show_mask(self, similarity: SimilarityMap, levels: list[LazyArray]) -> None:
        from dinoscope.segmentation import hasty_mask

        if self._frame is None or "mask" not in self._shown:
            return
        self._put_mask(similarity, hasty_mask(levels, partial(self._dispatch, partial(self._read_finer, levels))))
        if self._mask_is_empty:
            self._soon(partial(setattr, self._layers["mask"], "visible", True))
        self._mask_is_empty = False

    def _put_mask(self, similarity: SimilarityMap, levels: list[LazyArray], shown: bool = True) -> None:
        pyramid = [Shown(level) for level in levels]
        data = pyramid if len(pyramid) > 1 else pyramid[0]
        colours = self._class_colours(similarity.classes)
        look = {"opacity": 0.5, "colormap": colours, **self._voxels()}
        layer = self._put("mask", data, partial(Labels, **look), shown=shown)
        if layer.colormap.color_dict.keys() != colours.color_dict.keys():
            layer.colormap = colours

    def update(self) -> None:
        """Show the map as far as it is known, and what is cut out of it when the window has had a turn to breathe."""
        self._show_similarity()
        self._mask_next.start()

    def update_mask(self) -> None:
        """Show what the thresholds of now make of the map."""
        from dinoscope.segmentation import lazy_mask, lazy_uncertainty

        try:
            similarity, _ = self._session.map_so_far
        except NotReadyError:
            return
        if self._frame is None:
            return
        thresholds, stacked = self._session.thresholds(), self._frame.stacked
        if "mask" in self._shown:
            levels = lazy_mask(fine_map(self._session), thresholds, stacked)
            self._levels = levels
            level, part = self._part_shown(levels)
            parts = [(level, part)] if level is levels[0] else []  # coarse ones are seen at once, if roughly
            self._ahead.read(parts, partial(self._show_mask, similarity, levels))
        if "uncertainty" in self._shown:
            doubt = Shown(lazy_uncertainty(similarity, thresholds, stacked))
            frame = self._frame.of_patches(similarity.grid)
            look = {"colormap": "magma", "contrast_limits": (0, 1), "blending": "additive", "opacity": 0.7}
            self._put("uncertainty", doubt, partial(Image, rgb=False, **look, **frame))

    def show_colours(self) -> None:
        """Show the features as colours: alike colours look alike to the encoder."""
        if self._frame is None:
            return
        colours = self._session.result("colours")
        picture = np.nan_to_num(colours if self._frame.stacked else colours[0])
        frame = self._frame.of_patches(self._session.result("features").grid)
        self._put("colours", picture, partial(Image, rgb=True, opacity=0.6, **frame), "features as colours")

    def show_objects(self) -> None:
        """Show the objects, with their measurements as features of the layer."""
        found, table = self._session.result("segmentation"), self._session.result("measurements")
        layer = self._put("objects", lazy(found.instances), partial(Labels, opacity=0.6, **self._voxels()))
        layer.features = table_features(table)
        for live in ("mask", "uncertainty"):
            if live in self._layers:
                self._layers[live].visible = False  # the objects lie over it

    def show_detections(self) -> None:
        """Show the detections as points, with their scores and sizes as features of the layer."""
        found: Detections = self._session.result("detections")
        unit = "nm" if found.unit == "nm" else "px"
        features = {"class": list(found.class_names), "score": found.scores, f"diameter_{unit}": found.diameters}
        sizes = found.extents_px.mean(axis=1)
        layer = self._put(
            "detections", found.centres, partial(Points, face_color="transparent", symbol="disc", **self._voxels())
        )
        layer.features = features
        if len(found):
            layer.size = sizes
            layer.border_color = np.array([self._colour(name) for name in found.class_names])
            layer.border_width_is_relative = True
            layer.border_width = 0.06

    def object_at(self, world: tuple[float, ...]) -> tuple[float, float, float] | None:
        """Voxel (z, y, x) at a place in the world if an object is there."""
        layer = self._layers.get("objects")
        if layer is None or not layer.visible:
            return None
        position = layer.world_to_data(world)
        if not layer.get_value(world, world=True):
            return None
        z, y, x = [0.0] * (3 - len(position)) + [float(v) for v in position]
        return z, y, x

    def _show_similarity(self) -> None:
        from dinoscope.segmentation import lazy_map

        try:
            similarity, _ = self._session.map_so_far
        except NotReadyError:
            return
        if self._frame is None or "similarity" not in self._shown:
            return
        frame = self._frame.of_patches(similarity.grid)
        look = {
            "rgb": False,
            "colormap": similarity_colours(),
            "contrast_limits": (0, 1),
            "opacity": 0.7,
            "interpolation2d": "linear",
        }
        for index, name in enumerate(similarity.classes):
            data = Shown(lazy_map(similarity, index, self._frame.stacked))
            title = "similarity" if len(similarity.classes) == 1 else f"similarity to {name}"
            self._put(f"similarity {name}", data, partial(Image, **look, **frame), title, shown=index == 0)
        gone = {role for role in self._layers if role.startswith("similarity ")}
        gone -= {f"similarity {name}" for name in similarity.classes}
        self._remove(gone.__contains__)

    def _put(
        self, role: str, data: Any, make: Callable[..., Layer], title: str | None = None, shown: bool = True
    ) -> Layer:
        """Give the layer of a role new data, or make it. Making, adding and drawing one are steps of their own."""
        layer = self._layers.get(role)
        if layer is None:
            layer = make(data, visible=False, name=f"{self._name} {title or role}")
            self._layers[role] = layer
            self._soon(partial(self._add, role, layer, shown))
        else:
            layer.data = data
        layer.metadata["dinoscope"] = self._session.provenance()
        return layer

    def _warm_up(self) -> None:
        """Let napari load what it loads at the first layer of a kind now, while nobody waits for an answer."""
        frame, layers = self._frame, self._viewer.layers
        if frame is None:
            return
        active = layers.selection.active
        for kind, dtype in ((Labels, np.uint8), (Image, np.float32)):
            tiny = np.zeros((2,) * frame.ndim, dtype)
            layer = kind(tiny, visible=False, metadata={"dinoscope": "warm-up"}, **frame.of_voxels())
            layers.insert(0, layer)
            layers.remove(layer)
        cancelable_progress(total=1).close()
        layers.selection.active = active

    def _add(self, role: str, layer: Layer, shown: bool) -> None:
        """Add a layer and leave people where they work. Examples lie on top, and the mask on pictures."""
        if self._layers.get(role) is not layer:
            return
        layers = self._viewer.layers
        active = layers.selection.active
        mask = self._layers.get("mask") if isinstance(layer, Image) else None
        above = (i for i, x in enumerate(layers) if x is mask or x.metadata.get("dinoscope") == "examples")
        layers.insert(next(above, len(layers)), layer)
        if active is not None:
            layers.selection.active = active
        self._soon(partial(setattr, layer, "visible", shown))

    def _soon(self, step: Callable[[], None]) -> None:
        """Take a step when the window has had time to draw and to listen."""
        self._steps.append(step)
        QTimer.singleShot(_BREATH_MS, self._take_step)

    def _take_step(self) -> None:
        self._steps.popleft()()

    def _remove(self, chosen: Callable[[str], bool]) -> None:
        for role in [role for role in self._layers if chosen(role)]:
            layer = self._layers.pop(role)
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _forget(self, event: Any) -> None:
        """A layer that a person deletes is made again when there is something new to show."""
        self._layers = {role: layer for role, layer in self._layers.items() if layer is not event.value}

    def _voxels(self) -> dict[str, Any]:
        return {} if self._frame is None else self._frame.of_voxels()

    def _colour(self, class_name: str) -> tuple[float, float, float, float]:
        return class_rgba(self._session.brush.index(class_name))

    def _class_colours(self, classes: tuple[str, ...]) -> DirectLabelColormap:
        colours: dict[int | None, Any] = {None: (0, 0, 0, 0), 0: (0, 0, 0, 0)}
        return DirectLabelColormap(
            color_dict=colours | {i: self._colour(name) for i, name in enumerate(classes, start=1)}
        )


def _is_live(role: str) -> bool:
    """Whether a layer follows what people do."""
    return role.split()[0] in ("similarity", "mask", "uncertainty", "colours")


def table_features(table: ObjectTable) -> dict[str, NDArray[Any]]:
    """Measurements as the features of a Labels layer, which have a first row for the background."""
    columns = {"index": table["label"], **table.columns}
    return {name: np.concatenate([[_nothing(values)], values]) for name, values in columns.items()}


def _nothing(values: Any) -> Any:
    """What stands in the row of the background."""
    kind = np.asarray(values).dtype.kind
    return False if kind == "b" else "" if kind in "OU" else 0
