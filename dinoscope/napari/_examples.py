"""The examples of a session as layers that people edit: points, outlines and paint."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Points, Shapes

from dinoscope.napari._controls import timer
from dinoscope.napari._look import FAINT, class_rgba, sign_colour, sign_symbol
from dinoscope.napari._outlines import draw_outlines, outlines_of
from dinoscope.napari._paint import Sheet
from dinoscope.prompts import BoxPrompt, MaskPrompt, PointPrompt, PolygonPrompt, StrokePrompt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from napari import Viewer
    from napari.layers import Layer

    from dinoscope.geometry import Region
    from dinoscope.napari._images import Frame
    from dinoscope.napari._look import Rgba
    from dinoscope.prompts import Outline, Prompt
    from dinoscope.session import Session

POINT_SIZE = 12
"""Voxels."""

SCREEN_LIMITS = (8, 18)
"""Screen pixels: examples can be seen and hit at every zoom, and hide little."""


OUTLINES = (BoxPrompt, PolygonPrompt, StrokePrompt)
"""The kinds of examples that are drawn as shapes."""

_NOT_YET = ("adding", "removing", "changing")
"""What napari calls a change of data that is about to happen."""

_STROKE_MS = 100
"""Milliseconds after which a stroke of the brush counts as done; napari tells some of them before they are."""


class ExampleLayers:
    """Shows the examples of a session in layers, and tells the session what people do to them.

    The session has the truth. What a person does in a layer becomes one call of the session; what the session then
    says it has is written back into the layers.

    Parameters
    ----------
    viewer
        Where the layers live.
    session
        Whose examples they are.
    actions
        What keys do in these layers, besides choosing class and sign.
    """

    def __init__(self, viewer: Viewer, session: Session, actions: Mapping[str, Callable[[], object]]) -> None:
        self._viewer, self._session, self._actions = viewer, session, actions
        self._frame: Frame | None = None
        self._name = ""
        self.points: Points | None = None
        self.outlines: Shapes | None = None
        self._sheet: Sheet | None = None
        self._writing = False
        self._stroke = timer(_STROKE_MS, self._read_paint)
        session.events.prompts.connect(self._write)
        session.brush.events.connect(self._apply_brush)
        viewer.layers.events.removed.connect(self._forget)

    def place(self, frame: Frame, name: str) -> None:
        """Begin anew on an image."""
        with self._being_written():
            for layer in self.layers:
                if layer in self._viewer.layers:
                    self._viewer.layers.remove(layer)
        self.points = self.outlines = self._sheet = None
        self._frame, self._name = frame, name

    def close(self) -> None:
        """Listen to the viewer no more."""
        self._stroke.stop()
        self._viewer.layers.events.removed.disconnect(self._forget)

    @property
    def paint(self) -> Labels | None:
        """The layer that is painted on."""
        return None if self._sheet is None else self._sheet.layer

    @property
    def layers(self) -> list[Layer]:
        """Those there are."""
        return [layer for layer in (self.points, self.outlines, self.paint) if layer is not None]

    def add_points(self) -> Points | None:
        """Let people click examples; the layer is made when it is first asked for."""
        if self._frame is None:
            return None
        if self.points is None:
            layer = Points(
                ndim=self._frame.ndim,
                name=f"{self._name} examples",
                size=POINT_SIZE,
                features={"class": np.array([], object), "positive": np.array([], bool)},
                **self._frame.of_voxels(),
            )
            layer.canvas_size_limits = SCREEN_LIMITS
            self.points = self._adopt(layer)
            layer.events.data.connect(self._read_points)
        self._choose(self.points, "add")
        return self.points

    def add_outlines(self) -> Shapes | None:
        """Let people draw boxes around examples, outline them, or scribble over them."""
        if self._frame is None:
            return None
        if self.outlines is None:
            layer = Shapes(
                ndim=self._frame.ndim,
                name=f"{self._name} outlines",
                features={"class": np.array([], object), "positive": np.array([], bool)},
                **self._frame.of_voxels(),
            )
            self.outlines = self._adopt(layer)
            layer.events.data.connect(self._read_outlines)
            layer.events.edge_width.connect(self._read_outlines)
        self._choose(self.outlines, "add_rectangle")
        return self.outlines

    def add_paint(self, region: Region) -> Labels | None:
        """Let people paint examples in a region of voxels (z, y, x): one section, so that no volume is filled."""
        if self._frame is None:
            return None
        if self._sheet is None:
            layer = Labels(
                np.zeros(self._frame.own(region.shape), np.uint8),
                name=f"{self._name} painted examples",
                **self._frame.of_part(tuple(float(v) for v in region.start)),
            )
            layer.brush_size = 10
            self._sheet = Sheet(self._adopt(layer), region, self._session.brush)
            layer.events.paint.connect(self._painted)
            layer.events.labels_update.connect(self._painted)
            self._write(self._session.prompts)
        self._choose(self._sheet.layer, "paint")
        return self._sheet.layer

    def _adopt(self, layer: Layer) -> Any:
        added = self._viewer.add_layer(layer)
        added.metadata["dinoscope"] = "examples"
        self._bind_keys(added)
        return added

    def _bind_keys(self, layer: Layer) -> None:
        numbers = {str(n): partial(self._pick_class, n) for n in range(1, 10)}
        for key, action in {"T": self._toggle_sign, **numbers, **self._actions}.items():
            layer.bind_key(key, lambda _, act=action: act(), overwrite=True)

    def _toggle_sign(self) -> None:
        """Turn the selected examples round, or the brush where none are selected."""
        if not self._change_selected(lambda prompt: replace(prompt, positive=not prompt.positive)):
            self._session.brush.toggle()

    def _pick_class(self, number: int) -> None:
        """Give the selected examples the class of this number, or the brush where none are selected."""
        brush = self._session.brush
        brush.choose_number(number)
        self._change_selected(lambda prompt: replace(prompt, class_name=brush.class_name))

    def _change_selected(self, change: Callable[[Prompt], Prompt]) -> bool:
        layer = self._viewer.layers.selection.active
        kinds = {id(self.points): (PointPrompt,), id(self.outlines): OUTLINES}.get(id(layer))
        if kinds is None or not layer.selected_data or layer.mode != "select":
            return False
        prompts = [prompt for prompt in self._session.prompts if isinstance(prompt, kinds)]
        self._session.replace_prompts(
            kinds, [change(p) if index in layer.selected_data else p for index, p in enumerate(prompts)]
        )
        return True

    def _choose(self, layer: Layer, mode: str) -> None:
        self._apply_brush()
        self._viewer.layers.selection.active = layer
        layer.mode = mode

    def _forget(self, event: Any) -> None:
        """A layer that a person deletes takes its examples with it."""
        if self._writing:
            return
        if event.value is self.points:
            self.points = None
            self._session.replace_prompts(PointPrompt, ())
        elif event.value is self.outlines:
            self.outlines = None
            self._session.replace_prompts(OUTLINES, ())
        elif event.value is self.paint:
            self._sheet = None
            self._session.replace_prompts(MaskPrompt, ())

    # From the layers to the session

    def _read_points(self, event: Any) -> None:
        if self._writing or self.points is None or event.action in _NOT_YET:
            return
        rows = zip(self.points.data, self.points.features["class"], self.points.features["positive"], strict=True)
        self._session.replace_prompts(PointPrompt, [PointPrompt(_position(at), str(c), bool(s)) for at, c, s in rows])

    def _read_outlines(self, event: Any) -> None:
        if self._writing or self.outlines is None or (event.type == "data" and event.action in _NOT_YET):
            return
        self._session.replace_prompts(OUTLINES, outlines_of(self.outlines))

    def _painted(self, _: Any) -> None:
        if not self._writing:
            self._stroke.start()

    def _read_paint(self) -> None:
        if self._sheet is None:
            return
        sheet, masks = self._sheet, [p for p in self._session.prompts if isinstance(p, MaskPrompt)]
        self._session.replace_prompts(MaskPrompt, [*(p for p in masks if not sheet.holds(p)), *sheet.read()])

    # From the session to the layers

    def _write(self, prompts: tuple[Prompt, ...]) -> None:
        if self._frame is None:
            return
        points = [prompt for prompt in prompts if isinstance(prompt, PointPrompt)]
        outlines = [prompt for prompt in prompts if isinstance(prompt, OUTLINES)]
        with self._being_written(), self._same_choice():
            if points and self.points is None:
                self.add_points()
            if outlines and self.outlines is None:
                self.add_outlines()
            if self.points is not None:
                self._write_points(self.points, points)
            if self.outlines is not None:
                self._write_outlines(self.outlines, outlines)
            if self._sheet is not None:
                self._sheet.write(prompt for prompt in prompts if isinstance(prompt, MaskPrompt))

    def _write_points(self, layer: Points, prompts: list[PointPrompt]) -> None:
        data = np.array([self._own(prompt.position) for prompt in prompts]).reshape(-1, layer.ndim)
        if not np.array_equal(data, layer.data):
            layer.selected_data = set()
            layer.data = data
        layer.features = _columns(prompts)
        if prompts:
            layer.face_color = np.array([self._colour(prompt) for prompt in prompts])
            layer.border_color = np.array([self._dimmed(prompt, sign_colour(prompt.positive)) for prompt in prompts])
            layer.symbol = [sign_symbol(prompt.positive) for prompt in prompts]
        self._apply_brush()

    def _write_outlines(self, layer: Shapes, prompts: list[Outline]) -> None:
        draw_outlines(layer, prompts, self._own)
        layer.features = _columns(prompts)
        if prompts:
            layer.edge_color = np.array([self._colour(prompt) for prompt in prompts])
            layer.face_color = np.array([self._colour(p, 0.25 if p.positive else 0.0) for p in prompts])
        self._apply_brush()

    def _apply_brush(self, *_: object) -> None:
        """New points, outlines and strokes get the class and the sign of the brush."""
        brush = self._session.brush
        row = {"class": brush.class_name, "positive": brush.positive}
        with self._being_written():
            if self.points is not None:
                self.points.feature_defaults = row
            if self.outlines is not None:
                self.outlines.feature_defaults = row
            if self._sheet is not None:
                self._sheet.apply_brush()

    def _colour(self, prompt: Prompt, opacity: float = 1.0) -> Rgba:
        red, green, blue, _ = class_rgba(self._session.brush.index(prompt.class_name))
        return self._dimmed(prompt, (red, green, blue, opacity))

    def _dimmed(self, prompt: Prompt, colour: Rgba) -> Rgba:
        """A colour as that of an example, which is faint if it is switched off."""
        red, green, blue, opacity = colour
        return red, green, blue, opacity * (FAINT if prompt in self._session.muted_prompts else 1.0)

    def _own(self, position: tuple[float, ...]) -> tuple[float, ...]:
        return position if self._frame is None else self._frame.own(position)

    @contextmanager
    def _being_written(self) -> Iterator[None]:
        """What happens to the layers now was not done by a person."""
        before, self._writing = self._writing, True
        try:
            yield
        finally:
            self._writing = before

    @contextmanager
    def _same_choice(self) -> Iterator[None]:
        """A layer that is made meanwhile does not become the one people work in."""
        active = self._viewer.layers.selection.active
        yield
        if active is not None and active in self._viewer.layers:
            self._viewer.layers.selection.active = active


def _position(row: Any) -> tuple[float, float, float]:
    z, y, x = [0.0] * (3 - len(row)) + [float(value) for value in row]
    return z, y, x


def _columns(prompts: Sequence[Prompt]) -> dict[str, Any]:
    return {
        "class": np.array([prompt.class_name for prompt in prompts], object),
        "positive": np.array([prompt.positive for prompt in prompts], bool),
    }
