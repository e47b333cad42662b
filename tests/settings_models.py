"""Settings for the tests of every kind of form."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Setting

from dinoscope import settings as models
from dinoscope.settings import Settings, Share

MODELS = [
    model
    for model in vars(models).values()
    if isinstance(model, type) and issubclass(model, Settings) and model is not Settings
]


class Example(Settings):
    """A field of every kind."""

    flag: bool = Setting(False, title="Flag", description="A flag.")
    whole: int = Setting(3, ge=1, lt=9, title="Whole", description="A whole number.")
    multiple: int = Setting(64, ge=32, multiple_of=32, title="Multiple", description="A multiple.")
    number: float = Setting(2.5, gt=0, le=1000, title="Number", description="A number.")
    share: Share = Setting(0.25, title="Share", description="A share.")
    threshold: Share | Literal["auto"] = Setting("auto", title="Threshold", description="A threshold.")
    tile: int | None = Setting(None, gt=0, title="Tile", description="A tile.")
    choice: Literal["one", "two"] = Setting("one", title="Choice", description="A choice.")
    maybe_choice: Literal["one", "two"] | None = Setting(None, title="Maybe", description="A choice or none.")
    text: Annotated[str, Setting(min_length=1)] = Setting("nano", title="Text", description="A text.")
    span: str | None = Setting(None, pattern=r"^\d*:\d*$", title="Span", description="A span.")
