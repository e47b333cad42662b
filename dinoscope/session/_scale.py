"""At which working scale the examples find one another best, asked for and taken over by people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

if TYPE_CHECKING:
    from dinoscope.batch import ScaleSuggestion
    from dinoscope.jobs import Job
    from dinoscope.session._session import Session


SUGGEST_SCALE_TIP = (
    "Try other working pixel sizes on the examples, and say at which they find one another best. Nothing is set."
)
USE_SCALE_TIP = "Work at the pixel size that was suggested."


class ScaleGuide:
    """Tries other working scales on the examples, and tells what they say. Nothing is set before somebody accepts it.

    What it found is gone once the examples, the scale or anything else that it depends on are others.

    Parameters
    ----------
    session
        Whose examples they are.

    Attributes
    ----------
    changed
        Emitted when it has something else to say, or can be asked, or cannot any more.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        session.events.prompts.connect(self._tell)
        session.events.ready.connect(self._on_stage)
        session.events.dropped.connect(self._on_stage)

    @property
    def is_able(self) -> bool:
        """Whether there is an example on the image, which alone can tell."""
        muted = self._session.muted_prompts
        return any(prompt.positive and prompt not in muted for prompt in self._session.prompts)

    @property
    def found(self) -> ScaleSuggestion | None:
        """What the examples said, or None."""
        return self._session.result("scale") if self._session.is_ready("scale") else None

    @property
    def text(self) -> str:
        """It in words; empty as long as nobody asked."""
        return "" if self.found is None else str(self.found)

    @property
    def is_change(self) -> bool:
        """Whether there is something to accept."""
        return self.found is not None and self.found.is_change

    def ask(self) -> Job:
        """Try other scales in the background; what was under way goes on after that.

        Raises
        ------
        NotReadyError
            If there is no image.
        """
        return self._session.request("scale")

    def accept(self) -> None:
        """Work at the suggested scale; nothing happens where none is suggested."""
        found = self.found
        if found is not None and found.is_change:
            setattr(self._session.settings.tiling, found.field, found.value)

    def _on_stage(self, stage: str) -> None:
        if stage == "scale":
            self._tell()

    def _tell(self, _: object = None) -> None:
        self.changed.emit()
