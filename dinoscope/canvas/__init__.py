"""What is seen of a session in a deep-zoom viewer: layers, drawn tile by tile, without any toolkit."""

from dinoscope.canvas._canvas import Canvas, Edges
from dinoscope.canvas._contrast import Contrast, measure_contrast
from dinoscope.canvas._encode import Encoded
from dinoscope.canvas._planes import Place, Planes
from dinoscope.canvas._scene import TILE, CanvasLayer
from dinoscope.canvas._still import still

__all__ = [
    "TILE",
    "Canvas",
    "CanvasLayer",
    "Contrast",
    "Edges",
    "Encoded",
    "Place",
    "Planes",
    "measure_contrast",
    "still",
]
