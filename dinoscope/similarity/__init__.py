"""From features and a reference to a similarity map: 1 is alike, 0 is unlike."""

from dinoscope.similarity._compare import compare, compare_block, empty_map
from dinoscope.similarity._dinosim import Bank, build_bank, vote
from dinoscope.similarity._map import ScaleMismatchWarning, SimilarityMap, WritableArray, scale_mismatch
from dinoscope.similarity._methods import Matcher, fit, settle

__all__ = [
    "Bank",
    "Matcher",
    "ScaleMismatchWarning",
    "SimilarityMap",
    "WritableArray",
    "build_bank",
    "compare",
    "compare_block",
    "empty_map",
    "fit",
    "scale_mismatch",
    "settle",
    "vote",
]
