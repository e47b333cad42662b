"""The settings of every stage, as evented models.

The command line flags and the forms of the graphical views are all built from these models: a field added here
appears in all of them. Titles, sentences and bounds therefore belong to the field and are written nowhere else.
"""

from dinoscope.settings._base import Length, Quantile, Settings, Share
from dinoscope.settings._cluster import ClusterSettings
from dinoscope.settings._features import (
    EncoderSettings,
    ImageSettings,
    IntensitySettings,
    StorageSettings,
    TilingSettings,
)
from dinoscope.settings._results import DetectionSettings, SegmentationSettings, ViewSettings
from dinoscope.settings._similarity import ReferenceSettings, SimilaritySettings
from dinoscope.settings._training import DistillSettings, PretrainSettings, SuperviseSettings

__all__ = [
    "ClusterSettings",
    "DetectionSettings",
    "DistillSettings",
    "EncoderSettings",
    "ImageSettings",
    "IntensitySettings",
    "Length",
    "PretrainSettings",
    "Quantile",
    "ReferenceSettings",
    "SegmentationSettings",
    "Settings",
    "Share",
    "SimilaritySettings",
    "StorageSettings",
    "SuperviseSettings",
    "TilingSettings",
    "ViewSettings",
]
