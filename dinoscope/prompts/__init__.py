"""Examples that a person gives: points, boxes, polygons, strokes and masks, each with a class and a sign.

Coordinates are voxel indices ``(z, y, x)`` of the image they were made on; z is 0 in a 2-D image.
"""

from dinoscope.prompts._check import check_prompts, class_names
from dinoscope.prompts._files import describe_prompt, read_prompts, write_prompts
from dinoscope.prompts._kinds import (
    DEFAULT_CLASS,
    BoxPrompt,
    MaskPrompt,
    PointPrompt,
    PolygonPrompt,
    Prompt,
    RegionPrompt,
    StrokePrompt,
)
from dinoscope.prompts._labels import prompts_from_labels
from dinoscope.prompts._raster import as_mask, near_line
from dinoscope.prompts._shapes import Outline, prompt_of_shape, shape_of_prompt

__all__ = [
    "DEFAULT_CLASS",
    "BoxPrompt",
    "MaskPrompt",
    "Outline",
    "PointPrompt",
    "PolygonPrompt",
    "Prompt",
    "RegionPrompt",
    "StrokePrompt",
    "as_mask",
    "check_prompts",
    "class_names",
    "describe_prompt",
    "near_line",
    "prompt_of_shape",
    "prompts_from_labels",
    "read_prompts",
    "shape_of_prompt",
    "write_prompts",
]
