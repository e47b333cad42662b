"""Examples that a person gives: points, boxes, polygons, strokes, masks and texts, each with a class and a sign.

Coordinates are voxel indices ``(z, y, x)`` of the image they were made on; z is 0 in a 2-D image. A text lies nowhere.
"""

from dinoscope.prompts._check import check_prompts, class_names
from dinoscope.prompts._files import describe_prompt, read_prompts, write_prompts
from dinoscope.prompts._kinds import (
    DEFAULT_CLASS,
    BoxPrompt,
    MaskPrompt,
    PlacedPrompt,
    PointPrompt,
    PolygonPrompt,
    Prompt,
    RegionPrompt,
    StrokePrompt,
    TextPrompt,
)
from dinoscope.prompts._labels import prompts_from_labels
from dinoscope.prompts._raster import as_mask, near_line
from dinoscope.prompts._shapes import Outline, prompt_of_shape, shape_of_prompt
from dinoscope.prompts._texts import placed, text_notice, text_prompts

__all__ = [
    "DEFAULT_CLASS",
    "BoxPrompt",
    "MaskPrompt",
    "Outline",
    "PlacedPrompt",
    "PointPrompt",
    "PolygonPrompt",
    "Prompt",
    "RegionPrompt",
    "StrokePrompt",
    "TextPrompt",
    "as_mask",
    "check_prompts",
    "class_names",
    "describe_prompt",
    "near_line",
    "placed",
    "prompt_of_shape",
    "prompts_from_labels",
    "read_prompts",
    "shape_of_prompt",
    "text_notice",
    "text_prompts",
    "write_prompts",
]
