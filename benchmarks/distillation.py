"""How well, and how much faster, the compact encoder gives a teacher's features: ``python -m benchmarks.distillation``.

The teacher is DINOv2-small with random weights, the images are VNC stack 2. The student never sees the last sections.
The cosine compares patches of student and teacher that have one centre, without interpolation, on those sections. The
maps are of one of them: the teacher's, the student's from a reference of its own, and the student's from the teacher's
reference. Their patches lie at other places (every 14 and every 8 pixels), so that no student's map can be equal.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks._data import data_folder, save
from dinoscope.encoders import create_encoder, random_dinov2
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference
from dinoscope.segmentation import similarity_at
from dinoscope.settings import (
    DistillSettings,
    ImageSettings,
    IntensitySettings,
    ReferenceSettings,
    SimilaritySettings,
    TilingSettings,
)
from dinoscope.similarity import compare
from dinoscope.training import distill

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.image import Image
    from dinoscope.reference import Reference

SETTINGS = DistillSettings(crops=150, steps=100_000, minutes=10)
CLICKS = 5


def main() -> None:
    """Distil, then compare the maps of teacher and student on a section that was held out."""
    stack = data_folder() / "vnc" / "stack2.ome.tif"
    teacher = random_dinov2("small")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        began = time.monotonic()
        outcome = distill([open_image(stack)], teacher, folder / "student", SETTINGS)
        minutes = (time.monotonic() - began) / 60
        student = create_encoder(folder / "student", "cpu")
        held_out = open_image(stack, ImageSettings(sections="19:20"))
        theirs = features_of(held_out, teacher, folder / "teacher.zarr")
        ours = features_of(held_out, student, folder / "student.zarr")
        reference = example(theirs)
        truth = similarity_map(theirs, reference)
        figures = {
            **dataclasses.asdict(outcome),
            "minutes": minutes,
            "map_correlation": correlation(truth, similarity_map(ours, example(ours))),
            "map_correlation_teachers_reference": correlation(truth, similarity_map(ours, reference)),
        }
    print(figures)
    save("distillation", {"random-dinov2-small": figures})


def features_of(image: Image, encoder: Encoder, path: Path) -> FeatureStore:
    """All features of a section."""
    manifest = plan_features(image, encoder.spec, TilingSettings(), IntensitySettings())
    store = FeatureStore.create(path, manifest)
    extract_features(image, encoder, store)
    return store


def example(store: FeatureStore) -> Reference:
    """A reference of five places drawn at random."""
    places = np.random.default_rng(0).uniform(100, 900, (CLICKS, 2))
    prompts = [PointPrompt((0.0, float(y), float(x))) for y, x in places]
    return build_reference(store, prompts, ReferenceSettings())


def similarity_map(store: FeatureStore, reference: Reference) -> NDArray[np.float32]:
    """DINOSim's map at every pixel."""
    similarity = compare(store, reference, SimilaritySettings(method="dinosim"))
    values: NDArray[np.float32] = similarity_at(similarity, Region.of_shape(store.grid.voxels))[0]
    return values


def correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Pearson's, over all pixels."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


if __name__ == "__main__":
    main()
