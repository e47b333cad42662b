"""Everything that turns pixels into patch features."""

from dinoscope.encoders._spec import Encoder, EncoderSpec

__all__ = ["Encoder", "EncoderSpec"]
