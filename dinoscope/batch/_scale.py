"""Which working scale the examples on an image ask for.

Physical scale matters as much as the encoder: what it has learned to tell apart spans so many patches. So the
surroundings of the examples are encoded at several scales, and at each of them some examples look for the others.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from dinoscope.errors import PromptError
from dinoscope.jobs import Progress, ignore_progress
from dinoscope.prompts import BoxPrompt, MaskPrompt, PolygonPrompt, TextPrompt, as_mask, placed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dinoscope.batch._recipe import Stages
    from dinoscope.encoders import Encoder
    from dinoscope.features import Manifest
    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback
    from dinoscope.prompts import Prompt
    from dinoscope.settings import SimilaritySettings

STEPS = (0.5, 0.5**0.5, 1.0, 2.0**0.5, 2.0)
"""Scales that are tried, as multiples of the present one."""

_COARSER, _FINER = 0.02, 0.15
"""By which share the examples must stand out further than at the present scale before another one is suggested. Twice
as fine a scale takes four times the time, and where objects are seen well the figure goes on rising a little."""

_SPAN = (3.0, 8.0)
"""Patches across an object of which an encoder sees what it is."""

_FEWEST = 16
"""Patches along the shorter side of an image that is still looked at: of a smaller one little is left."""

_LARGEST = 32.0
"""As `TilingSettings.scale` has it."""

_EXAMPLES = 20
"""Of more, so many are looked at, evenly spread: the figures change little, and take the longer."""

_DIGITS = 3
"""Of what is suggested."""

Field = Literal["pixel_size", "scale"]


@dataclass(frozen=True, slots=True)
class ScaleCandidate:
    """A working scale that was tried.

    Attributes
    ----------
    scale
        Working pixels per voxel.
    pixel_size_nm
        Side of a working pixel, or None where the image does not tell the size of its own.
    prominence
        How far held-out examples stand out, see `dinoscope.similarity.prominence`; nan where nothing can be held out.
    span
        Patches across a typical example; nan where none has a size.
    tiles
        Tiles of the whole image: what its features cost.
    """

    scale: float
    pixel_size_nm: float | None
    prominence: float
    span: float
    tiles: int

    def __str__(self) -> str:
        """Such as ``9.2 nm per pixel``, or ``scale 0.5``."""
        return f"scale {self.scale:.3g}" if self.pixel_size_nm is None else f"{self.pixel_size_nm:.3g} nm per pixel"


@dataclass(frozen=True, slots=True)
class ScaleSuggestion:
    """What the examples say of the working scale.

    Attributes
    ----------
    candidates
        What was tried, from coarse to fine.
    present, best
        Of these, the one in use and the one that is suggested: the same, unless another is clearly better.
    field
        The one of `TilingSettings` that chooses the scale: the one in use, or else the pixel size if it is known.
    reason
        Why, in a sentence.
    """

    candidates: tuple[ScaleCandidate, ...]
    present: ScaleCandidate
    best: ScaleCandidate
    field: Field
    reason: str

    def __str__(self) -> str:
        """The reason, as it begins and ends in a text."""
        return f"{self.reason[0].upper()}{self.reason[1:]}."

    @property
    def is_change(self) -> bool:
        """Whether another scale is suggested than the present one."""
        return self.best is not self.present

    @property
    def value(self) -> float:
        """What to set the field to: nm, or working pixels per voxel."""
        return self.best.scale if self.best.pixel_size_nm is None or self.field == "scale" else self.best.pixel_size_nm


def suggest_scale(
    image: Image,
    encoder: Encoder,
    prompts: Sequence[Prompt],
    stages: Stages,
    folder: Path | None = None,
    progress: ProgressCallback = ignore_progress,
) -> ScaleSuggestion:
    """Try several working scales around the present one, and tell at which the examples find one another best.

    Only what lies around the examples is encoded, into ordinary feature stores: whoever takes the suggestion has these
    tiles already. The present scale is preferred unless the examples stand out clearly further at another. A single
    example of each class can tell a scale by its size alone: boxes, outlines and painted objects have one.

    Parameters
    ----------
    image
        With axes ``(z?, y, x, s?)``.
    encoder
        The encoder, in the passes of the settings.
    prompts
        Examples on this image.
    stages
        The settings; ``tiling`` has the present scale.
    folder
        Where feature stores are kept; the user's cache by default.
    progress
        Called after every batch of tiles, with the stage ``"scale"`` and counts in scales.

    Raises
    ------
    PromptError
        If there is no example but in words, one lies outside of the image, or a class has counter-examples only.
    StoreError
        If the disk refuses.
    """
    prompts = _with_places(prompts)
    if not prompts:
        raise PromptError("there are no examples on this image, which alone can tell a scale: click on something first")
    trial = _Trial(image, encoder, _spread(prompts), stages, folder)
    plans = trial.plans()
    found = []
    for done, (step, manifest) in enumerate(plans):
        found.append(trial.judge(step, manifest, _still(progress, Progress("scale", done, len(plans)))))
    progress(Progress("scale", len(plans), len(plans)))
    present = found[[step for step, _ in plans].index(1.0)]
    best, reason = choose_scale(found, present)
    return ScaleSuggestion(tuple(found), present, best, trial.field(plans[0][1]), reason)


def choose_scale(candidates: Sequence[ScaleCandidate], present: ScaleCandidate) -> tuple[ScaleCandidate, str]:
    """The candidate to suggest, and why."""
    if math.isnan(present.prominence):
        return _by_span(candidates, present)

    def worth(candidate: ScaleCandidate) -> float:
        price = _FINER if candidate.scale > present.scale else _COARSER
        return candidate.prominence - (0.0 if candidate is present else price * abs(present.prominence))

    best = max(candidates, key=worth)
    if best is present:
        return present, f"{present} is as good as any: the examples find one another hardly better at another scale"
    return best, (
        f"the examples find one another best at {best}: they stand out by {best.prominence:.2f} standard deviations, "
        f"at the present {present} by {present.prominence:.2f}"
    )


def _by_span(candidates: Sequence[ScaleCandidate], present: ScaleCandidate) -> tuple[ScaleCandidate, str]:
    """What a size says where nothing can be held out."""
    if math.isnan(present.span):
        return present, "one example tells no scale: click on another one, or draw a box around one"
    low, high = _SPAN
    best = min(
        candidates, key=lambda c: (max(low / c.span, c.span / high, 1.0), abs(math.log(c.scale / present.scale)))
    )
    if best is present:
        return present, f"{present} is good: the example is {present.span:.1f} patches wide there"
    return best, (
        f"at {best} the example is {best.span:.1f} patches wide, at the present {present} {present.span:.1f}: "
        f"{low:g} to {high:g} are good. Another example would tell more"
    )


@dataclass(frozen=True, slots=True)
class _Trial:
    """Examples that are looked at through several scales."""

    image: Image
    encoder: Encoder
    prompts: Sequence[Prompt]
    stages: Stages
    folder: Path | None

    def plans(self) -> list[tuple[float, Manifest]]:
        """The steps that make sense, from coarse to fine, and what is planned at each."""
        present = self._plan(self.stages)
        plans = []
        for step in STEPS:
            manifest = present if step == 1.0 else self._plan(self._stages(step, present))
            is_sensible = min(manifest.grid.shape[1:]) >= _FEWEST and manifest.grid.scale <= _LARGEST
            if step == 1.0 or is_sensible:
                plans.append((step, manifest))
        return plans

    def judge(self, step: float, manifest: Manifest, progress: ProgressCallback) -> ScaleCandidate:
        """What the examples say of a scale."""
        return ScaleCandidate(
            manifest.grid.scale,
            manifest.pixel_size_nm,
            self._prominence(step, manifest, progress),
            _size(self.prompts) / (manifest.grid.patch_voxels * self.stages.encoder.passes),
            len(manifest.tiles),
        )

    def _prominence(self, step: float, manifest: Manifest, progress: ProgressCallback) -> float:
        """Encode what lies around the examples, and let some of them look for the others."""
        from dinoscope.batch._work import Work
        from dinoscope.features import default_store_path
        from dinoscope.similarity import fit, prominence

        counts = Counter(prompt.class_name for prompt in self.prompts if prompt.positive)
        if counts and max(counts.values()) == 1:
            return math.nan  # there is nothing to hold out, and so nothing to encode
        path = default_store_path(manifest) if self.folder is None else self.folder / f"{manifest.key}.zarr"
        wide = max(8, round(step * self.stages.reference.crop))  # so that all scales are judged by the same place
        around = self.stages.reference.model_copy(update={"crop": wide})
        stages = replace(self.stages, reference=around, tiling=self.stages.tiling.model_copy(update={"slicing": "z"}))
        reference = Work.of(self.image, self.encoder, stages, manifest, path).look_up(self.prompts, progress)
        return prominence(reference, partial(fit, settings=_quick(self.stages.similarity)))

    def field(self, manifest: Manifest) -> Field:
        """The setting that chooses the scale."""
        is_scale = manifest.pixel_size_nm is None or self.stages.tiling.scale is not None
        return "scale" if is_scale else "pixel_size"

    def _plan(self, stages: Stages) -> Manifest:
        from dinoscope.features import plan_features

        return plan_features(self.image, self.encoder.spec, stages.tiling, stages.intensity, stages.storage)

    def _stages(self, step: float, present: Manifest) -> Stages:
        """The settings at a step; its scale is rounded, so that what people type is what was looked at."""
        size, field = present.pixel_size_nm, self.field(present)
        value = present.grid.scale * step if size is None or field == "scale" else size / step
        chosen: dict[str, float | None] = {"scale": None, "pixel_size": None, field: float(f"{value:.{_DIGITS}g}")}
        return replace(self.stages, tiling=self.stages.tiling.model_copy(update=chosen))


def _still(progress: ProgressCallback, at: Progress) -> ProgressCallback:
    """Tell that work which has parts of its own has come as far as before; it may be cancelled there."""
    return lambda _: progress(at)


def _quick(settings: SimilaritySettings) -> SimilaritySettings:
    """The method to compare by, whatever the one in use: the simplest tells scales apart best, and is quick."""
    return settings.model_copy(update={"method": "prototype"})


def _with_places(prompts: Sequence[Prompt]) -> Sequence[Prompt]:
    """The examples that lie in the image, of classes that have a positive one there."""
    here = placed(prompts)
    classes = {prompt.class_name for prompt in prompts} - {prompt.class_name for prompt in here if prompt.positive}
    texts = {prompt.class_name for prompt in prompts if isinstance(prompt, TextPrompt)}
    return [prompt for prompt in here if prompt.class_name not in classes & texts]


def _size(prompts: Sequence[Prompt]) -> float:
    """Diameter of a typical example in voxels: the median over those that have a size; nan where none has."""
    found = [_diameter(prompt) for prompt in prompts if prompt.positive]
    told = [diameter for diameter in found if diameter > 0]
    return float(np.median(told)) if told else math.nan


def _diameter(prompt: Prompt) -> float:
    """Of the disc as large as an example, which in a box is the ellipse that touches its sides; 0 without a size."""
    match prompt:
        case BoxPrompt(low=(top, left), high=(bottom, right)):
            return math.sqrt((bottom - top + 1) * (right - left + 1))
        case PolygonPrompt() | MaskPrompt():
            return 2.0 * math.sqrt(np.count_nonzero(as_mask(prompt).mask) / math.pi)
        case _:
            return 0.0


def _spread(prompts: Sequence[Prompt]) -> list[Prompt]:
    """At most so many examples as are looked at, evenly spread over those of each class and sign."""
    groups: dict[tuple[str, bool], list[Prompt]] = {}
    for prompt in prompts:
        groups.setdefault((prompt.class_name, prompt.positive), []).append(prompt)
    share = max(2, _EXAMPLES // len(groups))
    return [prompt for group in groups.values() for prompt in group[:: math.ceil(len(group) / share)]]
