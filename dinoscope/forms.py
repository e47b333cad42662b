"""What a view must know to draw a control for every field of a settings model.

The command line flags and the forms of the graphical views are built from it, so they all have the same fields with
the same titles, sentences and bounds.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from math import floor, inf, isfinite, log10
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from dinoscope.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pydantic import ValidationError

    from dinoscope.settings import Settings

Kind = Literal["flag", "integer", "number", "choice", "text"]

_LIMITS = ("ge", "gt", "le", "lt", "multiple_of")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a settings model, as its control shows it.

    Attributes
    ----------
    name, title, description
        What programs call it, what people call it, and a sentence about it.
    default
        The value of a new model.
    kind
        What its control takes.
    words
        The choices; or the words allowed in place of a number, such as ``auto``.
    optional
        Whether None is allowed.
    low, high
        Bounds of a number, infinite where there are none.
    low_open, high_open
        Whether the bound itself is excluded.
    step
        A sensible distance of two numbers, and the only one that is allowed where the model asks for multiples.
    """

    name: str
    title: str
    description: str
    default: Any
    kind: Kind
    words: tuple[str, ...] = ()
    optional: bool = False
    low: float = -inf
    high: float = inf
    low_open: bool = False
    high_open: bool = False
    step: float = 1

    @property
    def allowed(self) -> str:
        """The bounds in words, such as ``at least 0, at most 1, or auto``; empty where there are none."""
        parts = []
        if isfinite(self.low):
            parts.append(f"{'above' if self.low_open else 'at least'} {self.low:g}")
        if isfinite(self.high):
            parts.append(f"{'below' if self.high_open else 'at most'} {self.high:g}")
        if parts:
            parts += [f"or {word}" for word in self.words]
        return ", ".join(parts)

    @property
    def hint(self) -> str:
        """The sentence about the field, with its bounds."""
        return f"{self.description} Allowed: {self.allowed}." if self.allowed else self.description

    @property
    def start(self) -> float:
        """The number to start from when a person turns from a word, or from nothing, to a number."""
        if isinstance(self.default, (int, float)):
            return self.default
        if self.kind == "integer":
            return self.low + self.low_open if isfinite(self.low) else 0
        guess = min(self.high, 2.0) / 2  # the middle of a share; 1 for a factor or a length
        return guess if self.low < guess else self.low + self.step


def fields_of(model: type[Settings]) -> tuple[Field, ...]:
    """The fields of a settings model, in its order.

    Raises
    ------
    SettingsError
        If the model has a field of a type that no control is made for.
    """
    return tuple(_field(name, info) for name, info in model.model_fields.items())


def choices_of(model: type[Settings], name: str) -> tuple[str, ...]:
    """The words that a field of a settings model may be."""
    return _field(name, model.model_fields[name]).words


def refusal(error: ValidationError) -> tuple[str, str]:
    """The name of the field that refused its value, and why: ``1.5: input should be less than or equal to 1``."""
    first = error.errors()[0]
    return str(first["loc"][0]), f"{first['input']}: {first['msg'].lower()}"


def _field(name: str, info: FieldInfo) -> Field:
    parts = list(_parts(info.annotation))
    words = tuple(word for part in parts if get_origin(part) is Literal for word in get_args(part))
    limits = _limits([*info.metadata, *parts])
    kind = _kind(name, parts, words)
    low, high = limits.get("gt", limits.get("ge", -inf)), limits.get("lt", limits.get("le", inf))
    return Field(
        name=name,
        title=info.title or name,
        description=info.description or "",
        default=info.default,
        kind=kind,
        words=words,
        optional=types.NoneType in parts,
        low=low,
        high=high,
        low_open="gt" in limits,
        high_open="lt" in limits,
        step=limits.get("multiple_of", _step(kind, high - low)),
    )


def _parts(annotation: Any) -> Iterator[Any]:
    """The types that a union allows, and everything that any ``Annotated`` in it says about them."""
    if get_origin(annotation) is Annotated or get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _parts(part)
    elif isinstance(annotation, FieldInfo):
        yield from annotation.metadata
    else:
        yield annotation


def _limits(metadata: Collection[Any]) -> Mapping[str, float]:
    found = ((key, getattr(item, key, None)) for item in metadata for key in _LIMITS)
    return {key: limit for key, limit in found if limit is not None}


def _kind(name: str, parts: Collection[Any], words: tuple[str, ...]) -> Kind:
    kinds: dict[Any, Kind] = {bool: "flag", float: "number", int: "integer"}
    for part, kind in kinds.items():
        if part in parts:
            return kind
    if words:
        return "choice"
    if str in parts:
        return "text"
    raise SettingsError(
        f"the field {name} is of type {parts}, which no control is made for; expected bool, int, float, str, words or "
        "a union of them: change its type, or teach dinoscope.forms a new kind"
    )


def _step(kind: Kind, span: float) -> float:
    """About a hundredth of the span, as a power of ten; 1 for integers and where there is no span."""
    return 10.0 ** floor(log10(span)) / 100 if kind == "number" and isfinite(span) else 1
