"""Sentences that a word is put into: towers were trained on captions, not on words.

The mean over several sentences is steadier than any of them (Radford et al. 2021, arXiv 2103.00020, section 3.1.4).
These were worded for electron microscopy; the towers have hardly read of it, so that the plain word is among them.
"""

from __future__ import annotations

TEMPLATES = (
    "{}",
    "a picture of {}",
    "an electron micrograph of {}",
    "a grey microscope image that shows {}",
    "a close-up of {} inside of a cell",
)
"""The word goes in the place of the braces."""


def sentences(word: str) -> list[str]:
    """The word in every template; braces in it are nothing special."""
    return [template.replace("{}", word) for template in TEMPLATES]
