"""From features and examples to a similarity map."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dinoscope.settings._base import Quantile, Settings


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
    text_encoder: str | None = Field(
        None,
        title="Text encoder",
        description="What reads examples in words: a folder with its files, or a name; `dinoscope encoders` lists them "
        "with the encoder that each needs.",
    )


Sigma = Annotated[float, Field(ge=0.0, le=10.0)]


class SimilaritySettings(Settings):
    """How features are compared with a reference."""

    method: Literal["auto", "knn", "probe", "prototype", "dinosim"] = Field(
        "knn",
        title="Method",
        description="Vote of the nearest patches that a probe labelled (knn), a linear probe of the examples against "
        "what lies around them, cosine to the mean example (prototype), DINOSim as published, or auto: the one under "
        "which the examples find one another best.",
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
    smoothing: Sigma | Literal["auto"] = Field(
        "auto",
        title="Smoothing",
        description="Sigma of the 3 x 3 Gaussian on maps, and on the distances of dinosim, in patches; 0 is off, auto "
        "is 1 for dinosim and 0.5 otherwise.",
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
        20.0,
        gt=0,
        le=1e6,
        title="Penalty",
        description="Strength of the L2 penalty on the weights, for the probe, also of knn.",
    )
    rounds: int = Field(
        1,
        ge=0,
        le=20,
        title="Rounds",
        description="How often what was found around the examples is learned from once more, for the probe, also of "
        "knn.",
    )
    prototypes: int = Field(
        1,
        ge=1,
        le=64,
        title="Prototypes",
        description="Groups that the examples of a class form at most, each with its own mean, for prototype.",
    )
    remove: int = Field(
        0,
        ge=0,
        le=64,
        title="Remove",
        description="Main directions of the features around the examples that are left out, such as those that tell "
        "the position in a tile; not for dinosim.",
    )

    @property
    def sigma(self) -> float:
        """The smoothing in patches."""
        if self.smoothing != "auto":
            return self.smoothing
        return 1.0 if self.method == "dinosim" else 0.5
