"""What the viewer in the browser says to the kernel, checked before it is believed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

Name = Annotated[str, Field(max_length=256)]
Index = Annotated[int, Field(ge=0, le=2**31)]
Voxels = Annotated[FiniteFloat, Field(ge=-(2**31), le=2**31)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Opened(_Message):
    """A view of the widget is on a page."""

    type: Literal["opened"]
    view: Name


class Closed(_Message):
    """A view is gone."""

    type: Literal["closed"]
    view: Name


class TileRequest(_Message):
    """A view wants a tile."""

    type: Literal["tile"]
    view: Name
    id: Index
    layer: Name
    version: Index
    section: Index
    level: Index
    row: Index
    column: Index


class Abort(_Message):
    """A view does not want these tiles any more."""

    type: Literal["abort"]
    view: Name
    ids: Annotated[list[Index], Field(max_length=100_000)]


class _Box(_Message):
    """A part of the section by its edges in voxels, 0 being the outer edge of the first voxel."""

    y0: Voxels
    x0: Voxels
    y1: Voxels
    x1: Voxels

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Top, left, bottom and right."""
        return self.y0, self.x0, self.y1, self.x1


class Looked(_Box):
    """This part of the section is in sight now."""

    type: Literal["view"]


class Boxed(_Box):
    """Somebody dragged a box."""

    type: Literal["box"]
    counter: bool


class _Line(_Message):
    """A line along positions in voxels, 0 being the centre of the first voxel: y and x by turns."""

    places: Annotated[list[Voxels], Field(min_length=2, max_length=100_000)]
    counter: bool

    @property
    def corners(self) -> list[tuple[float, float]]:
        """The positions (y, x)."""
        return list(zip(self.places[::2], self.places[1::2], strict=False))


class Stroked(_Line):
    """Somebody drew a line with a brush, so many voxels wide."""

    type: Literal["stroke"]
    width: Annotated[FiniteFloat, Field(gt=0, le=2**31)]


class Outlined(_Line):
    """Somebody drew a line around something."""

    type: Literal["outline"]


class Clicked(_Message):
    """Somebody clicked, at a position in voxels, 0 being the centre of the first voxel."""

    type: Literal["point"]
    y: Voxels
    x: Voxels
    counter: bool


class Leafed(_Message):
    """Somebody chose another section."""

    type: Literal["section"]
    section: Index


class Acted(_Message):
    """Somebody pressed a key or a button that stands for an action."""

    type: Literal["action"]
    action: Literal["toggle", "search", "objects", "undo"]


class ClassChosen(_Message):
    """Somebody chose the class of a number, counted from 1."""

    type: Literal["action"]
    action: Literal["class"]
    number: Index


_Action = Annotated[Acted | ClassChosen, Field(discriminator="action")]
_Drawn = Boxed | Stroked | Outlined | Clicked
Message = Opened | Closed | TileRequest | Abort | Looked | _Drawn | Leafed | Acted | ClassChosen

_MESSAGES: TypeAdapter[Message] = TypeAdapter(
    Annotated[
        Opened | Closed | TileRequest | Abort | Looked | _Drawn | Leafed | _Action,
        Field(discriminator="type"),
    ]
)


def read_message(content: Any) -> Message:
    """The message that a view sent.

    Raises
    ------
    pydantic.ValidationError
        If it is none.
    """
    return _MESSAGES.validate_python(content)


class RowChosen(_Message):
    """Somebody chose a row of the table, counted from 0."""

    type: Literal["row"]
    index: Index


def read_row(content: Any) -> RowChosen:
    """The message that a table sent.

    Raises
    ------
    pydantic.ValidationError
        If it is none.
    """
    return RowChosen.model_validate(content)


def reason(error: ValidationError) -> str:
    """Why something is no message: ``point.y: input should be a finite number``."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place or 'message'}: {first['msg'].lower()}"
