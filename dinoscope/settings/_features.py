"""From a file to features."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dinoscope.settings._base import Quantile, Settings


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
    precision: Literal["auto", "fastest", "float32", "bfloat16", "float16"] = Field(
        "auto",
        title="Precision",
        description="What the network computes in: auto is float16 for DINOv2 on CUDA and float32 elsewhere; fastest "
        "is also bfloat16 on CPUs made for it, where features differ by about a hundredth. Features of one precision "
        "are kept apart from those of another; examples are good for all.",
    )
    passes: int = Field(
        1,
        ge=1,
        le=4,
        title="Passes",
        description="Encode P x P times, shifted by a part of a patch, for a grid of patches P times as fine: takes "
        "P x P times the time and the disk. P divides the encoder's stride: 1, 2 or 4 with nano, 1 or 2 with DINOv2.",
    )
    batch_size: int = Field(
        1, ge=1, le=256, title="Batch size", description="Tiles encoded at once; on a CPU one is best."
    )


class StorageSettings(Settings):
    """How features are kept on disk."""

    codec: Literal["float16", "int8", "pca-int8"] = Field(
        "float16",
        title="Features kept as",
        description="float16 is as good as computed, int8 takes half the disk, pca-int8 a small part of it.",
    )
    components: int | None = Field(
        None,
        ge=8,
        le=128,
        title="Components",
        description="Principal components kept by pca-int8; by default as many as take half a byte per encoded pixel.",
    )


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
    skip_blank: float = Field(
        0.1,
        ge=0,
        le=0.5,
        title="Skip blank tiles",
        description="Tiles of empty resin or padding, whose grey varies by less than this share of the range from "
        "black to white once noise is averaged out, are not encoded. 0 encodes every tile.",
    )
    slicing: Literal["z", "y", "x", "all"] = Field(
        "z",
        title="Cut sections across",
        description="Axis of a volume across which it is cut into sections that are encoded: z as it is stored, y or x "
        "through the stack, or all three, whose similarities are averaged.",
    )

    @property
    def cut_axes(self) -> tuple[Literal["z", "y", "x"], ...]:
        """The axes that `slicing` names, the one to be trusted most first."""
        return ("z", "y", "x") if self.slicing == "all" else (self.slicing,)


class IntensitySettings(Settings):
    """How intensities become numbers between 0 and 1, with one range for the whole image."""

    black: Quantile = Field(1.0, title="Black", description="Percentile of the intensities that becomes 0.")
    white: Quantile = Field(99.0, title="White", description="Percentile of the intensities that becomes 1.")
