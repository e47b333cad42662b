"""What an encoder is: a protocol, and the frozen facts about one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """The facts about an encoder that decide its features.

    Attributes
    ----------
    name
        Name or path it was created with.
    stride
        Distance of neighbouring patches in pixels; their side, too, but in shifted passes.
    channels
        Length C of a feature vector.
    tile
        Side of the square tiles it likes best, in pixels; a multiple of `stride`.
    halo
        Context in pixels that a patch needs on each side before tile borders stop showing; a multiple of `stride`.
    mean, std
        Per colour channel (3 values), applied to intensities in [0, 1] inside of `Encoder.encode`.
    fingerprint
        Hexadecimal digest of the weights and of everything else that changes the features.
    licence
        SPDX identifier of the weights, or "unknown".
    space
        Fingerprint of the encoder whose features these imitate; empty for an encoder with a feature space of its own.
    precision
        What its products are computed in: float32, bfloat16 or float16. It changes the features within rounding, and so
        neither their fingerprint nor their space.
    any_tile
        Whether pictures of every size are alike to it: the halo is all that it sees around a patch.
    """

    name: str
    stride: int
    channels: int
    tile: int
    halo: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fingerprint: str
    licence: str
    space: str = ""
    precision: str = "float32"
    any_tile: bool = False

    @property
    def feature_space(self) -> str:
        """Features of encoders with the same one can be compared."""
        return self.space or self.fingerprint

    def to_dict(self) -> dict[str, Any]:
        """The spec as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> EncoderSpec:
        """A spec from what `to_dict` gave, after a trip through JSON."""
        triples = {key: tuple(values[key]) for key in ("mean", "std")}
        return cls(**{**values, **triples})


class Encoder(Protocol):
    """Anything that turns pixels into patch features."""

    @property
    def spec(self) -> EncoderSpec:
        """The facts that decide the features."""
        ...

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features of a batch of equally sized pictures.

        Parameters
        ----------
        pixels
            Shape (N, H, W) for grey or (N, H, W, 3) for RGB, values in [0, 1]; H and W are multiples of the stride.

        Returns
        -------
        Array of shape (N, H / stride, W / stride, C).

        Raises
        ------
        EncoderInputError
            If the shape or the type is another one.
        """
        ...
