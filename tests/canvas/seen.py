"""What tests of the canvas look at, and how."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Picture

from dinoscope.canvas import Canvas, CanvasLayer, Encoded, Place
from dinoscope.canvas._layers import DetectionsDrawing, ExamplesDrawing
from dinoscope.geometry import Axis
from dinoscope.image import Image, LazyArray
from dinoscope.outputs import Detections
from dinoscope.prompts import PointPrompt
from dinoscope.tiling import Pyramid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dinoscope.canvas._layers import Drawing
    from dinoscope.prompts import Prompt
    from dinoscope.session import Session

CLICK = PointPrompt((0, 48.0, 48.0))
OTHER = PointPrompt((0, 112.0, 144.0))
COUNTER = PointPrompt((0, 80.0, 80.0), positive=False)
BOTH = (PointPrompt((0, 48.0, 48.0), "square"), PointPrompt((0, 80.0, 80.0), "ground"))


ORANGE, SKY = (230, 159, 0), (86, 180, 233)
"""The first two of Okabe and Ito's colours, for the classes "a" and "b"."""


STEPS = [0.125, 0.25, 0.5, 1, 2, 4]


PLANE = (96, 128)


def pixels_of(encoded: Encoded) -> NDArray[np.uint8]:
    return np.asarray(Picture.open(io.BytesIO(encoded.data)))


def layer_of(canvas: Canvas, name: str) -> CanvasLayer:
    (found,) = [layer for layer in canvas.layers if layer.name == name]
    return found


class Counting(LazyArray):
    """A large image of nothing that counts the voxels read from it."""

    def __init__(self, *shape: int) -> None:
        super().__init__(shape, np.uint8)
        self.voxels = 0
        self.boxes: list[tuple[slice, ...]] = []

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        shape = [part.stop - part.start for part in bounds]
        self.voxels += math.prod(shape)
        self.boxes.append(bounds)
        return np.zeros(shape, np.uint8)


def image_of(fine: Any, *coarser: Any) -> Image:
    axes = tuple(Axis(name, size) for name, size in zip("yx", fine.shape, strict=True))
    return Image("large", "memory:large", axes, fine, coarser)


def canvas_of(session: Session, image: Image) -> Canvas:
    session.image = image
    return Canvas(session)


def look(class_name: str) -> tuple[int, int, int]:
    return {"a": ORANGE, "b": SKY}[class_name]


def drawn(
    drawing: Drawing, plane: tuple[int, int], step: float = 1, section: int = 0, tile: int = 256
) -> NDArray[np.uint8]:
    """A whole section at a step of the pyramid, put together from its tiles."""
    pyramid = Pyramid(plane, tile, drawing.magnified)
    level = pyramid.level(step)
    assert pyramid.step(level) == step, "otherwise the test asks for a level that is not there"
    rows, columns = pyramid.shape(level)
    tiles = [
        [drawing.draw(pyramid, Place(section, level, row, column), lambda: True) for column in range(columns)]
        for row in range(rows)
    ]
    return np.concatenate([np.concatenate(row, axis=1) for row in tiles], axis=0)


def examples(*prompts: Prompt) -> ExamplesDrawing:
    return ExamplesDrawing(prompts, look)


def found(
    centres: Sequence[Sequence[float]], diameters: Sequence[float], scale: tuple[float, ...] = (1.0, 1.0)
) -> DetectionsDrawing:
    names, count = "zyx"[-len(scale) :], len(centres)
    unit: Any = "pixel" if set(scale) == {1.0} else "nm"
    classes = tuple("ab"[i % 2] for i in range(count))
    places = np.array(centres, float).reshape(count, len(scale))
    table = Detections(names, places, np.ones(count), classes, np.array(diameters, float), unit, scale)
    return DetectionsDrawing(table, look)


def names(canvas: Canvas) -> list[str]:
    return [layer.name for layer in canvas.layers]


def versions(canvas: Canvas) -> dict[str, int]:
    return {layer.name: layer.version for layer in canvas.layers}


def drawn_anew(canvas: Canvas, change: Callable[[], object]) -> set[str]:
    """The layers that are there before and after a change, and are others after it."""
    before = versions(canvas)
    change()
    after = versions(canvas)
    return {name for name in before.keys() & after.keys() if before[name] != after[name]}


def told(canvas: Canvas) -> list[list[str]]:
    """A list that grows by the names of the layers whenever the canvas says that something changed."""
    log: list[list[str]] = []
    canvas.changed.connect(lambda: log.append(names(canvas)))
    return log
