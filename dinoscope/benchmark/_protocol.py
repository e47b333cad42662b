"""Clicks on one section, looked for in all images."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.batch import Work
from dinoscope.benchmark._clicks import counter_examples, examples
from dinoscope.benchmark._results import EVERYTHING, Answer, Correction, Results
from dinoscope.errors import EvaluationError, PromptError, ReferenceMismatchError, SettingsError
from dinoscope.evaluate import CurveCounts, MaskCounts, clicks_to_reach, pool
from dinoscope.forms import choices_of
from dinoscope.jobs import Progress, ignore_progress
from dinoscope.reference import build_reference
from dinoscope.segmentation import choose_thresholds, label_region, similarity_at
from dinoscope.settings import SimilaritySettings
from dinoscope.similarity import ScaleMismatchWarning, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.batch import Stages
    from dinoscope.benchmark._dataset import Case, Dataset
    from dinoscope.encoders import Encoder
    from dinoscope.jobs import ProgressCallback
    from dinoscope.prompts import PointPrompt
    from dinoscope.reference import Reference
    from dinoscope.similarity import SimilarityMap

METHODS = choices_of(SimilaritySettings, "method")
"""All ways to compare features with examples."""

_REFUSALS = (PromptError, ReferenceMismatchError, SettingsError)
"""With which a method tells that it cannot work with what it is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What is measured.

    Attributes
    ----------
    clicks
        How many examples are drawn.
    seeds
        How often, each time on other objects.
    counter_examples
        How many are drawn besides.
    click_on
        The section that is clicked on, counted through all images.
    hold_out
        Whether that section does not count.
    labelled_only
        Whether sections with an empty truth do not count: in many data sets nobody has labelled them.
    methods
        Ways to compare.
    targets
        Dice that a simulated person must reach; none for no such person.
    at_most
        Clicks after which that person gives up.
    store_folder
        Where feature stores are kept; the user's cache by default.
    """

    clicks: tuple[int, ...] = (1, 3, 5, 10)
    seeds: int = 5
    counter_examples: int = 0
    click_on: int = 0
    hold_out: bool = False
    labelled_only: bool = False
    methods: tuple[str, ...] = METHODS
    targets: tuple[float, ...] = ()
    at_most: int = 20
    store_folder: Path | None = None

    def __post_init__(self) -> None:
        if not self.clicks or min(self.clicks) < 1 or self.seeds < 1 or self.counter_examples < 0:
            raise EvaluationError(
                f"{self.clicks} clicks, {self.seeds} seeds and {self.counter_examples} counter-examples cannot be "
                "drawn: expected numbers of clicks and seeds from 1 on"
            )


class EmptyTruthWarning(UserWarning):
    """Sections without anything true, which may rather be without labels."""


@dataclass(frozen=True, slots=True, eq=False)
class _Bench:
    """A data set seen by one encoder."""

    name: str
    dataset: Dataset
    works: tuple[Work, ...]
    protocol: Protocol
    labelled: tuple[tuple[int, ...], ...]
    """The sections of every case whose truth counts."""

    @property
    def clicked(self) -> tuple[int, int]:
        """Index of the case and of its section that are clicked on."""
        return self.dataset.section(self.protocol.click_on)

    def measured(self, index: int) -> tuple[int, ...]:
        """The sections of a case that count for drawn clicks."""
        left_out = self.clicked if self.protocol.hold_out else None
        return tuple(section for section in self.labelled[index] if (index, section) != left_out)


def run_benchmark(
    dataset: Dataset,
    encoders: Iterable[tuple[str, Encoder]],
    protocol: Protocol,
    stages: Stages,
    progress: ProgressCallback = ignore_progress,
) -> Results:
    """Measure every method with every encoder.

    Clicks are drawn from the truth of one section, what they are examples of is looked for in all images, and the
    masks at the automatic threshold, at 0.5 and at the best one are compared with the truth.

    Parameters
    ----------
    dataset
        Images with their truths.
    encoders
        Each under a name for the table; made one after the other if this is a generator.
    protocol
        What is measured.
    stages
        All other settings.
    progress
        Called after every tile and every answer.

    Returns
    -------
    The measurements. A method that refuses the clicks, as one does that needs counter-examples, is told in `left_out`.

    Raises
    ------
    EvaluationError
        If there is too little to click on, or no section counts.

    Warns
    -----
    EmptyTruthWarning
        If the truth of some sections is empty and they count.
    """
    answers: list[Answer] = []
    corrections: list[Correction] = []
    left_out: list[str] = []
    drawn, labelled = _drawn(dataset, protocol), _labelled(dataset, protocol)
    with warnings.catch_warnings():
        warnings.simplefilter("once", ScaleMismatchWarning)  # and not for every seed
        for name, encoder in encoders:
            works = _prepare(dataset, encoder, protocol, stages, progress)
            bench = _Bench(name, dataset, works, protocol, labelled)
            for method in protocol.methods:
                settings = SimilaritySettings(**{**stages.similarity.to_dict(), "method": method})
                try:
                    answers += _answers(bench, settings, drawn, progress)
                    corrections += _corrections(bench, settings, progress)
                except _REFUSALS as error:
                    left_out.append(f"{name}, {method}: {error}")
    return Results(tuple(answers), tuple(corrections), tuple(left_out))


def _drawn(dataset: Dataset, protocol: Protocol) -> dict[tuple[int, int], list[PointPrompt]]:
    """The clicks by their number and seed, the same for all encoders and methods."""
    index, section = dataset.section(protocol.click_on)
    case = dataset.cases[index]
    labels = case.labels(case.plane(section))[0]
    labels = labels if dataset.numbered else labels > 0
    return {
        (count, seed): examples(labels, section, count, seed)
        + counter_examples(labels, section, protocol.counter_examples, seed)
        for count in protocol.clicks
        for seed in range(protocol.seeds)
    }


def _labelled(dataset: Dataset, protocol: Protocol) -> tuple[tuple[int, ...], ...]:
    """The sections of every case whose truth counts."""
    every = [(index, z) for index, case in enumerate(dataset.cases) for z in range(case.sections)]
    full = [(index, z) for index, z in every if (dataset.cases[index].labels(dataset.cases[index].plane(z)) > 0).any()]
    empty = len(every) - len(full)
    if empty and not protocol.labelled_only:
        warnings.warn(
            f"the truth of {empty} of {len(every)} sections of {dataset.name!r} is empty and counts as such: if nobody "
            "labelled them, leave them out (--labelled-only, Protocol(labelled_only=True))",
            EmptyTruthWarning,
            stacklevel=3,
        )
    counted = full if protocol.labelled_only else every
    if not set(counted) - ({dataset.section(protocol.click_on)} if protocol.hold_out else set()):
        raise EvaluationError(
            f"no section of {dataset.name!r} counts: it has {len(every)}, {empty} of them with an empty truth, and the "
            "one that is clicked on does not count if it is held out"
        )
    return tuple(tuple(z for at, z in counted if at == index) for index in range(len(dataset.cases)))


def _prepare(
    dataset: Dataset, encoder: Encoder, protocol: Protocol, stages: Stages, progress: ProgressCallback
) -> tuple[Work, ...]:
    """All images with all their features."""
    from dinoscope.features import plan_features

    works = []
    for case in dataset.cases:
        path = None
        if protocol.store_folder is not None:
            key = plan_features(case.image, encoder.spec, stages.tiling, stages.intensity).key
            path = protocol.store_folder / f"{key}.zarr"
        work = Work.open(case.image, encoder, stages, path)
        work.extract(progress)
        works.append(work)
    return tuple(works)


def _answers(
    bench: _Bench,
    settings: SimilaritySettings,
    drawn: dict[tuple[int, int], list[PointPrompt]],
    progress: ProgressCallback,
) -> list[Answer]:
    found: list[Answer] = []
    for done, ((count, seed), prompts) in enumerate(drawn.items(), start=1):
        names = {"encoder": bench.name, "method": str(settings.method), "clicks": count, "seed": seed}
        single = [Answer(**{**names, **values}) for values in _answer(bench, settings, prompts)]
        whole = replace(
            single[0],
            image=EVERYTHING,
            automatic=pool(each.automatic for each in single),
            fixed=pool(each.fixed for each in single),
            curve=pool(each.curve for each in single),
        )
        found += [whole, *single] if len(single) > 1 else [whole]
        progress(Progress(f"{bench.name}, {settings.method}", done, len(drawn)))
    return found


def _answer(bench: _Bench, settings: SimilaritySettings, prompts: list[PointPrompt]) -> Iterator[dict[str, Any]]:
    """What came out in every image."""
    index, _ = bench.clicked
    began = time.perf_counter()
    work = bench.works[index]
    reference = build_reference(work.store, prompts, work.stages.reference)
    here = _map(work, reference, settings)
    seconds = time.perf_counter() - began
    for number, (case, other) in enumerate(zip(bench.dataset.cases, bench.works, strict=True)):
        sections = bench.measured(number)
        if sections:
            found = here if number == index else _map(other, reference, settings)
            yield {"image": case.image.name, "seconds": seconds, **_count(case, found, sections)}


def _map(work: Work, reference: Reference, settings: SimilaritySettings) -> tuple[SimilarityMap, NDArray[np.float32]]:
    similarity = compare(work.store, reference, settings)
    return similarity, choose_thresholds(similarity, "auto")


def _count(
    case: Case, found: tuple[SimilarityMap, NDArray[np.float32]], sections: tuple[int, ...]
) -> dict[str, MaskCounts | CurveCounts]:
    """Voxels of some sections."""
    similarity, threshold = found
    automatic, fixed, curves = [], [], []
    for section in sections:
        plane = case.plane(section)
        values, real = similarity_at(similarity, plane)[0], case.labels(plane) > 0
        automatic.append(MaskCounts.of(values >= threshold[0], real))
        fixed.append(MaskCounts.of(values >= 0.5, real))
        curves.append(CurveCounts.of(values, real))
    return {"automatic": pool(automatic), "fixed": pool(fixed), "curve": pool(curves)}


def _corrections(bench: _Bench, settings: SimilaritySettings, progress: ProgressCallback) -> list[Correction]:
    found: list[Correction] = []
    if not bench.protocol.targets:
        return found
    names = (bench.name, str(settings.method))
    stacks = zip(bench.dataset.cases, bench.works, bench.labelled, strict=True)
    for done, (case, work, sections) in enumerate(stacks, start=1):
        truth = np.concatenate([case.labels(case.plane(z)) > 0 for z in range(case.sections)])
        if truth.any():
            segment, times = _segmenter(case, work, settings, sections)
            effort = clicks_to_reach(segment, truth, bench.protocol.targets, bench.protocol.at_most)
            found.append(Correction(*names, case.image.name, effort, float(np.mean(times))))
        progress(Progress(f"{bench.name}, {settings.method}, corrections", done, len(bench.works)))
    return found


def _segmenter(
    case: Case, work: Work, settings: SimilaritySettings, sections: tuple[int, ...]
) -> tuple[Callable[[list[PointPrompt]], NDArray[np.bool_]], list[float]]:
    """What gives the mask of an image for some clicks, and the list it writes its seconds to.

    Outside of `sections` the mask is empty, like the truth: there is nothing to correct where nothing is labelled.
    """
    times: list[float] = []
    shape = (case.sections, *case.truth.shape[-2:])

    def segment(prompts: list[PointPrompt]) -> NDArray[np.bool_]:
        began = time.perf_counter()
        reference = build_reference(work.store, prompts, work.stages.reference)
        similarity, threshold = _map(work, reference, settings)
        times.append(time.perf_counter() - began)
        mask = np.zeros(shape, bool)
        for section in sections:
            mask[section] = label_region(similarity, case.plane(section), threshold)[0] > 0
        return mask

    return segment, times
