"""How encoders are made."""

from __future__ import annotations

from pydantic import Field

from dinoscope.settings._base import Settings


class PretrainSettings(Settings):
    """How the compact encoder is trained on unlabelled images."""

    steps: int = Field(2000, ge=1, title="Steps", description="Optimiser steps of the whole run.")
    minutes: float | None = Field(
        None,
        gt=0,
        title="Minutes",
        description="End after this much wall time if the steps take longer; such a run cannot be repeated exactly.",
    )
    seed: int = Field(0, ge=0, title="Seed", description="Decides the first weights, the crops and their changes.")
    device: str = Field("cpu", title="Device", description="Where to train, as torch names it: cpu, cuda, mps.")
    batch: int = Field(8, ge=1, le=1024, title="Batch size", description="Crops per step; each gives two views.")
    crop: int = Field(128, ge=32, le=1024, multiple_of=32, title="Crop", description="Side of a view in pixels.")
    prototypes: int = Field(
        256, ge=2, le=65536, title="Prototypes", description="Clusters that the patches are assigned to."
    )
    learning_rate: float = Field(
        1e-3, gt=0, le=1, title="Learning rate", description="Highest rate of AdamW, falling to 0 along a cosine."
    )
    masked: float = Field(
        0.25, ge=0, lt=1, title="Masked share", description="Share of a student's view that is hidden."
    )
    smallest_scale: float = Field(
        0.4, gt=0, le=1, title="Smallest scale", description="Crops are shrunk at most by this factor."
    )
    largest_scale: float = Field(
        2.5, ge=1, le=16, title="Largest scale", description="Crops are enlarged at most by this factor."
    )
    grey_changes: float = Field(
        0.4,
        ge=0,
        le=2,
        title="Grey changes",
        description="Strength of the changes of contrast, gamma, sharpness and noise between views; 1 is strong.",
    )
    inverted: float = Field(
        0.1, ge=0, le=1, title="Inverted share", description="Share of the crops that are shown as a negative."
    )
    checkpoint_every: int = Field(
        100, ge=1, title="Checkpoint every", description="Steps between two checkpoints, from which a run continues."
    )
    licence: str = Field(
        "unknown", min_length=1, title="Licence", description="SPDX identifier under which the weights may be used."
    )
    data_note: str = Field(
        "",
        title="Note on the data",
        description="Sources, licences and attributions of the images, as the model card should state them.",
    )


class SuperviseSettings(Settings):
    """How the compact encoder is trained on labelled sets."""

    steps: int = Field(3000, ge=1, title="Steps", description="Optimiser steps of the whole run.")
    minutes: float | None = Field(
        None,
        gt=0,
        title="Minutes",
        description="End after this much wall time if the steps take longer; such a run cannot be repeated exactly.",
    )
    seed: int = Field(0, ge=0, title="Seed", description="Decides the heads, the crops and their changes.")
    device: str = Field("cpu", title="Device", description="Where to train, as torch names it: cpu, cuda, mps.")
    batch: int = Field(2, ge=1, le=1024, title="Batch size", description="Crops per set and step, of one picture.")
    crop: int = Field(224, ge=64, le=1024, multiple_of=32, title="Crop", description="Side of a crop in pixels.")
    learning_rate: float = Field(
        2e-3, gt=0, le=1, title="Learning rate", description="Highest rate of AdamW, falling to 0 along a cosine."
    )
    episodes: float = Field(
        1.0, ge=0, le=100, title="Episodes", description="Weight of the loss of prompts against that of the heads."
    )
    grey_changes: float = Field(
        0.7, ge=0, le=2, title="Grey changes", description="Strength of the changes of contrast, gamma, blur and noise."
    )
    grainy: float = Field(
        0.5, ge=0, le=1, title="Grainy share", description="Share of the crops that get a random coarse grain."
    )
    inverted: float = Field(
        0.15, ge=0, le=1, title="Inverted share", description="Share of the crops that are shown as a negative."
    )
    checkpoint_every: int = Field(
        100, ge=1, title="Checkpoint every", description="Steps between two checkpoints, from which a run continues."
    )


class DistillSettings(Settings):
    """How the compact encoder learns to give the features of another one."""

    crops: int = Field(200, ge=1, title="Crops", description="Tiles that the teacher encodes for the student to learn.")
    steps: int = Field(2000, ge=1, title="Steps", description="Optimiser steps of the whole run.")
    minutes: float | None = Field(
        None,
        gt=0,
        title="Minutes",
        description="End after this much wall time of steps; such a run cannot be repeated exactly.",
    )
    seed: int = Field(0, ge=0, title="Seed", description="Decides the first weights, the crops and their order.")
    device: str = Field("cpu", title="Device", description="Where the student is trained, as torch names it.")
    batch: int = Field(2, ge=1, le=256, title="Batch size", description="Crops per step.")
    learning_rate: float = Field(
        2e-3, gt=0, le=1, title="Learning rate", description="Highest rate of AdamW, falling to 0 along a cosine."
    )
