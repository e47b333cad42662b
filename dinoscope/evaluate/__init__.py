"""How good is a result: overlap of masks, matches of objects and of detections, against a ground truth.

Images are read block by block, so they may be larger than memory. What is counted in several images can be added up
(`pool`) before it is divided, so that scores of many images weigh every voxel or object alike.
"""

from dinoscope.evaluate._annotator import Effort, clicks_to_reach, next_click
from dinoscope.evaluate._clicks import draw_clicks, draw_points
from dinoscope.evaluate._counts import Counts, pool
from dinoscope.evaluate._curve import Curve, CurveCounts, CurveScores, best_dice, count_curve
from dinoscope.evaluate._detections import (
    DetectionCounts,
    DetectionScores,
    count_detections,
    count_detections_in,
    evaluate_detections,
    evaluate_detections_in,
)
from dinoscope.evaluate._instances import (
    AP_IOUS,
    InstanceCounts,
    InstanceScores,
    count_instances,
    evaluate_instances,
)
from dinoscope.evaluate._maps import is_similarity, open_similarity
from dinoscope.evaluate._masks import MaskCounts, Scores, count_masks, evaluate_masks
from dinoscope.evaluate._pairs import only_label
from dinoscope.evaluate._ranking import RankedDetections, rank_detections, rank_detections_in

__all__ = [
    "AP_IOUS",
    "Counts",
    "Curve",
    "CurveCounts",
    "CurveScores",
    "DetectionCounts",
    "DetectionScores",
    "Effort",
    "InstanceCounts",
    "InstanceScores",
    "MaskCounts",
    "RankedDetections",
    "Scores",
    "best_dice",
    "clicks_to_reach",
    "count_curve",
    "count_detections",
    "count_detections_in",
    "count_instances",
    "count_masks",
    "draw_clicks",
    "draw_points",
    "evaluate_detections",
    "evaluate_detections_in",
    "evaluate_instances",
    "evaluate_masks",
    "is_similarity",
    "next_click",
    "only_label",
    "open_similarity",
    "pool",
    "rank_detections",
    "rank_detections_in",
]
