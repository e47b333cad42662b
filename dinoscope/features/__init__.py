"""Patch features of a whole image: planned, computed tile by tile, kept on disk."""

from dinoscope.features._blank import blank_notice
from dinoscope.features._cache import is_feature_store, mark_used, trim_cache
from dinoscope.features._codecs import CodecName, Coding
from dinoscope.features._colours import feature_colours
from dinoscope.features._cuts import Cut, CutAxis, CutPlan, VoxelShapeWarning, open_cuts, plan_cuts, shape_advice
from dinoscope.features._extract import estimate_blank, extract_features
from dinoscope.features._manifest import ImageFacts, Manifest, plan_features
from dinoscope.features._pipeline import keep_core, read_tile
from dinoscope.features._pixels import IntensityRange, measure_intensity, read_pixels
from dinoscope.features._store import DamagedFeaturesWarning, FeatureStore, default_store_path

__all__ = [
    "CodecName",
    "Coding",
    "Cut",
    "CutAxis",
    "CutPlan",
    "DamagedFeaturesWarning",
    "FeatureStore",
    "ImageFacts",
    "IntensityRange",
    "Manifest",
    "VoxelShapeWarning",
    "blank_notice",
    "default_store_path",
    "estimate_blank",
    "extract_features",
    "feature_colours",
    "is_feature_store",
    "keep_core",
    "mark_used",
    "measure_intensity",
    "open_cuts",
    "plan_cuts",
    "plan_features",
    "read_pixels",
    "read_tile",
    "shape_advice",
    "trim_cache",
]
