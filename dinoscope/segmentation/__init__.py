"""From a similarity map to masks and objects."""

from dinoscope.segmentation._live import lazy_map, lazy_mask, lazy_uncertainty, uncertainty
from dinoscope.segmentation._objects import Pieces, find_objects
from dinoscope.segmentation._pick import outline_at
from dinoscope.segmentation._segment import Segmentation, label_region, segment
from dinoscope.segmentation._threshold import auto_thresholds, choose_thresholds, sample_map
from dinoscope.segmentation._upsample import similarity_at

__all__ = [
    "Pieces",
    "Segmentation",
    "auto_thresholds",
    "choose_thresholds",
    "find_objects",
    "label_region",
    "lazy_map",
    "lazy_mask",
    "lazy_uncertainty",
    "outline_at",
    "sample_map",
    "segment",
    "similarity_at",
    "uncertainty",
]
