"""The examples of a session: those on its image and those from elsewhere, and which of them are switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from dinoscope.errors import PromptError
from dinoscope.prompts import class_names, describe_prompt
from dinoscope.reference import Example, keep_examples, list_examples

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dinoscope.image import Image
    from dinoscope.prompts import Prompt
    from dinoscope.reference import Reference

_Key: TypeAlias = "Prompt | tuple[Reference, int]"
"""What an example is known by, however many come before it."""


class Examples:
    """Prompts and references, in the order in which they are pooled: the references first.

    Attributes
    ----------
    prompts
        The examples on the image.
    references
        Those from elsewhere.
    """

    def __init__(self) -> None:
        self.prompts: tuple[Prompt, ...] = ()
        self.references: tuple[Reference, ...] = ()
        self._history: list[tuple[Prompt, ...]] = []
        self._off: frozenset[_Key] = frozenset()

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes there are examples of, switched on or not."""
        return (*class_names(self.prompts), *(name for reference in self.references for name in reference.classes))

    @property
    def are_any(self) -> bool:
        """Whether there is something to look for: a positive example that is not switched off."""
        signs = [bool(sign) for reference in self.references for sign in reference.positive]
        signs += [prompt.positive for prompt in self.prompts]
        muted = self.muted
        return any(sign and number not in muted for number, sign in enumerate(signs))

    @property
    def muted(self) -> frozenset[int]:
        """Numbers of the examples that are switched off."""
        if not self._off:
            return frozenset()  # as most of the time: comparing painted masks takes time
        return frozenset(number for number, key in enumerate(self._keys()) if key in self._off)

    @property
    def muted_prompts(self) -> frozenset[Prompt]:
        """The prompts that are switched off."""
        return frozenset(key for key in self._off if not isinstance(key, tuple))

    def mute(self, numbers: Iterable[int]) -> None:
        """Switch these examples off, and all others on.

        Raises
        ------
        PromptError
            If there is no example of a number.
        """
        keys, chosen = self._keys(), sorted(set(numbers))
        if chosen and not 0 <= chosen[0] <= chosen[-1] < len(keys):
            raise PromptError(f"examples {chosen} are to be switched off: there are {len(keys)}, counted from 0")
        self._off = frozenset(keys[number] for number in chosen)

    def replace(self, prompts: Iterable[Prompt]) -> None:
        """Put other prompts in the place of all; `undo` brings those back."""
        self._history.append(self.prompts)
        self.prompts = tuple(prompts)

    def undo(self) -> bool:
        """Take the last `replace` back; whether there was one."""
        if not self._history:
            return False
        self.prompts = self._history.pop()
        return True

    def forget_prompts(self) -> None:
        """Begin anew on an image; the references stay."""
        self.prompts = ()
        self._history.clear()
        self._off = frozenset(key for key in self._off if isinstance(key, tuple))

    def listed(self, image: Image | None) -> tuple[Example, ...]:
        """All of them as `list_examples` gives those of a reference, the prompts being on this image."""
        known = [example for reference in self.references for example in list_examples(reference)]
        uri = "" if image is None else image.uri
        rows = [(e.class_name, e.positive, e.record) for e in known]
        rows += [(p.class_name, p.positive, {"image": uri, **describe_prompt(p)}) for p in self.prompts]
        return tuple(Example(number, *row) for number, row in enumerate(rows))

    def _keys(self) -> list[_Key]:
        keys: list[_Key] = [(known, i) for known in self.references for i in range(len(known.positive))]
        return [*keys, *self.prompts]


def without(reference: Reference, muted: frozenset[int]) -> Reference:
    """A pooled reference without the examples that are switched off.

    Raises
    ------
    PromptError
        If a class is left with counter-examples only.
    """
    if not muted:
        return reference
    return keep_examples(reference, [number not in muted for number in range(len(reference.positive))])
