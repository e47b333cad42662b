"""What all settings have in common."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from psygnal import SignalGroupDescriptor
from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Length = Annotated[float, Field(gt=0.0)]
Quantile = Annotated[float, Field(ge=0.0, le=100.0)]


class Settings(BaseModel):
    """Base of all settings: strict about names and values, and with a signal per field in `events`."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, validate_default=True)
    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return self.model_dump(mode="json")
