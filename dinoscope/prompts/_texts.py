"""Texts as people type them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.errors import PromptError
from dinoscope.prompts._kinds import TextPrompt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dinoscope.prompts._kinds import PlacedPrompt, Prompt


def text_notice(method: str) -> str:
    """What a person should know of examples in words, where the settings name this method."""
    how = "" if method == "auto" else f" and not by the method {method}"
    return (
        f"There are examples in words, so all are compared by their plain cosine{how}. Text encoders were trained on "
        "photographs: check what is found, and click on an object where it is wrong"
    )


def text_prompts(words: str, against: str = "", weight: float = 1.0) -> list[TextPrompt]:
    """The prompts in a line such as ``mitochondrion, vesicle=small round vesicle``.

    Parameters
    ----------
    words
        Classes to look for, separated by commas; a class is its own text, or is followed by ``=`` and its text. A class
        may have several texts: ``vesicle, vesicle=synaptic vesicle``.
    against
        What none of them is, separated by commas: texts of the background.
    weight
        How many clicks each text counts for.

    Raises
    ------
    PromptError
        If there is no class, or one has no text.
    """
    found = [_one(part, weight) for part in words.split(",") if part.strip()]
    if not found:
        raise PromptError(f"the texts {words!r} name nothing: expected classes such as mitochondrion,vesicle")
    others = [part.strip() for part in against.split(",") if part.strip()]
    classes = dict.fromkeys(prompt.class_name for prompt in found)
    return [*found, *(TextPrompt(text, name, positive=False) for name in classes for text in others)]


def placed(prompts: Iterable[Prompt]) -> list[PlacedPrompt]:
    """Those that lie somewhere in the image."""
    return [prompt for prompt in prompts if not isinstance(prompt, TextPrompt)]


def _one(part: str, weight: float) -> TextPrompt:
    name, equals, text = (piece.strip() for piece in part.partition("="))
    if equals and not (name and text):
        raise PromptError(f"the text {part.strip()!r}: expected a class, or a class = its text")
    return TextPrompt(text or name, name, weight=weight)
