"""From a similarity map to masks and objects."""

from dinoscope.segmentation._fine import FineMap, as_fine, refine_map
from dinoscope.segmentation._live import lazy_map, lazy_mask, lazy_uncertainty, uncertainty
from dinoscope.segmentation._objects import Pieces, find_objects
from dinoscope.segmentation._pick import outline_at
from dinoscope.segmentation._picture import Picture
from dinoscope.segmentation._prior import Prior, sample_map
from dinoscope.segmentation._refine import Evidence
from dinoscope.segmentation._rules import ObjectRules, object_rules
from dinoscope.segmentation._segment import Segmentation, label_region, segment
from dinoscope.segmentation._suggest import Suggestion, suggest
from dinoscope.segmentation._threshold import auto_thresholds, choose_thresholds, mask_thresholds
from dinoscope.segmentation._upsample import similarity_at

__all__ = [
    "Evidence",
    "FineMap",
    "ObjectRules",
    "Picture",
    "Pieces",
    "Prior",
    "Segmentation",
    "Suggestion",
    "as_fine",
    "auto_thresholds",
    "choose_thresholds",
    "find_objects",
    "label_region",
    "lazy_map",
    "lazy_mask",
    "lazy_uncertainty",
    "mask_thresholds",
    "object_rules",
    "outline_at",
    "refine_map",
    "sample_map",
    "segment",
    "similarity_at",
    "suggest",
    "uncertainty",
]
