"""How much of a mask is left when features take less of the disk. VNC sections 00 to 05.

``python -m benchmarks.codecs [ENCODER ...]``: five clicks on mitochondria, five seeds, everything else as it comes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from benchmarks._data import save
from benchmarks._few_shot import Truth, dice
from benchmarks.vnc import CLICKS, PIXEL_SIZE, SEEDS, make_encoder, open_sections, sections
from dinoscope.features import CodecName, FeatureStore, extract_features, plan_features
from dinoscope.reference import build_reference
from dinoscope.segmentation import refine_map, segment
from dinoscope.settings import (
    IntensitySettings,
    ReferenceSettings,
    SegmentationSettings,
    SimilaritySettings,
    StorageSettings,
    TilingSettings,
)
from dinoscope.similarity import compare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder

ENCODERS = ("nano", "random-dinov2-small")

READS = 5


def main() -> None:
    """Measure every encoder that is asked for."""
    truth = Truth(sections("mitochondria") > 0, 0, np.ones(6, bool))
    for name in sys.argv[1:] or ENCODERS:
        figures = measure(make_encoder(name), truth)
        print(name, figures, flush=True)
        save("codecs", {name: figures})


def measure(encoder: Encoder, truth: Truth) -> dict[str, Any]:
    """Size, agreement with half precision and agreement with the truth, by codec."""
    with tempfile.TemporaryDirectory() as scratch:
        stores = {codec: full_store(encoder, codec, Path(scratch)) for codec in get_args(CodecName)}
        masks = {codec: [mask(store, truth, seed) for seed in SEEDS] for codec, store in stores.items()}
        return {
            codec: {
                **size(store),
                "iou": [overlap(a, b) for a, b in zip(masks[codec], masks["float16"], strict=True)],
                "dice": [dice(found, truth.voxels) for found in masks[codec]],
                "read_ms": read_ms(store),
            }
            for codec, store in stores.items()
        }


def full_store(encoder: Encoder, codec: CodecName, folder: Path) -> FeatureStore:
    """All features of the sections, kept by a codec."""
    image, tiling = open_sections("raw"), TilingSettings(pixel_size=PIXEL_SIZE)
    manifest = plan_features(image, encoder.spec, tiling, IntensitySettings(), StorageSettings(codec=codec))
    store = FeatureStore.create(folder / f"{codec}.zarr", manifest)
    extract_features(image, encoder, store)
    return store


def mask(store: FeatureStore, truth: Truth, seed: int) -> NDArray[np.bool_]:
    """What is found of the clicks of a seed, shape (z, y, x)."""
    settings, manifest = SegmentationSettings(), store.manifest
    reference = build_reference(store, truth.clicks(CLICKS, seed), ReferenceSettings())
    similarity = compare(store, reference, SimilaritySettings())
    fine = refine_map(similarity, open_sections("raw"), manifest, settings)
    return np.asarray(segment(fine, manifest.image, settings).mask[:] > 0)


def overlap(found: NDArray[np.bool_], expected: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((found & expected).sum() / max(1, (found | expected).sum()))


def size(store: FeatureStore) -> dict[str, float]:
    """What a full store takes: of the values alone, and on disk, per pixel of the image."""
    pixels = np.prod(store.manifest.image.voxels)
    files = [path for path in store.path.rglob("*") if path.is_file()]
    return {
        "width": store.manifest.coding.width,
        "bytes_per_pixel": store.manifest.stored_bytes / float(pixels),
        "on_disk_per_pixel": sum(path.stat().st_size for path in files) / float(pixels),
        "files": len(files),
    }


def read_ms(store: FeatureStore) -> list[float]:
    """Milliseconds to read one shard, shortest, median and longest."""
    spent = []
    for _ in range(READS):
        begun = time.perf_counter()
        store.read(store.grid.extent.intersect(store.shards()[0]))
        spent.append(1000 * (time.perf_counter() - begun))
    return [min(spent), float(np.median(spent)), max(spent)]


if __name__ == "__main__":
    main()
