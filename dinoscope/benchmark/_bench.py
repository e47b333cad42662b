"""A data set with its features, ready to be asked."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dinoscope.batch import Work
from dinoscope.benchmark._clicks import counter_examples, examples
from dinoscope.errors import EvaluationError, SettingsError
from dinoscope.geometry import Region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinoscope.batch import Stages
    from dinoscope.benchmark._dataset import Dataset
    from dinoscope.benchmark._protocol import Protocol
    from dinoscope.encoders import Encoder
    from dinoscope.jobs import ProgressCallback
    from dinoscope.prompts import PointPrompt


class EmptyTruthWarning(UserWarning):
    """Sections without anything true, which may rather be without labels."""


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """A data set seen by one encoder.

    Attributes
    ----------
    name
        Of the encoder.
    dataset, protocol
        What is measured.
    works
        The images, in the order of the data set.
    labelled
        The sections of every image whose truth counts.
    """

    name: str
    dataset: Dataset
    protocol: Protocol
    works: tuple[Work, ...]
    labelled: tuple[tuple[int, ...], ...]

    @property
    def clicked(self) -> tuple[int, int]:
        """Index of the image and of its section that are clicked on."""
        return self.dataset.section(self.protocol.click_on)

    def measured(self, index: int) -> tuple[int, ...]:
        """The sections of an image that count for drawn clicks."""
        left_out = self.clicked if self.protocol.hold_out else None
        return tuple(section for section in self.labelled[index] if (index, section) != left_out)

    def corrected(self) -> list[tuple[int, int]]:
        """Images and sections with something true that the simulated person works on."""
        places = [(index, z) for index, sections in enumerate(self.labelled) for z in sections]
        cases = self.dataset.cases
        full = [(index, z) for index, z in places if (cases[index].labels(cases[index].plane(z)) > 0).any()]
        return full[: self.protocol.corrected or None]


def labelled_sections(dataset: Dataset, protocol: Protocol) -> tuple[tuple[int, ...], ...]:
    """The sections of every image whose truth counts.

    Raises
    ------
    EvaluationError
        If none counts.

    Warns
    -----
    EmptyTruthWarning
        If the truth of some sections is empty and they count.
    """
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


def open_works(
    dataset: Dataset,
    labelled: Sequence[Sequence[int]],
    encoder: Encoder,
    protocol: Protocol,
    stages: Stages,
    progress: ProgressCallback,
) -> tuple[Work, ...]:
    """All images, with the features of the sections that count and of the one that is clicked on.

    Raises
    ------
    SettingsError
        If volumes are to be cut across another axis than z.
    """
    from dinoscope.features import FeatureStore, default_store_path, plan_features

    if stages.tiling.slicing != "z":
        raise SettingsError(
            f"slicing {stages.tiling.slicing!r}: the truth is compared section by section, so set slicing to z"
        )
    works = []
    clicked, home = dataset.section(protocol.click_on), protocol.store_folder
    for index, case in enumerate(dataset.cases):
        manifest = plan_features(case.image, encoder.spec, stages.tiling, stages.intensity, stages.storage)
        path = default_store_path(manifest) if home is None else home / f"{manifest.key}.zarr"
        work = Work(case.image, encoder, FeatureStore.open_or_create(path, manifest), stages)
        for z in sorted({*labelled[index], *([clicked[1]] if clicked[0] == index else [])}):
            work.extract(progress, Region((z, 0, 0), (z + 1, *work.store.grid.shape[1:])))
        works.append(work)
    return tuple(works)


def draw_prompts(dataset: Dataset, protocol: Protocol) -> dict[tuple[int, int], list[PointPrompt]]:
    """The clicks by their number and seed, the same for all encoders and methods.

    Raises
    ------
    EvaluationError
        If there is too little to click on.
    """
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
