"""What came of a distillation, and the model card that says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from dinoscope import __version__
from dinoscope.training._card import image_list

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dinoscope.encoders import EncoderSpec
    from dinoscope.image import Image
    from dinoscope.settings import DistillSettings

_TEXT = """# Compact encoder of dinoscope, distilled from {teacher}

A convolutional network of {parameters:,} parameters that gives the features of {teacher} (weights {fingerprint}) on
images like these, in its own feature space: references made with the teacher work with it. Made by `dinoscope distill`
{version} (torch {torch}).

- Licence of the teacher's weights: {licence}

## Data

{images}

## What it reached

On parts of the images that it never saw: mean cosine with the teacher {cosine:.3f}, after the teacher's mean was taken
away {centred:.3f}. Per pixel it is {speed:.0f} times faster on the machine where it was made.

The cosine is that of both features, in the teacher's space, of patches with one centre. Nothing is interpolated: the
crops are shifted against the student's finer grid until every patch of the teacher had its turn. Patches at the rim of
a crop do not count. Of the variance of the teacher's features {position:.1%} comes from the place in its tile alone,
which the student, alike everywhere, cannot know; the figures above count it as error.

## Recipe

{steps} steps; cosine and smooth-L1 distance to the teacher's patch features, at random shifts of the student's finer
grid against the teacher's patches.

| setting | value |
|---|---|
{table}

## Limits

It knows these images and what resembles them, at this scale. On other images ask the teacher, or distil anew.
"""


@dataclass(frozen=True, slots=True)
class Distilled:
    """What came of a distillation.

    Attributes
    ----------
    cosine
        Mean cosine of the student's and the teacher's features on crops that the student never saw.
    centred_cosine
        The same after the teacher's mean was taken away, which says more: a large mean makes any two alike.
    position_share
        Share of the variance of the teacher's features that comes from the place in its tile alone, which the student
        cannot know.
    speed_ratio
        How many times faster the student is, per pixel: the median of five measured pairs.
    parameters
        Number of trained values of the student.
    steps
        Steps of the optimiser.
    """

    cosine: float
    centred_cosine: float
    position_share: float
    speed_ratio: float
    parameters: int
    steps: int


def write_distilled_card(
    path: Path, images: Sequence[Image], teacher: EncoderSpec, settings: DistillSettings, outcome: Distilled
) -> None:
    """Write the card of a distilled encoder."""
    text = _TEXT.format(
        teacher=teacher.name,
        fingerprint=teacher.fingerprint,
        licence=teacher.licence,
        version=__version__,
        torch=torch.__version__,
        parameters=outcome.parameters,
        images=image_list(images),
        cosine=outcome.cosine,
        centred=outcome.centred_cosine,
        position=outcome.position_share,
        speed=outcome.speed_ratio,
        steps=outcome.steps,
        table="\n".join(f"| {key} | {value} |" for key, value in settings.to_dict().items()),
    )
    path.write_text(text, encoding="utf-8")
