"""All ways to answer clicks, behind one contract."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from dinoscope.benchmark._forest import Forest
from dinoscope.benchmark._protocol import BASELINES
from dinoscope.geometry import Region
from dinoscope.reference import build_reference, check_same_encoder
from dinoscope.settings import SegmentationSettings, SimilaritySettings
from dinoscope.similarity import (
    ScaleMismatchWarning,
    SimilarityMap,
    compare_block,
    example_levels,
    fit,
    scale_mismatch,
    settle,
)
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.batch import Work
    from dinoscope.benchmark._bench import Bench
    from dinoscope.prompts import PointPrompt
    from dinoscope.reference import Reference
    from dinoscope.similarity import Matcher

    Compare = Callable[[int, Sequence[int]], SimilarityMap]
    """The map of some sections of an image, in their order: as if the image had no others."""

    Learn = Callable[[int, list[PointPrompt]], Compare]
    """What clicks on an image say."""

_SIDE = 256
"""Patches per side compared at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """A way to answer clicks.

    Attributes
    ----------
    name
        For tables.
    learn
        From clicks to maps.
    segmentation
        How its maps become masks.
    complete
        What else it is given with clicks on an image, or what it does not understand and is not given. No click counts
        for it, and no time.
    positives_only
        Whether it has no use for counter-examples, so that drawn ones tell nothing new about it.
    """

    name: str
    learn: Learn
    segmentation: SegmentationSettings
    complete: Callable[[int, list[PointPrompt]], list[PointPrompt]] = lambda index, prompts: prompts
    positives_only: bool = False


def ways_of(bench: Bench, similarity: SimilaritySettings, scratch: Path) -> Iterator[Way]:
    """All methods and baselines that the protocol asks for.

    Parameters
    ----------
    bench
        The data.
    similarity
        Parameters of the methods.
    scratch
        Where baselines keep features of their own.
    """
    wanted = bench.protocol.segmentation
    plain = SegmentationSettings(**{**wanted.to_dict(), "threshold": 0.5, "refine": "none"})
    for name in bench.protocol.methods:
        yield Way(name, _learner(bench, similarity, name), wanted)
    for key in bench.protocol.baselines:
        if key == "forest":
            forest = Forest(bench.dataset, bench.works, scratch)
            yield Way(BASELINES[key], forest.learn, plain, forest.complete)
        else:
            dinosim = _learner(bench, similarity, "dinosim")
            yield Way(BASELINES[key], dinosim, plain if key == "published" else wanted, positives_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What a method made of a reference, once for all images.

    Attributes
    ----------
    reference
        The examples.
    settings
        The method, settled.
    matcher
        It, fitted to the examples.
    levels
        As of a `SimilarityMap`.
    """

    reference: Reference
    settings: SimilaritySettings
    matcher: Matcher
    levels: NDArray[np.float32]

    @classmethod
    def of(cls, work: Work, prompts: list[PointPrompt], settings: SimilaritySettings) -> Self:
        """From clicks on an image."""
        reference = build_reference(work.store, prompts, work.stages.reference)
        settled = settle(reference, settings)
        matcher = fit(reference, settled)
        return cls(reference, settled, matcher, example_levels(reference, matcher, settled))

    def compare(self, work: Work, sections: Sequence[int]) -> SimilarityMap:
        """What `dinoscope.similarity.compare` gives, of some sections; these are all that need to have features.

        Raises
        ------
        ReferenceMismatchError
            If the reference comes from another encoder.

        Warns
        -----
        ScaleMismatchWarning
            If the reference was made at another pixel size.
        """
        store = work.store
        check_same_encoder(self.reference.encoder, store.manifest.encoder)
        advice = scale_mismatch(self.reference, store.manifest)
        if advice:
            warnings.warn(advice, ScaleMismatchWarning, stacklevel=2)
        grid = replace(store.grid, voxels=(len(sections), *store.grid.voxels[1:]))
        values = np.zeros((len(self.reference.classes), *grid.shape), np.float32)
        for block in blocks(grid.extent, (1, _SIDE, _SIDE)):
            z = sections[block.start[0]]
            there = Region((z, *block.start[1:]), (z + 1, *block.stop[1:]))
            values[(slice(None), *block.slices)] = compare_block(store, self.matcher, self.settings, there)
        return SimilarityMap(self.reference.classes, values, grid, self.levels)


def _learner(bench: Bench, similarity: SimilaritySettings, method: str) -> Learn:
    settings = SimilaritySettings(**{**similarity.to_dict(), "method": method})

    def learn(index: int, prompts: list[PointPrompt]) -> Compare:
        learned = Learned.of(bench.works[index], prompts, settings)
        return lambda other, sections: learned.compare(bench.works[other], sections)

    return learn
