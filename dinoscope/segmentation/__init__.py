"""From a similarity map to masks and objects."""

from dinoscope.segmentation._fine import FineMap, as_fine, refine_map
from dinoscope.segmentation._live import hasty_mask, lazy_map, lazy_mask, lazy_uncertainty, uncertainty
from dinoscope.segmentation._objects import Pieces, find_objects
from dinoscope.segmentation._pick import outline_at
from dinoscope.segmentation._picture import Picture
from dinoscope.segmentation._prior import Prior, sample_sections
from dinoscope.segmentation._refine import Evidence
from dinoscope.segmentation._rules import ObjectRules, object_rules
from dinoscope.segmentation._sam_weights import SAM_CATALOGUE, SamEntry, create_segmenter, segmenter_of
from dinoscope.segmentation._segment import Segmentation, label_region, segment
from dinoscope.segmentation._segmenter import Crop, Segmenter
from dinoscope.segmentation._suggest import Suggestion, suggest
from dinoscope.segmentation._threshold import auto_thresholds, choose_thresholds, mask_thresholds
from dinoscope.segmentation._upsample import similarity_at

__all__ = [
    "SAM_CATALOGUE",
    "Crop",
    "Evidence",
    "FineMap",
    "ObjectRules",
    "Picture",
    "Pieces",
    "Prior",
    "SamEntry",
    "Segmentation",
    "Segmenter",
    "Suggestion",
    "as_fine",
    "auto_thresholds",
    "choose_thresholds",
    "create_segmenter",
    "find_objects",
    "hasty_mask",
    "label_region",
    "lazy_map",
    "lazy_mask",
    "lazy_uncertainty",
    "mask_thresholds",
    "object_rules",
    "outline_at",
    "refine_map",
    "sample_sections",
    "segment",
    "segmenter_of",
    "similarity_at",
    "suggest",
    "uncertainty",
]
