"""What every view can do and show, and a session that nobody looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from dinoscope.image import open_image
from dinoscope.session import Recorder, Session, describe_example, describe_origin

if TYPE_CHECKING:
    from numpy.typing import NDArray

PATIENCE_S = 60

Corner = tuple[float, float]


def squares() -> NDArray[np.float32]:
    """Two bright squares on a dark ground."""
    rng = np.random.default_rng(0)
    pixels = rng.random((160, 200), dtype=np.float32) * 0.2
    pixels[32:64, 32:64] += 0.7
    pixels[96:128, 128:160] += 0.7
    return pixels


class View(Protocol):
    """What people can do and see, whatever the toolkit."""

    session: Session

    def click(self, y: float, x: float, positive: bool = True) -> None:
        """Give an example."""

    def box(self, low: Corner, high: Corner) -> None:
        """Drag a box from one voxel (y, x) to another around an object."""

    def stroke(self, line: list[Corner], width: float) -> None:
        """Scribble along some voxels (y, x)."""

    def write(self, line: str) -> None:
        """Type a line of words into the field for them."""

    def undo(self) -> None:
        """Take the last change of the examples back."""

    def set_threshold(self, value: float) -> None:
        """Move the threshold."""

    def set_refine(self, value: Literal["image", "none"]) -> None:
        """Choose whether the image refines the map."""

    def get_objects(self) -> None:
        """Ask for objects."""

    def can_suggest(self) -> bool:
        """Whether a suggestion can be asked for."""

    def suggest(self) -> None:
        """Ask where another example would help most."""

    def ring(self) -> Corner | None:
        """The middle (y, x) of the ring around the suggestion, if it is shown."""

    def middle(self) -> Corner:
        """What (y, x) is looked at."""

    def answer(self, positive: bool) -> None:
        """Say whether what is in the ring is one."""

    def can_suggest_scale(self) -> bool:
        """Whether another scale can be asked for."""

    def suggest_scale(self) -> None:
        """Ask at which scale the examples find one another best."""

    def scale_text(self) -> str:
        """What was said of that."""

    def can_use_scale(self) -> bool:
        """Whether there is a suggestion that can be accepted."""

    def use_scale(self) -> None:
        """Accept it."""

    def settle(self) -> None:
        """Wait until nothing happens any more."""

    def examples(self) -> list[tuple[float, float, bool]]:
        """The examples that are shown: y, x, sign."""

    def similarity(self) -> NDArray[Any] | None:
        """The map that is shown, one value per patch."""

    def mask(self) -> NDArray[Any] | None:
        """The mask that is shown, one label per pixel."""

    def listed(self) -> list[tuple[str, bool]]:
        """The examples in words, and whether each is switched on."""

    def switch(self, number: int) -> None:
        """Switch an example off, or on again."""

    def origin(self, row: int) -> str:
        """What is told of an object of the table: which example it is like."""

    def object_count(self) -> int | None:
        """Number of objects in the table that is shown."""

    def errors(self) -> list[str]:
        """What went wrong, as it was told."""


class Headless:
    """A script with a recorder."""

    def __init__(self, session: Session) -> None:
        self.session, self.recorder = session, Recorder(session)
        session.image = open_image(squares(), name="squares")
        session.follow("cost", "similarity")

    def click(self, y: float, x: float, positive: bool = True) -> None:
        from dinoscope.prompts import PointPrompt

        self.session.prompts = (*self.session.prompts, PointPrompt((0.0, y, x), positive=positive))

    def box(self, low: Corner, high: Corner) -> None:
        from dinoscope.prompts import BoxPrompt

        self.session.prompts = (*self.session.prompts, BoxPrompt(0, low, high))

    def stroke(self, line: list[Corner], width: float) -> None:
        from dinoscope.session import stroke

        stroke(self.session, 0, line, width)

    def write(self, line: str) -> None:
        from dinoscope.errors import DinoscopeError
        from dinoscope.session import tell

        try:
            tell(self.session, line)
        except DinoscopeError as error:
            self.session.events.failed.emit(str(error))

    def undo(self) -> None:
        self.session.undo_prompts()

    def set_threshold(self, value: float) -> None:
        self.session.settings.segmentation.threshold = value

    def set_refine(self, value: Literal["image", "none"]) -> None:
        self.session.settings.segmentation.refine = value

    def get_objects(self) -> None:
        self.session.request("measurements", "detections")

    def can_suggest(self) -> bool:
        return self.session.guide.is_able

    def suggest(self) -> None:
        self.session.guide.suggest()

    def ring(self) -> Corner | None:
        place = self.session.guide.place
        return None if place is None else place.position[1:]

    def middle(self) -> Corner:
        assert self.session.guide.place is not None  # nobody looks
        return self.session.guide.place.position[1:]

    def answer(self, positive: bool) -> None:
        self.session.guide.answer(positive)

    def can_suggest_scale(self) -> bool:
        return self.session.scale_guide.is_able

    def suggest_scale(self) -> None:
        self.session.scale_guide.ask()

    def scale_text(self) -> str:
        return self.session.scale_guide.text

    def can_use_scale(self) -> bool:
        return self.session.scale_guide.is_change

    def use_scale(self) -> None:
        self.session.scale_guide.accept()

    def settle(self) -> None:
        """Everything happened at once."""

    def examples(self) -> list[tuple[float, float, bool]]:
        from dinoscope.prompts import PointPrompt

        return [(*p.position[1:], p.positive) for p in self.session.prompts if isinstance(p, PointPrompt)]

    def similarity(self) -> NDArray[Any] | None:
        if not self.session.is_ready("similarity"):
            return None
        values: NDArray[Any] = np.asarray(self.session.result("similarity").values)[0, 0]
        return values

    def mask(self) -> NDArray[Any] | None:
        from dinoscope.segmentation import lazy_mask
        from dinoscope.session import fine_map

        if not self.session.is_ready("similarity"):
            return None
        return lazy_mask(fine_map(self.session), self.session.thresholds(), False)[0][:]

    def listed(self) -> list[tuple[str, bool]]:
        muted = self.session.muted
        return [(describe_example(example), example.number not in muted) for example in self.session.examples]

    def switch(self, number: int) -> None:
        self.session.muted = self.session.muted ^ {number}

    def origin(self, row: int) -> str:
        return describe_origin(self.session, self.session.result("measurements").centroid(row))

    def object_count(self) -> int | None:
        return len(self.session.result("measurements")) if self.session.is_ready("measurements") else None

    def errors(self) -> list[str]:
        return [entry.removeprefix("failed ") for entry in self.recorder.log if entry.startswith("failed ")]
