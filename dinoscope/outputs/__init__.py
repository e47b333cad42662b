"""Results on disk: label images, similarity maps, detections, tables, records and pictures."""

from dinoscope.outputs._atomic import ensure_writable, partial_file, write_text
from dinoscope.outputs._detections import (
    Detections,
    read_detections_csv,
    write_coco,
    write_csv,
    write_geojson,
)
from dinoscope.outputs._labels import LABEL_SUFFIXES, LabelsInfo, create_labels
from dinoscope.outputs._maps import create_map
from dinoscope.outputs._overlay import OverlayInfo, write_overlay
from dinoscope.outputs._palette import CLASS_COLOURS, RampName, class_colour, colour_ramp
from dinoscope.outputs._results import write_instances, write_mask, write_similarity
from dinoscope.outputs._scratch import scratch_array, scratch_folder
from dinoscope.outputs._sidecar import sidecar_path, write_sidecar
from dinoscope.outputs._sink import LabelSink
from dinoscope.outputs._table import check_table_name, to_data_frame, write_table

__all__ = [
    "CLASS_COLOURS",
    "LABEL_SUFFIXES",
    "Detections",
    "LabelSink",
    "LabelsInfo",
    "OverlayInfo",
    "RampName",
    "check_table_name",
    "class_colour",
    "colour_ramp",
    "create_labels",
    "create_map",
    "ensure_writable",
    "partial_file",
    "read_detections_csv",
    "scratch_array",
    "scratch_folder",
    "sidecar_path",
    "to_data_frame",
    "write_coco",
    "write_csv",
    "write_geojson",
    "write_instances",
    "write_mask",
    "write_overlay",
    "write_sidecar",
    "write_similarity",
    "write_table",
    "write_text",
]
