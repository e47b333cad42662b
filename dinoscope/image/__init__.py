"""Lazy images with named axes, from files, folders and arrays."""

from dinoscope.image._across import cut_across
from dinoscope.image._axes import infer_axes
from dinoscope.image._image import ArrayLike, Image
from dinoscope.image._lazy import LazyArray, piece_of
from dinoscope.image._levels import coarsest_level
from dinoscope.image._open import IMAGE_SUFFIXES, open_image
from dinoscope.image._recent import Recent
from dinoscope.image._sampling import content_digest, intensity_sample
from dinoscope.image._select import cropped, spatial
from dinoscope.image._zarr import is_zarr

__all__ = [
    "IMAGE_SUFFIXES",
    "ArrayLike",
    "Image",
    "LazyArray",
    "Recent",
    "coarsest_level",
    "content_digest",
    "cropped",
    "cut_across",
    "infer_axes",
    "intensity_sample",
    "is_zarr",
    "open_image",
    "piece_of",
    "spatial",
]
