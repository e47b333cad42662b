"""Everything that turns pixels into patch features."""

from dinoscope.encoders._cards import read_card
from dinoscope.encoders._catalogue import CATALOGUE, CatalogueEntry
from dinoscope.encoders._create import create_encoder
from dinoscope.encoders._listing import EncoderListing, list_encoders
from dinoscope.encoders._precision import in_precision
from dinoscope.encoders._random import random_dinov2
from dinoscope.encoders._shifted import ShiftedEncoder, in_passes
from dinoscope.encoders._spec import Encoder, EncoderSpec

__all__ = [
    "CATALOGUE",
    "CatalogueEntry",
    "Encoder",
    "EncoderListing",
    "EncoderSpec",
    "ShiftedEncoder",
    "create_encoder",
    "in_passes",
    "in_precision",
    "list_encoders",
    "random_dinov2",
    "read_card",
]
