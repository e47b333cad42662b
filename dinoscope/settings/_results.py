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
    refine: Literal["image", "sam2", "none"] = Field(
        "image",
        title="Refine",
        description="Move borders to where the image changes; sam2 then draws the outline of every object anew; none "
        "leaves the map smooth between patches.",
    )
    sam2_weights: str = Field(
        "sam2.1-hiera-tiny",
        title="SAM 2 weights",
        description="Which SAM 2 refines: sam2.1-hiera-tiny, -small, -base-plus or -large, or a path to a folder.",
    )
    certainty: Share = Field(
        0.0,
        title="Certainty",
        description="Objects are dropped that nowhere come this far from the threshold to the likeness of the "
        "examples, 0 to 1.",
    )
    split: Share = Field(
        0.8,
        title="Split",
        description="Touching objects are split where less than this share of the smaller one's width joins them; "
        "0 splits none.",
    )
    link: Literal["auto", "overlap", "touch", "none"] = Field(
        "auto",
        title="Link sections",
        description="Objects of neighbouring sections are one where they overlap best, where they touch, or never; "
        "auto goes by overlap where sections are thick.",
    )
    min_overlap: Share = Field(
        0.25,
        title="Least overlap",
        description="Share of the smaller of two linked objects that lies on the other.",
    )
    bridge: int = Field(
        0,
        ge=0,
        le=8,
        title="Missing sections",
        description="Sections in a row that an object may be missing from, where sections are linked by overlap.",
    )
    min_diameter: float = Field(
        0.0,
        ge=0,
        title="Smallest object",
        description="Objects of a smaller equivalent diameter are dropped; nm, or pixels where the size is unknown.",
    )
    max_diameter: float = Field(
        0.0,
        ge=0,
        title="Largest object",
        description="Objects of a larger equivalent diameter are dropped, 0 for none; nm, or pixels where the size is "
        "unknown.",
    )
    max_hole: float = Field(
        0.0,
        ge=0,
        title="Fill holes",
        description="Holes up to this equivalent diameter become part of their object; nm, or pixels where the size is "
        "unknown.",
    )


class DetectionSettings(Settings):
    """How a similarity map becomes detections."""

    object_diameter: Length | Literal["auto"] = Field(
        "auto",
        title="Object diameter",
        description="Typical diameter: of detections nearer to one another than half of it only the best stays; nm, or "
        "pixels where the size is unknown.",
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
