"""What the prompts say in feature space: the vectors of the examples and the patches around them.

A `Reference` holds evidence, not conclusions: methods (`dinoscope.similarity`) decide what to make of it. It knows the
encoder and the scale it came from, can be saved, and pools with references from other images.
"""

from dinoscope.reference._blank import blank_advice
from dinoscope.reference._build import build_reference, prompted_patches
from dinoscope.reference._cuts import build_reference_in, prompted_patches_in
from dinoscope.reference._files import FORMAT, FORMAT_VERSION
from dinoscope.reference._object import object_in_box
from dinoscope.reference._records import Example, list_examples
from dinoscope.reference._reference import Reference, Window, check_same_encoder, pool_references
from dinoscope.reference._subset import keep_examples
from dinoscope.reference._texts import EmbedTexts, no_texts

__all__ = [
    "FORMAT",
    "FORMAT_VERSION",
    "EmbedTexts",
    "Example",
    "Reference",
    "Window",
    "blank_advice",
    "build_reference",
    "build_reference_in",
    "check_same_encoder",
    "keep_examples",
    "list_examples",
    "no_texts",
    "object_in_box",
    "pool_references",
    "prompted_patches",
    "prompted_patches_in",
]
