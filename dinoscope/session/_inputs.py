"""What a session works on, frozen at a moment, and which of it each stage depends on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from dinoscope.batch import Stages
from dinoscope.errors import SettingsError
from dinoscope.settings import (
    DetectionSettings,
    EncoderSettings,
    IntensitySettings,
    ReferenceSettings,
    SegmentationSettings,
    SimilaritySettings,
    StorageSettings,
    TilingSettings,
)

if TYPE_CHECKING:
    from collections.abc import Container, Hashable, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from dinoscope.geometry import Region
    from dinoscope.image import Image
    from dinoscope.prompts import Prompt
    from dinoscope.reference import Reference
    from dinoscope.settings import Settings

Stage = Literal[
    "features",
    "cost",
    "colours",
    "reference",
    "scale",
    "preview",
    "similarity",
    "segmentation",
    "measurements",
    "detections",
]

STAGES: tuple[Stage, ...] = get_args(Stage)
"""In the order in which results can come."""

NEEDS: dict[Stage, Stage | None] = {
    "features": None,
    "cost": "features",
    "colours": "features",
    "reference": "features",
    "scale": "reference",
    "preview": "reference",
    "similarity": "reference",
    "segmentation": "similarity",
    "measurements": "segmentation",
    "detections": "similarity",
}
"""The stage whose result each stage is made from. ``features`` is the open store, filled as far as others need it."""


FOLLOWED: tuple[Stage, ...] = ("cost", "similarity")
"""What views keep current while people look around and give examples."""

OBJECTS: tuple[Stage, ...] = ("measurements", "detections")
"""What people ask for when they want objects."""


def needs_examples(stage: Stage | None) -> bool:
    """Whether a stage is made from examples, at whatever remove."""
    return stage is not None and (stage == "reference" or needs_examples(NEEDS[stage]))


def plan(wanted: Iterable[Stage], known: Container[Stage], in_view: bool) -> list[Stage]:
    """The stages to go through for some results, in order. With a view its ``preview`` precedes the ``similarity``."""
    needed: set[Stage] = set()
    for goal in wanted:
        stage: Stage | None = goal
        while stage is not None:
            needed.add(stage)
            stage = NEEDS[stage]
    if in_view and "similarity" in needed and "similarity" not in known:
        needed.add("preview")
    return [stage for stage in STAGES if stage in needed]


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The evented settings of all stages."""

    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    tiling: TilingSettings = field(default_factory=TilingSettings)
    intensity: IntensitySettings = field(default_factory=IntensitySettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    reference: ReferenceSettings = field(default_factory=ReferenceSettings)
    similarity: SimilaritySettings = field(default_factory=SimilaritySettings)
    segmentation: SegmentationSettings = field(default_factory=SegmentationSettings)
    detection: DetectionSettings = field(default_factory=DetectionSettings)

    def models(self) -> Iterator[Settings]:
        """All of them."""
        for part in fields(self):
            yield getattr(self, part.name)

    @property
    def stages(self) -> Stages:
        """Those up to the similarity map, as other images are worked on with them."""
        return Stages(**{part.name: getattr(self, part.name) for part in fields(Stages) if hasattr(self, part.name)})

    def to_dict(self) -> dict[str, Any]:
        """All values by stage, as plain JSON."""
        return {part.name: getattr(self, part.name).to_dict() for part in fields(self)}

    def update(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Take over values that `to_dict` gave.

        Raises
        ------
        SettingsError
            If there is no such stage or setting, or a value is out of its bounds.
        """
        try:
            for stage, chosen in values.items():
                model = getattr(self, stage)
                for name, value in chosen.items():
                    setattr(model, name, value)
        except (AttributeError, ValueError) as error:
            raise SettingsError(f"these settings do not fit this version of dinoscope: {error}") from error

    def copy(self) -> SessionSettings:
        """The same values, free of later changes."""
        return SessionSettings(**{part.name: getattr(self, part.name).model_copy() for part in fields(self)})


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Everything that results are made from, at one moment.

    Attributes
    ----------
    image
        With axes ``(z?, y, x, s?)``.
    prompts
        Examples on this image.
    references
        Examples from elsewhere.
    muted
        Numbers of the examples that are switched off, where those from elsewhere come first.
    settings
        A copy of the settings.
    view
        Voxels (z, y, x) that are looked at and come first, or None.
    """

    image: Image
    prompts: tuple[Prompt, ...]
    references: tuple[Reference, ...]
    muted: frozenset[int]
    settings: SessionSettings
    view: Region | None

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Number of the example behind each row of the pooled reference; prompts are looked up in every stack."""
        known = sum(len(reference.positive) for reference in self.references)
        prompts = known + np.arange(len(self.prompts))
        return np.concatenate([np.arange(known), *[prompts] * len(self.settings.tiling.cut_axes)])

    @property
    def heard(self) -> NDArray[np.int64]:
        """Of these, those that are not switched off."""
        return self.numbers[~np.isin(self.numbers, list(self.muted))]

    @property
    def heard_prompts(self) -> tuple[Prompt, ...]:
        """The examples on this image that are not switched off."""
        known = sum(len(reference.positive) for reference in self.references)
        return tuple(prompt for number, prompt in enumerate(self.prompts, known) if number not in self.muted)

    def key(self, stage: Stage) -> Hashable:
        """What a result of this stage depends on; a result whose key differs from today's is stale."""
        needed = NEEDS[stage]
        upstream = None if needed is None else self.key(needed)
        return stage, upstream, self._own(stage)

    def _own(self, stage: Stage) -> Hashable:
        """What the stage depends on besides the stage before it."""
        settings = self.settings
        match stage:
            case "features":
                chosen = settings.encoder
                where = chosen.device if chosen.precision in ("auto", "fastest") else ""  # it chooses the precision
                encoder = chosen.encoder, chosen.passes, chosen.precision, where  # batch size changes no feature
                chosen_by = (settings.tiling, settings.intensity, settings.storage)
                return id(self.image), encoder, tuple(_values(part) for part in chosen_by)
            case "cost":
                return settings.encoder.device, settings.encoder.batch_size
            case "colours":
                return self.view
            case "reference":
                examples = (self.prompts, tuple(id(reference) for reference in self.references), self.muted)
                return (*examples, _values(settings.reference))
            case "preview":
                return self.view, _values(settings.similarity)
            case "scale" | "similarity":
                return _values(settings.similarity)
            case "segmentation":
                return _values(settings.segmentation)
            case "detections":
                return _values(settings.detection)
            case "measurements":
                return None


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What came of a stage, and from what.

    Attributes
    ----------
    stage
        Which one.
    key
        What it was made from, see `Inputs.key`.
    value
        What came of it.
    advice
        What a person should know about it; empty where there is nothing to say.
    """

    stage: Stage
    key: Hashable
    value: Any
    advice: str = ""


def _values(settings: Settings) -> str:
    return json.dumps(settings.to_dict(), sort_keys=True)
