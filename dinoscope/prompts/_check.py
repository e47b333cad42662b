"""What makes prompts fit to look for something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.errors import PromptError
from dinoscope.prompts._kinds import TextPrompt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dinoscope.prompts._kinds import Prompt


def check_prompts(prompts: Sequence[Prompt], voxels: tuple[int, int, int]) -> None:
    """Make sure that there are positive prompts of every class and that all lie inside of the image.

    Raises
    ------
    PromptError
        If there are none, one lies outside of `voxels` (z, y, x), or a class has counter-examples only.
    """
    if not prompts:
        raise PromptError("there are no prompts: at least one positive example is needed")
    for number, prompt in enumerate(prompts):
        if isinstance(prompt, TextPrompt):
            continue  # which lies nowhere
        low, high = prompt.bounds
        inside = all(-0.5 <= a and b < n - 0.5 for a, b, n in zip(low, high, voxels, strict=True))
        if not inside:
            raise PromptError(
                f"prompt {number} at (z, y, x) = {_short(low)} lies outside of the image of {voxels} voxels: "
                "prompts are in voxel indices, axis-0 first"
            )
    for name in class_names(prompts):
        if not any(p.positive for p in prompts if p.class_name == name):
            raise PromptError(f"class {name!r} has counter-examples only: add at least one positive example of it")


def class_names(prompts: Iterable[Prompt]) -> tuple[str, ...]:
    """The classes in order of first appearance."""
    return tuple(dict.fromkeys(prompt.class_name for prompt in prompts))


def _short(position: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{v:g}" for v in position) + ")"
