"""The settings of a pre-training run."""

from __future__ import annotations

from pydantic import Field

from dinoscope.settings import Settings


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
        0.35, ge=0, lt=1, title="Masked share", description="Share of a student's view that is hidden."
    )
    smallest_scale: float = Field(
        0.4, gt=0, le=1, title="Smallest scale", description="Crops are shrunk at most by this factor."
    )
    largest_scale: float = Field(
        2.5, ge=1, le=16, title="Largest scale", description="Crops are enlarged at most by this factor."
    )
    inverted: float = Field(
        0.2, ge=0, le=1, title="Inverted share", description="Share of the crops that are shown as a negative."
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
