"""What the next example will be an example of."""

from __future__ import annotations

from typing import ClassVar

from psygnal import SignalGroupDescriptor
from pydantic import BaseModel, ConfigDict, PrivateAttr

from dinoscope.prompts import DEFAULT_CLASS


class Brush(BaseModel):
    """The class and the sign that the next example gets, and the classes to choose from. Views show and change it."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)
    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    classes: tuple[str, ...] = (DEFAULT_CLASS,)
    class_name: str = DEFAULT_CLASS
    positive: bool = True
    _is_new: bool = PrivateAttr(default=True)

    def choose(self, class_name: str) -> None:
        """Go on with this class, which is added if it is new. An empty name changes nothing."""
        name = class_name.strip()
        if not name:
            return
        if self._is_new and self.classes == (DEFAULT_CLASS,):
            self.classes = ()  # nobody needs the class that stands for all, once there is one with a name
        self.learn((name,))
        self.class_name = name

    def choose_number(self, number: int) -> None:
        """Go on with the class of this number, counted from 1; nothing happens where there is none."""
        if 1 <= number <= len(self.classes):
            self.class_name = self.classes[number - 1]

    def toggle(self) -> None:
        """Go on with counter-examples instead of examples, or the other way round."""
        self.positive = not self.positive

    def learn(self, names: tuple[str, ...]) -> None:
        """Add classes to those that can be chosen."""
        self._is_new = self._is_new and not names
        self.classes = tuple(dict.fromkeys((*self.classes, *names)))

    def index(self, class_name: str) -> int:
        """Place of a class in the list, which decides its colour."""
        return self.classes.index(class_name) if class_name in self.classes else len(self.classes)
