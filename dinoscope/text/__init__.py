"""Texts as examples: encoders that put words among the patches of a vision encoder.

Three systems are known, see `TEXT_CATALOGUE`: dino.txt, SimZSS and Talk2DINO. All were trained on photographs and their
captions. In electron microscopy expect little of a word alone: a text prompt of another system, CLIPSeg, reached an IoU
of 0.07 on mitochondria (Lucchi++), where one click does far better. A text is an example like a click, and both add up.

Their authors slide windows over a picture, resize it first and let the classes compete for every pixel. Here a text is
compared with the features that there are, tile by tile with context around each, at the scale that the settings name;
the similarity is the cosine, refined to pixels like that of any example, and a class keeps what reaches its threshold
and is nearer to it than to the other classes and to what it is said not to be.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dinoscope.text._catalogue import TEXT_CATALOGUE, TextEntry, parts_to_bring

if TYPE_CHECKING:
    from dinoscope.text._convert import convert_text
    from dinoscope.text._create import create_text_encoder
    from dinoscope.text._encoder import TextEncoder, TextSpec
    from dinoscope.text._look_up import TextLookUp, TextSpaceWarning, check_space
    from dinoscope.text._templates import TEMPLATES
    from dinoscope.text._tokens import ClipTokenizer, LongTextWarning, read_vocabulary

__all__ = [
    "TEMPLATES",
    "TEXT_CATALOGUE",
    "ClipTokenizer",
    "LongTextWarning",
    "TextEncoder",
    "TextEntry",
    "TextLookUp",
    "TextSpaceWarning",
    "TextSpec",
    "check_space",
    "convert_text",
    "create_text_encoder",
    "parts_to_bring",
    "read_vocabulary",
]

_HOMES = {
    "_convert": ("convert_text",),
    "_create": ("create_text_encoder",),
    "_encoder": ("TextEncoder", "TextSpec"),
    "_look_up": ("TextLookUp", "TextSpaceWarning", "check_space"),
    "_templates": ("TEMPLATES",),
    "_tokens": ("ClipTokenizer", "LongTextWarning", "read_vocabulary"),
}
_HOME_OF = {name: f"dinoscope.text.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Look up what loads torch when it is asked for: a list of names must not wait for it."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
