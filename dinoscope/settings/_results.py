"""From a similarity map to objects, and to what is seen of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dinoscope.settings._base import Length, Settings, Share


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
