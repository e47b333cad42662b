"""The model card that goes with a trained encoder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from dinoscope import __version__
from dinoscope.encoders._compact import COMPACT_FILE
from dinoscope.training._crops import folder_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dinoscope.image import Image
    from dinoscope.settings import PretrainSettings

_TEXT = """# Compact encoder of dinoscope

A convolutional network of {parameters:,} parameters that turns grey pixels of electron microscopy into patch features
of stride 8, trained without labels by `dinoscope pretrain` {version} (torch {torch}).

- Weights: `{weights}`
- Licence of the weights: {licence}

## Data

{data_note}

{images}

Every source (folder) was drawn equally often. Intensities: the 1st to 99th percentile of each image became 0 to 1.

## Recipe

Self-supervised dense clustering: two views of one crop (quarter turns, flips, zoom, shift; contrast, gamma, blur,
noise), a mean teacher whose patch assignments are balanced over the batch by Sinkhorn's algorithm, a student that
predicts them at the same places with a part of its view hidden. AdamW with a cosine schedule. Patches are
compared with the prototypes relative to the other patches of their picture. At the end the normalisations are measured
on unchanged crops, and the features are whitened, so that cosines and distances both count what differs; over the
training images every channel has about zero mean and unit spread.

{done} steps in {minutes:.1f} minutes, last loss {loss:.3f}, seed {seed}.

| setting | value |
|---|---|
{table}

## Limits

The features are of texture and of the nearest surroundings (fewer than 100 pixels to each side): a small network
trained on few images. They suit a first look without a download or a graphics processor; expect better masks from a
DINOv2 encoder. Objects that are more than about 100 pixels wide, and kinds of images that are unlike those above, are
beyond it: rescale the image, or train on your own.
"""

_NOT_IN_TABLE = {"data_note", "licence", "seed"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes
    ----------
    done
        Steps of the optimiser.
    seconds
        Wall time of the steps.
    loss
        Of the last step.
    parameters
        Number of trained values of the encoder.
    """

    done: int
    seconds: float
    loss: float
    parameters: int


def write_card(path: Path, images: Sequence[Image], settings: PretrainSettings, outcome: Outcome) -> None:
    """Write the card of an encoder."""
    rows = [f"| {key} | {value} |" for key, value in settings.to_dict().items() if key not in _NOT_IN_TABLE]
    text = _TEXT.format(
        parameters=outcome.parameters,
        version=__version__,
        torch=torch.__version__,
        weights=COMPACT_FILE,
        licence=settings.licence,
        data_note=settings.data_note or "No note on the data was given.",
        images=image_list(images),
        done=outcome.done,
        minutes=outcome.seconds / 60.0,
        loss=outcome.loss,
        seed=settings.seed,
        table="\n".join(rows),
    )
    path.write_text(text, encoding="utf-8")


def image_list(images: Sequence[Image]) -> str:
    """The images of a card, one line per folder and shape."""
    counts = Counter((folder_of(image).rpartition("/")[2], image.shape) for image in images)
    lines = [f"- {folder or 'images'}: {count} of {_shape(shape)} voxels" for (folder, shape), count in counts.items()]
    return "\n".join(lines)


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape)
