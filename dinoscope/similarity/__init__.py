"""From features and a reference to a similarity map: 1 is alike, 0 is unlike."""

from dinoscope.similarity._compare import compare, compare_block, empty_map, example_levels
from dinoscope.similarity._cuts import mean_of_maps, merge_maps
from dinoscope.similarity._dinosim import Bank, build_bank, vote
from dinoscope.similarity._domain import DomainMismatchWarning, domain_mismatch, domain_shift
from dinoscope.similarity._held_out import prominence
from dinoscope.similarity._map import ScaleMismatchWarning, SimilarityMap, WritableArray, scale_mismatch
from dinoscope.similarity._methods import Matcher, fit, settle
from dinoscope.similarity._origin import Origins, examples_at, nearest_examples, origins_of
from dinoscope.similarity._texts import Directions, fit_directions

__all__ = [
    "Bank",
    "Directions",
    "DomainMismatchWarning",
    "Matcher",
    "Origins",
    "ScaleMismatchWarning",
    "SimilarityMap",
    "WritableArray",
    "build_bank",
    "compare",
    "compare_block",
    "domain_mismatch",
    "domain_shift",
    "empty_map",
    "example_levels",
    "examples_at",
    "fit",
    "fit_directions",
    "mean_of_maps",
    "merge_maps",
    "nearest_examples",
    "origins_of",
    "prominence",
    "scale_mismatch",
    "settle",
    "vote",
]
