"""What is done to every image."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from dinoscope.settings import (
    DetectionSettings,
    EncoderSettings,
    ImageSettings,
    IntensitySettings,
    ReferenceSettings,
    SegmentationSettings,
    SimilaritySettings,
    StorageSettings,
    TilingSettings,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.reference import Reference

ResultKind = Literal["mask", "instances", "similarity", "measurements", "detections", "overlay"]
"""What can be written of an image."""


_FORMAT = 1
"""Of the records that `apply` reads back; results of another one are not taken for finished."""


@dataclass(frozen=True, slots=True)
class Stages:
    """The settings of all stages up to the similarity map."""

    image: ImageSettings = field(default_factory=ImageSettings)
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    tiling: TilingSettings = field(default_factory=TilingSettings)
    intensity: IntensitySettings = field(default_factory=IntensitySettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    reference: ReferenceSettings = field(default_factory=ReferenceSettings)
    similarity: SimilaritySettings = field(default_factory=SimilaritySettings)

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain JSON values, for provenance."""
        return {part.name: getattr(self, part.name).to_dict() for part in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is looked for in every image, how, and what is written of it.

    Attributes
    ----------
    reference
        What to look for; `pool_references` makes one of several.
    stages
        Settings up to the similarity map. `stages.reference` only tells how `reference` was made.
    segmentation, detection
        Settings of the last stages.
    results
        What to write of every image. Objects are looked for only if something of them is wanted.
    labels_as
        Suffix of masks and instances.
    detections_as
        Suffix of detections; ``json`` is COCO.
    store_folder
        Where feature stores are kept; the user's cache by default.
    """

    reference: Reference
    stages: Stages = field(default_factory=Stages)
    segmentation: SegmentationSettings = field(default_factory=SegmentationSettings)
    detection: DetectionSettings = field(default_factory=DetectionSettings)
    results: tuple[ResultKind, ...] = ("mask", "measurements")
    labels_as: Literal["ome.zarr", "tif", "png"] = "ome.zarr"
    detections_as: Literal["csv", "geojson", "json"] = "csv"
    store_folder: Path | None = None

    def targets(self, folder: Path, name: str) -> dict[ResultKind, Path]:
        """Where the results of an image of this name go."""
        suffixes: dict[ResultKind, str] = {
            "mask": self.labels_as,
            "instances": self.labels_as,
            "similarity": "ome.zarr",
            "measurements": "csv",
            "detections": self.detections_as,
            "overlay": "png",
        }
        return {kind: folder / f"{name}_{kind}.{suffixes[kind]}" for kind in self.results}

    def digest(self) -> str:
        """Tells recipes apart that look for something else or otherwise; what decides the features is not in it."""
        settings = [part.to_dict() for part in (self.stages.similarity, self.segmentation, self.detection)]
        if self.stages.tiling.slicing != "z":  # features of the image's own sections do not tell of others
            settings.append({"slicing": self.stages.tiling.slicing})
        found = hashlib.sha256(json.dumps([_FORMAT, settings, self.reference.classes], sort_keys=True).encode())
        arrays: list[NDArray[Any]] = [self.reference.vectors, self.reference.class_index, self.reference.positive]
        arrays += [window.features for window in self.reference.windows]
        for array in arrays:
            found.update(array.tobytes())
        return found.hexdigest()[:32]
