"""Click one, get all of them: segmentation and detection by example in large electron microscopy images."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dinoscope.detection import detect
    from dinoscope.encoders import create_encoder
    from dinoscope.features import FeatureStore, default_store_path, extract_features, plan_features
    from dinoscope.image import Image, open_image, spatial
    from dinoscope.measure import count_objects, measure_objects
    from dinoscope.prompts import (
        BoxPrompt,
        MaskPrompt,
        PointPrompt,
        PolygonPrompt,
        StrokePrompt,
        TextPrompt,
        read_prompts,
        text_prompts,
        write_prompts,
    )
    from dinoscope.reference import (
        Reference,
        build_reference,
        keep_examples,
        list_examples,
        object_in_box,
        pool_references,
    )
    from dinoscope.samples import phantom
    from dinoscope.segmentation import refine_map, segment, suggest
    from dinoscope.settings import (
        DetectionSettings,
        ImageSettings,
        IntensitySettings,
        ReferenceSettings,
        SegmentationSettings,
        SimilaritySettings,
        TilingSettings,
    )
    from dinoscope.similarity import SimilarityMap, compare, nearest_examples
    from dinoscope.text import TextLookUp, create_text_encoder

__version__ = "0.1.0"

__all__ = [
    "BoxPrompt",
    "DetectionSettings",
    "FeatureStore",
    "Image",
    "ImageSettings",
    "IntensitySettings",
    "MaskPrompt",
    "PointPrompt",
    "PolygonPrompt",
    "Reference",
    "ReferenceSettings",
    "SegmentationSettings",
    "SimilarityMap",
    "SimilaritySettings",
    "StrokePrompt",
    "TextLookUp",
    "TextPrompt",
    "TilingSettings",
    "__version__",
    "build_reference",
    "compare",
    "count_objects",
    "create_encoder",
    "create_text_encoder",
    "default_store_path",
    "detect",
    "extract_features",
    "keep_examples",
    "list_examples",
    "measure_objects",
    "nearest_examples",
    "object_in_box",
    "open_image",
    "phantom",
    "plan_features",
    "pool_references",
    "read_prompts",
    "refine_map",
    "segment",
    "spatial",
    "suggest",
    "text_prompts",
    "write_prompts",
]

_HOMES = {
    "detection": ("detect",),
    "encoders": ("create_encoder",),
    "features": ("FeatureStore", "default_store_path", "extract_features", "plan_features"),
    "image": ("Image", "open_image", "spatial"),
    "measure": ("count_objects", "measure_objects"),
    "prompts": (
        "BoxPrompt",
        "MaskPrompt",
        "PointPrompt",
        "PolygonPrompt",
        "StrokePrompt",
        "TextPrompt",
        "read_prompts",
        "text_prompts",
        "write_prompts",
    ),
    "reference": (
        "Reference",
        "build_reference",
        "keep_examples",
        "list_examples",
        "object_in_box",
        "pool_references",
    ),
    "samples": ("phantom",),
    "segmentation": ("refine_map", "segment", "suggest"),
    "settings": tuple(name for name in __all__ if name.endswith("Settings")),
    "similarity": ("SimilarityMap", "compare", "nearest_examples"),
    "text": ("TextLookUp", "create_text_encoder"),
}
_HOME_OF = {name: f"dinoscope.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: `import dinoscope` itself stays light."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'dinoscope' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
