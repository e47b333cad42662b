"""How files say whether something is an example or a counter-example."""

from __future__ import annotations

from dinoscope.errors import PromptError


def is_positive(value: object, where: str) -> bool:
    """Whether a word says yes.

    Raises
    ------
    PromptError
        If it says neither yes nor no.
    """
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    word = str(value).strip().lower()
    if word not in words:
        raise PromptError(f"{where}: positive is {value!r}, expected true or false")
    return words[word]
