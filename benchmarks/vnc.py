"""Few clicks on one section of VNC, found on sections 00-05: what an encoder is worth.

``python -m benchmarks.vnc [ENCODER ...]``; an encoder is a name, a path, ``random-dinov2-small`` or ``hand-filters``.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._data import data_folder, save
from benchmarks._few_shot import Truth, best_scores, cosine_map, probe_map, scores
from benchmarks._hand_filters import HandFilters
from dinoscope.encoders import create_encoder, random_dinov2
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import open_image
from dinoscope.reference import build_reference
from dinoscope.settings import ImageSettings, IntensitySettings, ReferenceSettings, SimilaritySettings, TilingSettings
from dinoscope.similarity import ScaleMismatchWarning, compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.image import Image

    Figures = dict[str, Any]

DEFAULT_NAMES = ["nano", "random-dinov2-small", "hand-filters"]
SEEDS = range(5)
NUMBERS = (1, 3, 5, 10)
CLICKS = 5
COUNTER_EXAMPLES = 10
PIXEL_SIZE = 4.6
WRONG_SIZES = (2.3, 9.2)
OTHER_CLASSES = ("synapses", "membranes")
SECTIONS = ImageSettings(sections="0:6", image_pixel_size=PIXEL_SIZE)


def main() -> None:
    """Measure every encoder that is asked for."""
    truths = read_truths()
    save("vnc", {"everything": {name: everything(truth) for name, truth in truths.items()}})
    for name in sys.argv[1:] or DEFAULT_NAMES:
        figures = measure(name, truths)
        save("vnc", {name: figures})  # at once, as the next encoder may take long


def read_truths() -> dict[str, Truth]:
    """All classes by name: mitochondria on all six sections, others where there are any."""
    mitochondria = sections("mitochondria") > 0
    others = {name: truth for name in OTHER_CLASSES if (truth := labelled_sections(name))}
    return {"mitochondria": Truth(mitochondria, 0, np.ones(len(mitochondria), bool)), **others}


def sections(name: str) -> NDArray[Any]:
    """The voxels of sections 00 to 05."""
    image = open_sections(name)
    return image.read(image.extent)


def open_sections(name: str) -> Image:
    """Sections 00 to 05 of the image, or of a class."""
    return open_image(data_folder() / "vnc" / name, SECTIONS)


def labelled_sections(name: str) -> Truth | None:
    """A class on those sections where its truth is not empty, clicked on the first of them."""
    voxels = sections(name) > 0
    labelled: NDArray[np.bool_] = np.any(voxels, axis=(1, 2))
    if not labelled.any():
        print(f"{name}: the truth of all six sections is empty, so they cannot be measured", flush=True)
        return None
    return Truth(voxels, int(np.argmax(labelled)), labelled)


def everything(truth: Truth) -> dict[str, float]:
    """What marking every voxel gives."""
    share = float(truth.voxels[truth.measured].mean())
    counted = truth.measured & truth.voxels.any(axis=(1, 2))
    labelled = float(truth.voxels[counted].mean())
    return {"dice": 2 * share / (1 + share), "iou": share, "dice_labelled": 2 * labelled / (1 + labelled),
            "clicked": truth.clicked, "sections": int(truth.measured.sum())}  # fmt: skip


def measure(name: str, truths: dict[str, Truth]) -> Figures:
    """Mean and spread over the seeds of the clicks, for all that is asked of an encoder."""
    encoder, mitochondria = make_encoder(name), truths["mitochondria"]
    with tempfile.TemporaryDirectory() as scratch:
        stores = {size: features(encoder, size, Path(scratch)) for size in (PIXEL_SIZE, *WRONG_SIZES)}
        right = stores[PIXEL_SIZE]
        numbers = {str(n): over_seeds(f"{name}, {n} clicks", dinosim(right, right, mitochondria, n)) for n in NUMBERS}
        scales = {
            f"{size:g}": {
                "both": over_seeds(f"{name}, all at {size} nm", dinosim(stores[size], stores[size], mitochondria)),
                "image": over_seeds(f"{name}, only the image at {size} nm", dinosim(right, stores[size], mitochondria)),
            }
            for size in WRONG_SIZES
        }
        return {
            "clicks": numbers,
            "probe": over_seeds(f"{name}, linear probe", probe(right, mitochondria)),
            "cosine": over_seeds(f"{name}, cosine", cosine(right, mitochondria)),
            "classes": {other: over_seeds(f"{name}, {other}", dinosim(right, right, truth))
                        for other, truth in truths.items() if other != "mitochondria"},
            "scales": scales,
        }  # fmt: skip


def headline(name: str) -> Figures:
    """What five clicks on mitochondria give at the right scale."""
    truth = Truth(sections("mitochondria") > 0, 0, np.ones(6, bool))
    with tempfile.TemporaryDirectory() as scratch:
        store = features(make_encoder(name), PIXEL_SIZE, Path(scratch))
        return {
            "dinosim": over_seeds(f"{name}, {CLICKS} clicks", dinosim(store, store, truth)),
            "probe": over_seeds(f"{name}, linear probe", probe(store, truth)),
            "cosine": over_seeds(f"{name}, cosine", cosine(store, truth)),
        }


def make_encoder(name: str) -> Encoder:
    """An encoder by its name here."""
    if name == "random-dinov2-small":
        return random_dinov2("small")
    return HandFilters(open_sections("raw")) if name == "hand-filters" else create_encoder(name, "cpu")


def features(encoder: Encoder, pixel_size: float, folder: Path) -> FeatureStore:
    """All features of the sections, worked at a pixel size in nm."""
    image = open_sections("raw")
    manifest = plan_features(image, encoder.spec, TilingSettings(pixel_size=pixel_size), IntensitySettings())
    store = FeatureStore.create(folder / f"{pixel_size}.zarr", manifest)
    extract_features(image, encoder, store)
    return store


def over_seeds(what: str, one_seed: Callable[[int], dict[str, float]]) -> Figures:
    """Mean and standard deviation of every score."""
    runs = [one_seed(seed) for seed in SEEDS]
    result = {key: {"mean": float(np.mean([r[key] for r in runs])), "std": float(np.std([r[key] for r in runs]))}
              for key in runs[0]}  # fmt: skip
    told = ", ".join(f"{key} {value['mean']:.3f} ± {value['std']:.3f}" for key, value in result.items())
    print(f"{what}: {told}", flush=True)
    return result


def dinosim(
    clicked: FeatureStore, searched: FeatureStore, truth: Truth, count: int = CLICKS
) -> Callable[[int], dict[str, float]]:
    """Scores of DINOSim, for a seed, with the clicks on one store and the map of another."""

    def one_seed(seed: int) -> dict[str, float]:
        reference = build_reference(clicked, truth.clicks(count, seed), ReferenceSettings())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ScaleMismatchWarning)  # where two stores differ, that is the question
            return scores(compare(searched, reference, SimilaritySettings(method="dinosim")), truth)

    return one_seed


def probe(store: FeatureStore, truth: Truth) -> Callable[[int], dict[str, float]]:
    """Scores of a linear probe, for a seed."""

    def one_seed(seed: int) -> dict[str, float]:
        prompts = truth.clicks(CLICKS, seed) + truth.counter_examples(COUNTER_EXAMPLES, seed)
        return best_scores(store, probe_map(store, prompts), truth)

    return one_seed


def cosine(store: FeatureStore, truth: Truth) -> Callable[[int], dict[str, float]]:
    """Scores of the cosine to the mean of the clicks, for a seed."""
    return lambda seed: best_scores(store, cosine_map(store, truth.clicks(CLICKS, seed)), truth)


if __name__ == "__main__":
    main()
