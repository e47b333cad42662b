"""The examples of a reference as people see them in a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dinoscope.reference._reference import Reference


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One example, and where it comes from.

    Attributes
    ----------
    number
        Its index in the reference, from 0.
    class_name
        What it is an example of.
    positive
        Its sign.
    record
        The image and the prompt as plain JSON values, see `Reference.provenance`.
    """

    number: int
    class_name: str
    positive: bool
    record: Mapping[str, Any]

    @property
    def image(self) -> str:
        """File or name of the image it was given on."""
        return str(self.record.get("image", "unknown"))

    @property
    def image_name(self) -> str:
        """The last part of it."""
        return self.image.removeprefix("array:").rstrip("/").rsplit("/", 1)[-1]

    @property
    def place(self) -> str:
        """Such as ``point at z 0, y 48, x 48.5``: the position of a point, or the middle of the bounds of a region.

        Of a text it is the text itself, such as ``text “round vesicle”``.
        """
        if "text" in self.record:
            return f"text “{self.record['text']}”"
        kind = self.record.get("kind", "example")
        middle = _middle(self.record)
        if not middle:
            return str(kind)
        return f"{kind} at " + ", ".join(f"{axis} {value:g}" for axis, value in zip("zyx", middle, strict=True))

    @property
    def facts(self) -> dict[str, Any]:
        """All of it, as plain JSON values."""
        told = {"number": self.number, "class": self.class_name, "positive": self.positive}
        return {**told, **{name: value for name, value in self.record.items() if name not in told}}


def list_examples(reference: Reference) -> tuple[Example, ...]:
    """The examples of a reference, in its order."""
    rows = zip(reference.class_index, reference.positive, reference.provenance, strict=True)
    return tuple(
        Example(number, reference.classes[k], bool(positive), record)
        for number, (k, positive, record) in enumerate(rows)
    )


def _middle(record: Mapping[str, Any]) -> tuple[float, ...]:
    """Voxel (z, y, x) in the middle of a prompt that was described; nothing where its record does not say."""
    match record:
        case {"position": position}:
            return tuple(position)
        case {"section": z, "low": low, "high": high}:
            pass
        case {"section": z, "vertices": vertices}:
            low, high = zip(*((min(side), max(side)) for side in zip(*vertices, strict=True)), strict=True)
        case {"section": z, "origin": low, "shape": shape}:
            high = [first + length - 1 for first, length in zip(low, shape, strict=True)]
        case _:
            return ()
    return (z, *((a + b) / 2 for a, b in zip(low, high, strict=True)))
