"""Command line flags from settings models, and settings from the parsed flags."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from dinoscope.errors import SettingsError
from dinoscope.forms import fields_of, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from dinoscope.forms import Field
    from dinoscope.settings import Settings

S = TypeVar("S", bound="Settings")


def add_settings(parser: argparse.ArgumentParser, *models: type[Settings], without: Collection[str] = ()) -> None:
    """Give a command one flag per field of some settings models but those of some names, in a group per model."""
    for model in models:
        group = parser.add_argument_group((model.__doc__ or model.__name__).splitlines()[0].rstrip("."))
        for field in fields_of(model):
            if field.name not in without:
                _add_flag(group, field)


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
        name, why = refusal(error)
        raise SettingsError(f"{_flag(name)} {why} ({model.model_fields[name].description})") from error


def _add_flag(group: argparse._ArgumentGroup, field: Field) -> None:
    # Absent flags leave no attribute, so that the model alone knows the defaults.
    options: dict[str, Any] = {"dest": field.name, "default": argparse.SUPPRESS, "help": _help(field)}
    if field.kind == "flag":
        options |= {"action": argparse.BooleanOptionalAction}
    elif field.kind == "choice":
        options |= {"choices": field.words}
    elif field.kind == "text":
        options |= {"metavar": "TEXT"}
    else:
        options |= {"type": _number_reader(field), "metavar": "|".join(["NUMBER", *field.words])}
    group.add_argument(_flag(field.name), **options)


def _number_reader(field: Field) -> Callable[[str], Any]:
    kind, called = (int, "a whole number") if field.kind == "integer" else (float, "a number")

    def read(text: str) -> Any:
        if text in field.words:
            return text
        try:
            return kind(text)
        except ValueError:
            expected = " or ".join([called, *field.words])
            raise argparse.ArgumentTypeError(f"found {text!r}, expected {expected}") from None

    return read


def local_path(text: str) -> Path:
    """A file or folder of this machine; an address would become a strange folder."""
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{text} is an address, expected a path on this machine")
    return Path(text)


def store_path(text: str) -> Path | str:
    """A folder, or an address such as ``s3://bucket/features.zarr``."""
    return text if "://" in text else Path(text)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _help(field: Field) -> str:
    default = "" if field.default is None else f" Default: {field.default}."
    return f"{field.description}{default}".replace("%", "%%")
