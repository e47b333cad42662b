"""Clicks on one section, looked for in all images; and a simulated person who corrects."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.benchmark._bench import Bench, draw_prompts, labelled_sections, open_works
from dinoscope.benchmark._forest import require_forest
from dinoscope.benchmark._results import EVERYTHING, Answer, Correction, Draw, Results
from dinoscope.benchmark._tally import Found, tally
from dinoscope.benchmark._ways import ways_of
from dinoscope.errors import PromptError, ReferenceMismatchError, SettingsError
from dinoscope.evaluate import clicks_to_reach, pool
from dinoscope.geometry import Region
from dinoscope.jobs import Progress, ignore_progress
from dinoscope.segmentation import label_region
from dinoscope.similarity import ScaleMismatchWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from dinoscope.batch import Stages
    from dinoscope.benchmark._dataset import Dataset
    from dinoscope.benchmark._protocol import Protocol
    from dinoscope.benchmark._tally import Tally
    from dinoscope.benchmark._ways import Way
    from dinoscope.encoders import Encoder
    from dinoscope.jobs import ProgressCallback
    from dinoscope.prompts import PointPrompt

    Drawn = dict[tuple[int, int], list[PointPrompt]]

_REFUSALS = (PromptError, ReferenceMismatchError, SettingsError)
"""With which a method tells that it cannot work with what it is given."""


def run_benchmark(
    dataset: Dataset,
    encoders: Iterable[tuple[str, Encoder]],
    protocol: Protocol,
    stages: Stages,
    progress: ProgressCallback = ignore_progress,
) -> Results:
    """Measure every method with every encoder.

    Clicks are drawn from the truth of one section, what they are examples of is looked for in all images, and masks,
    objects and detections are compared with the truth, section by section.

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
    MissingDependencyError
        If the forest is asked for without scikit-learn.

    Warns
    -----
    EmptyTruthWarning
        If the truth of some sections is empty and they count.
    """
    if "forest" in protocol.baselines:
        require_forest()
    drawn, labelled = draw_prompts(dataset, protocol), labelled_sections(dataset, protocol)
    answers: list[Answer] = []
    corrections: list[Correction] = []
    left_out: list[str] = []
    with warnings.catch_warnings(), TemporaryDirectory() as folder:
        warnings.simplefilter("once", ScaleMismatchWarning)  # and not for every seed
        for name, encoder in encoders:
            works = open_works(dataset, labelled, encoder, protocol, stages, progress)
            bench = Bench(name, dataset, protocol, works, labelled)
            for way in ways_of(bench, stages.similarity, protocol.store_folder or Path(folder)):
                try:
                    answers += _answers(bench, way, drawn, progress)
                    corrections += _corrections(bench, way, progress)
                except _REFUSALS as error:
                    left_out.append(f"{name}, {way.name}: {error}")
    return Results(tuple(answers), tuple(corrections), tuple(left_out))


def _answers(bench: Bench, way: Way, drawn: Drawn, progress: ProgressCallback) -> list[Answer]:
    found: list[Answer] = []
    if way.positives_only:
        return found
    against = bench.protocol.counter_examples
    for done, ((count, seed), prompts) in enumerate(drawn.items(), start=1):
        single, seconds = _answer(bench, way, way.complete(bench.clicked[0], prompts))
        whole = (EVERYTHING, pool(counts for _, counts in single))
        found += [
            Answer(bench.name, way.name, image, Draw(count, against, seed), counts, seconds)
            for image, counts in ([whole, *single] if len(single) > 1 else [whole])
        ]
        progress(Progress(f"{bench.name}, {way.name}", done, len(drawn)))
    return found


def _answer(bench: Bench, way: Way, prompts: list[PointPrompt]) -> tuple[list[tuple[str, Tally]], float]:
    """What was counted in every image, and the seconds for one section."""
    index, section = bench.clicked
    here = bench.measured(index) or (section,)
    began = time.perf_counter()
    compare = way.learn(index, prompts)
    learned = time.perf_counter()
    first = Found.of(here, compare(index, here), way.segmentation)
    seconds = learned - began + (time.perf_counter() - learned) / len(here)
    counted = []
    for number, (case, work) in enumerate(zip(bench.dataset.cases, bench.works, strict=True)):
        sections = bench.measured(number)
        if sections:
            found = first if number == index else Found.of(sections, compare(number, sections), way.segmentation)
            counts = tally(case, work, found, bench.dataset.numbered, bench.protocol.detection)
            counted.append((case.image.name, counts))
    return counted, seconds


def _corrections(bench: Bench, way: Way, progress: ProgressCallback) -> list[Correction]:
    found: list[Correction] = []
    places = bench.corrected() if bench.protocol.targets else []
    for done, (index, section) in enumerate(places, start=1):
        case, times = bench.dataset.cases[index], list[float]()
        effort = clicks_to_reach(
            _segmenter(bench, way, (index, section), times),
            case.labels(case.plane(section))[0] > 0,
            bench.protocol.targets,
            bench.protocol.at_most,
            positives_only=way.positives_only,
        )
        effort = replace(effort, prompts=tuple(_in_section(effort.prompts, section)))
        name = case.image.name if case.sections == 1 else f"{case.image.name}, section {section}"
        found.append(Correction(bench.name, way.name, name, effort, float(np.mean(times))))
        progress(Progress(f"{bench.name}, {way.name}, corrections", done, len(places)))
    return found


def _segmenter(
    bench: Bench, way: Way, place: tuple[int, int], times: list[float]
) -> Callable[[list[PointPrompt]], NDArray[np.bool_]]:
    """What gives the mask of a section for some clicks on it, and writes its seconds to a list."""
    index, section = place
    case, work = bench.dataset.cases[index], bench.works[index]
    plane = case.plane(section)
    alone = Region((0, *plane.start[1:]), (1, *plane.stop[1:]))

    def segment(prompts: list[PointPrompt]) -> NDArray[np.bool_]:
        given = way.complete(index, _in_section(prompts, section))
        began = time.perf_counter()
        found = Found.of((section,), way.learn(index, given)(index, (section,)), way.segmentation)
        mask: NDArray[np.bool_] = (
            label_region(found.fine(case, work, 0), alone, np.array([found.threshold], np.float32))[0] > 0
        )
        times.append(time.perf_counter() - began)
        return mask

    return segment


def _in_section(prompts: Iterable[PointPrompt], section: int) -> list[PointPrompt]:
    """Clicks on a section by itself, as clicks on the image."""
    return [replace(prompt, position=(float(section), *prompt.position[1:])) for prompt in prompts]
