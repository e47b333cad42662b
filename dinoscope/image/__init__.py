"""Lazy images with named axes, from files, folders and arrays."""

from dinoscope.image._axes import infer_axes
from dinoscope.image._image import ArrayLike, Image
from dinoscope.image._lazy import LazyArray
from dinoscope.image._open import open_image
from dinoscope.image._sampling import content_digest, intensity_sample
from dinoscope.image._select import cropped, spatial

__all__ = [
    "ArrayLike",
    "Image",
    "LazyArray",
    "content_digest",
    "cropped",
    "infer_axes",
    "intensity_sample",
    "open_image",
    "spatial",
]
