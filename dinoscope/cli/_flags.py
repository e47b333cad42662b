"""Command line flags from settings models, and settings from the parsed flags."""

from __future__ import annotations

import argparse
import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from dinoscope.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic.fields import FieldInfo

    from dinoscope.settings import Settings

S = TypeVar("S", bound="Settings")


def add_settings(parser: argparse.ArgumentParser, *models: type[Settings]) -> None:
    """Give a command one flag per field of some settings models, in a group per model."""
    for model in models:
        group = parser.add_argument_group((model.__doc__ or model.__name__).splitlines()[0].rstrip("."))
        for name, field in model.model_fields.items():
            _add_flag(group, name, field)


def settings_from(args: argparse.Namespace, model: type[S]) -> S:
    """The settings a person gave by flags; all others keep their defaults.

    Raises
    ------
    SettingsError
        If a value is out of its bounds; the message names the flag.
    """
    given = {name: getattr(args, name) for name in model.model_fields if hasattr(args, name)}
    try:
        return model(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise SettingsError(
            f"{_flag(name)} {given[name]}: {first['msg'].lower()} ({model.model_fields[name].description})"
        ) from error


def _add_flag(group: argparse._ArgumentGroup, name: str, field: FieldInfo) -> None:
    # Absent flags leave no attribute, so that the model alone knows the defaults.
    options: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS, "help": _help(field)}
    kinds = _kinds(field.annotation)
    words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    numbers = [kind for kind in kinds if kind in (int, float)]
    if bool in kinds:
        group.add_argument(_flag(name), action=argparse.BooleanOptionalAction, **options)
    elif words and not numbers:
        group.add_argument(_flag(name), choices=words, **options)
    else:
        metavar = "|".join([*(["NUMBER"] if numbers else ["TEXT"]), *words])
        group.add_argument(_flag(name), type=_reader(numbers, words), metavar=metavar, **options)


def _kinds(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [kind for part in get_args(annotation) for kind in _kinds(part)]
    return [annotation]


def _reader(numbers: list[Any], words: list[str]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if text in words or not numbers:
            return text
        try:
            return numbers[0](text)
        except ValueError:
            kind = "a whole number" if numbers[0] is int else "a number"
            expected = " or ".join([kind, *words])
            raise argparse.ArgumentTypeError(f"found {text!r}, expected {expected}") from None

    return read


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _help(field: FieldInfo) -> str:
    default = "" if field.default is None else f" Default: {field.default}."
    return f"{field.description}{default}".replace("%", "%%")
