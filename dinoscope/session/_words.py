"""What every view says of a session, in the same words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dinoscope.prompts import class_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinoscope.prompts import Prompt
    from dinoscope.reference import Reference
    from dinoscope.segmentation import Segmentation


def describe_examples(prompts: Sequence[Prompt], references: Sequence[Reference] = ()) -> str:
    """Such as ``mitochondrion: 2 examples, 1 counter-example``, a line per class."""
    lines = []
    for name in class_names(prompts):
        signs = Counter(prompt.positive for prompt in prompts if prompt.class_name == name)
        parts = [
            _count(signs[sign], noun) for sign, noun in ((True, "example"), (False, "counter-example")) if signs[sign]
        ]
        lines.append(f"{name}: {', '.join(parts)}")
    if references:
        lines.append(f"and {_count(len(references), 'loaded reference')}")
    return "\n".join(lines) or "Click on one object to find all that are alike."


def describe_objects(found: Segmentation) -> str:
    """Such as ``mitochondrion: 38 found, vesicle: 2 found``."""
    counts = Counter(found.object_classes)
    return ", ".join(f"{name}: {counts[name]:,} found" for name in found.classes)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
