"""The encoders that can be asked for by name, with the facts that help to choose one."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

BUNDLED = "bundled"
"""Source of weights that come with the package."""


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """The facts about an encoder that has a name.

    Attributes
    ----------
    name
        What `create_encoder` takes.
    source
        Repository on the Hugging Face hub, or ``"bundled"``.
    channels
        Length C of a feature vector.
    heads
        Attention heads per layer, 0 for a convolutional network.
    layers
        Number of transformer blocks, or of residual blocks.
    ffn
        Kind of the feed-forward part.
    registers
        Number of register tokens.
    parameters
        Number of trained values in the published weights, with the mask token of DINOv2 that only training uses.
    memory_bytes
        Measured growth of the process by loading the weights and encoding one tile, at the peak.
    licence
        SPDX identifier of the weights.
    note
        When to choose it, in a sentence.
    """

    name: str
    source: str
    channels: int
    heads: int
    layers: int
    ffn: Literal["mlp", "swiglu", "convolution"]
    registers: int
    parameters: int
    memory_bytes: int
    licence: str
    note: str

    @property
    def weight_bytes(self) -> int:
        """Size of the weights in float32, which is how they are published."""
        return 4 * self.parameters


@dataclass(frozen=True, slots=True)
class _Size:
    channels: int
    heads: int
    layers: int
    ffn: Literal["mlp", "swiglu"]
    parameters: int
    memory_bytes: int
    note: str


# Memory: peak growth of the resident set in a fresh process, CPU, float32, one tile of 518 x 518 pixels, weights read
# from a safetensors file with Hugging Face's layout: `python benchmarks/encoder_memory.py`, torch 2.13, Linux x86-64.
# A quarter of the weights counts twice, as query, key and value are joined while the file is still mapped. Each size is
# measured with registers, which change it by about 1 %.
_SIZES = {
    "small": _Size(384, 6, 12, "mlp", 22_056_576, 186_322_944, "The quick choice on a CPU."),
    "base": _Size(768, 12, 12, "mlp", 86_580_480, 571_781_120, "A balance of speed and quality."),
    "large": _Size(1024, 16, 24, "mlp", 304_368_640, 1_682_849_792, "Finer features; wants a GPU for large images."),
    "giant": _Size(1536, 24, 40, "swiglu", 1_136_480_768, 5_957_324_800, "The largest; wants a GPU."),
}
_REGISTERS = 4


def _dinov2_entry(name: str, size: _Size, registers: int) -> CatalogueEntry:
    variant = "-with-registers" if registers else ""
    return CatalogueEntry(
        name=f"dinov2-{name}{'-reg' if registers else ''}",
        source=f"facebook/dinov2{variant}-{name}",
        channels=size.channels,
        heads=size.heads,
        layers=size.layers,
        ffn=size.ffn,
        registers=registers,
        parameters=size.parameters + registers * size.channels,
        memory_bytes=size.memory_bytes,
        licence="Apache-2.0",
        note=size.note if registers else f"{size.note} Prefer the variant with registers in flat background.",
    )


_NANO = CatalogueEntry(
    name="nano",
    source=BUNDLED,
    channels=64,
    heads=0,
    layers=7,
    ffn="convolution",
    registers=0,
    parameters=655_568,
    memory_bytes=133_406_720,
    licence="BSD-3-Clause",
    note="Comes with the package and needs no download; trained on electron microscopy.",
)

_ENTRIES = (
    _NANO,
    *(_dinov2_entry(name, size, registers) for name, size in _SIZES.items() for registers in (0, _REGISTERS)),
)

CATALOGUE: Mapping[str, CatalogueEntry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""Every encoder that has a name, by name."""
