"""The settings of every stage, as evented models.

The command line flags and the forms of the graphical views are all built from these models: a field added here
appears in all of them. Titles, sentences and bounds therefore belong to the field and are written nowhere else.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from psygnal import SignalGroupDescriptor
from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Length = Annotated[float, Field(gt=0.0)]
Quantile = Annotated[float, Field(ge=0.0, le=100.0)]


class Settings(BaseModel):
    """Base of all settings: strict about names and values, and with a signal per field in `events`."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, validate_default=True)
    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return self.model_dump(mode="json")


class ImageSettings(Settings):
    """Which part of a file is the image, and how large its pixels are."""

    level: int = Field(0, ge=0, title="Level", description="Resolution level of a multiscale image, 0 is the finest.")
    channel: int | None = Field(
        None, ge=0, title="Channel", description="Channel to use of an image that has several (counted from 0)."
    )
    time: int | None = Field(
        None, ge=0, title="Time point", description="Time point to use of a series (counted from 0)."
    )
    sections: str | None = Field(
        None,
        pattern=r"^\d*:\d*$",
        title="Sections",
        description="Sections START:STOP of a stack to use; results and prompts count from START.",
    )
    image_pixel_size: float | None = Field(
        None, gt=0, title="Pixel size of the image", description="Pixel size in nm, where the file does not tell it."
    )
    section_distance: float | None = Field(
        None,
        gt=0,
        title="Distance of sections",
        description="Distance of sections in nm, where the file does not tell.",
    )
    axes: str | None = Field(
        None,
        pattern=r"^[tczyxs]+$",
        title="Axes",
        description="Axis names of the file's array, such as zyx, where the file does not tell them.",
    )


class EncoderSettings(Settings):
    """Which network computes the features, and where."""

    encoder: str = Field(
        "nano", title="Encoder", description="Name from `dinoscope encoders`, or a path to weights or to a folder."
    )
    device: str = Field("auto", title="Device", description="auto, cpu, cuda, cuda:1, mps or xpu.")
    batch_size: int = Field(1, ge=1, le=256, title="Batch size", description="Tiles encoded at once.")


class TilingSettings(Settings):
    """The scale the encoder works at, and the cut of the image into tiles."""

    pixel_size: float | None = Field(
        None,
        gt=0,
        title="Working pixel size",
        description="Resample to this pixel size in nm before encoding (needs an image that knows its own).",
    )
    scale: float | None = Field(
        None,
        gt=0,
        le=32,
        title="Scale",
        description="Resample by this factor before encoding: 2 enlarges, 0.5 shrinks. Default 1.",
    )
    tile: int | None = Field(
        None, gt=0, title="Tile", description="Side of a tile in pixels; the encoder's by default."
    )
    halo: int | None = Field(
        None,
        ge=0,
        title="Halo",
        description="Context around the kept part of a tile in pixels; the encoder's by default.",
    )


class IntensitySettings(Settings):
    """How intensities become numbers between 0 and 1, with one range for the whole image."""

    black: Quantile = Field(1.0, title="Black", description="Percentile of the intensities that becomes 0.")
    white: Quantile = Field(99.0, title="White", description="Percentile of the intensities that becomes 1.")


class ReferenceSettings(Settings):
    """What is taken from the neighbourhood of an example."""

    sampling: Literal["bilinear", "nearest"] = Field(
        "bilinear",
        title="Sampling",
        description="Feature of a point: from its 4 nearest patches (the paper) or from one (napari-dinosim's code).",
    )
    crop: int = Field(
        518,
        ge=8,
        title="Crop",
        description="Side of the neighbourhood of an example that gives reference patches, in working pixels.",
    )
    crop_at: Literal["example", "lattice"] = Field(
        "example",
        title="Crop position",
        description="Crops centred on their examples, or on a fixed lattice (napari-dinosim's code).",
    )


class SimilaritySettings(Settings):
    """How features are compared with a reference."""

    method: Literal["dinosim", "prototype", "probe"] = Field(
        "dinosim",
        title="Method",
        description="Vote of the nearest reference patches (DINOSim), cosine to the mean example, or a linear probe of "
        "the examples against what lies around them.",
    )
    neighbours: int = Field(
        5,
        ge=1,
        le=100,
        title="Neighbours",
        description="Nearest reference patches whose pseudo-labels are averaged, for dinosim.",
    )
    dedupe: bool = Field(
        True,
        title="Deduplicate",
        description="Count a reference patch once, even where several examples share its crop, for dinosim.",
    )
    smoothing: float = Field(
        1.0,
        ge=0,
        le=10,
        title="Smoothing",
        description="Sigma of the 3 x 3 Gaussian on distances and maps, in patches; 0 is off.",
    )
    quantile_low: Quantile = Field(
        1.0,
        title="Low quantile",
        description="Percentile of the reference distances that means most alike, for dinosim.",
    )
    quantile_high: Quantile = Field(
        99.0, title="High quantile", description="Percentile of the reference distances that is unlike, for dinosim."
    )
    penalty: float = Field(
        20.0, gt=0, le=1e6, title="Penalty", description="Strength of the L2 penalty on the weights, for the probe."
    )
    rounds: int = Field(
        1,
        ge=0,
        le=20,
        title="Rounds",
        description="How often what was found around the examples is learned from once more, for the probe.",
    )


class SegmentationSettings(Settings):
    """How a similarity map becomes labels."""

    threshold: Share | Literal["auto"] = Field(
        "auto", title="Threshold", description="Similarity from which a voxel belongs to a class, 0 to 1, or auto."
    )
    min_diameter: float = Field(
        0.0,
        ge=0,
        title="Smallest object",
        description="Objects of a smaller equivalent diameter are dropped; nm, or pixels where the size is unknown.",
    )


class DetectionSettings(Settings):
    """How a similarity map becomes detections."""

    object_diameter: Length | Literal["auto"] = Field(
        "auto",
        title="Object diameter",
        description="Typical diameter, the radius of non-maximum suppression; nm, or pixels where the size is unknown.",
    )
    min_score: Share | Literal["auto"] = Field(
        "auto", title="Lowest score", description="Similarity a detection must reach, 0 to 1, or auto."
    )


class ViewSettings(Settings):
    """What a view shows of an image and its results. No result depends on it."""

    black_at: float | Literal["auto"] = Field(
        "auto", title="Black at", description="Intensity that is shown black, or auto from the image."
    )
    white_at: float | Literal["auto"] = Field(
        "auto", title="White at", description="Intensity that is shown white, or auto from the image."
    )
    opacity: Share = Field(0.6, title="Opacity", description="Opacity of what lies over the image, 0 to 1.")
    similarity: bool = Field(True, title="Similarity", description="How alike every patch is to the examples, 0 to 1.")
    mask: bool = Field(True, title="Mask", description="Where the similarity reaches the threshold.")
    uncertainty: bool = Field(
        False,
        title="Uncertainty",
        description="Where a small change of the threshold would change the mask: the best places for more examples.",
    )
    colours: bool = Field(
        True,
        title="What the encoder sees",
        description="The three main directions of the features as colours, once they were asked for.",
    )
    objects: bool = Field(True, title="Objects", description="Every object in a colour, once they were asked for.")
    detections: bool = Field(True, title="Detections", description="A ring around every detection.")
    examples: bool = Field(True, title="Examples", description="The examples and counter-examples.")


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
