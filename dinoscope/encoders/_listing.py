"""Which of the catalogued encoders are on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from dinoscope.encoders._catalogue import BUNDLED, CATALOGUE, CatalogueEntry
from dinoscope.encoders._hub import find_cached_weights


@dataclass(frozen=True, slots=True)
class EncoderListing:
    """A catalogued encoder and whether its weights are on this machine."""

    entry: CatalogueEntry
    is_here: bool


def list_encoders() -> tuple[EncoderListing, ...]:
    """All encoders that have a name, smallest first; looks at the disk and never at the network."""
    return tuple(EncoderListing(entry, _is_here(entry)) for entry in CATALOGUE.values())


def _is_here(entry: CatalogueEntry) -> bool:
    if entry.source == BUNDLED:
        return (resources.files("dinoscope.encoders") / "weights" / f"{entry.name}.safetensors").is_file()
    return find_cached_weights(entry.source) is not None
