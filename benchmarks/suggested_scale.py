"""Whether the working scale that a few clicks suggest is a good one, from a right and from wrong ones to begin with.

``python -m benchmarks.suggested_scale``. Clicks are drawn on single sections; what they find there is measured at the
scale they began with, at the one that `dinoscope.batch.suggest_scale` then gives, and at the best of those it tried.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._data import save
from benchmarks.few_examples import ENCODER, SCRATCH, SETS
from dinoscope.batch import Stages, Work, suggest_scale
from dinoscope.benchmark._clicks import examples
from dinoscope.benchmark._tally import Found
from dinoscope.benchmark._ways import Learned
from dinoscope.encoders import create_encoder
from dinoscope.features import plan_features
from dinoscope.geometry import Region
from dinoscope.image import cropped
from dinoscope.segmentation import label_region
from dinoscope.settings import SegmentationSettings, SimilaritySettings, TilingSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dinoscope.benchmark._dataset import Case
    from dinoscope.encoders import Encoder
    from dinoscope.image import Image
    from dinoscope.prompts import PointPrompt

CLICKS, STARTS = 5, (0.5, 1.0, 2.0)
"""How many examples, and the scales to begin with."""


@dataclass(frozen=True)
class Clicked:
    """A section with clicks on it.

    Attributes
    ----------
    case
        The section as an image, and its truth.
    truth
        Where something is, shape (y, x).
    prompts
        The clicks.
    encoder
        What looks at it.
    """

    case: Case
    truth: NDArray[np.bool_]
    prompts: list[PointPrompt]
    encoder: Encoder
    _known: dict[float, float] = field(default_factory=dict)

    def figures(self, start: float) -> dict[str, float]:
        """Dice at the scale to begin with, at the suggested one, and at the best that was tried."""
        found = suggest_scale(self.case.image, self.encoder, self.prompts, _stages(start), SCRATCH)
        tried = [self.dice(candidate.scale) for candidate in found.candidates]
        return {
            "start": self.dice(found.present.scale),
            "suggested": self.dice(found.best.scale),
            "best": max(tried),
            "scale": found.best.scale,
        }

    def dice(self, scale: float) -> float:
        """Of what the clicks find in the section at a scale, as the product answers."""
        if scale not in self._known:
            work = _open(self.case.image, self.encoder, _stages(scale))
            work.extract(lambda _: None)
            similarity = Learned.of(work, self.prompts, SimilaritySettings()).compare(work, (0,))
            found = Found.of((0,), similarity, SegmentationSettings())
            everywhere = Region.of_shape(similarity.grid.voxels)
            mask = label_region(found.fine(self.case, work, 0), everywhere, np.array([found.threshold], np.float32))[0]
            both = np.count_nonzero((mask > 0) & self.truth)
            self._known[scale] = 2 * both / (np.count_nonzero(mask) + np.count_nonzero(self.truth))
        return self._known[scale]


def main() -> None:
    """Measure every set."""
    args = _arguments()
    for name in args.sets or SETS:
        lines = [
            {"section": section, "seed": seed, "start_scale": start, **clicked.figures(start)}
            for section in range(args.sections)
            for seed in range(args.seeds)
            for clicked in [_clicked(name, section, seed)]
            for start in STARTS
        ]
        save("suggested_scale", {name: {"lines": lines, "means": _means(lines)}})
        print(name, _means(lines), flush=True)


def _clicked(name: str, number: int, seed: int) -> Clicked:
    """Of the sections of a set that have something to click on, one of a number."""
    full = [(case, z) for case in _dataset(name).cases for z in range(case.sections) if _truth(case, z).any()]
    case, z = full[number]
    labels = _truth(case, z) if _dataset(name).numbered else _truth(case, z) > 0
    image = cropped(case.image, case.plane(z)) if "z" in case.image.axis_names else case.image
    prompts = examples(labels, 0, CLICKS, seed)
    return Clicked(replace(case, image=image), labels > 0, prompts, create_encoder(ENCODER, "cpu"))


@cache
def _dataset(name: str) -> Any:
    return SETS[name]()


def _truth(case: Case, section: int) -> NDArray[Any]:
    truth: NDArray[Any] = case.labels(case.plane(section))[0]
    return truth


def _stages(scale: float) -> Stages:
    return Stages(tiling=TilingSettings(scale=scale))


def _open(image: Image, encoder: Encoder, stages: Stages) -> Work:
    manifest = plan_features(image, encoder.spec, stages.tiling, stages.intensity)
    return Work.of(image, encoder, stages, manifest, SCRATCH / f"{manifest.key}.zarr")


def _means(lines: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean Dice by the scale to begin with."""
    means = {}
    for start in STARTS:
        found = [line for line in lines if line["start_scale"] == start]
        told = {key: np.mean([line[key] for line in found]) for key in ("start", "suggested", "best")}
        means[f"{start:g}"] = {key: round(float(mean), 4) for key, mean in told.items()}
    return means


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suggested_scale")
    parser.add_argument("--set", action="append", dest="sets", choices=SETS)
    parser.add_argument("--sections", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
