"""Where the next example would help most, as long as nobody has given one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from dinoscope.prompts import PointPrompt

if TYPE_CHECKING:
    from dinoscope.segmentation import Suggestion
    from dinoscope.session._session import Session


class Guide:
    """Points at the place that is worth the next example. What it points at is no example yet.

    It points at nothing more once the examples are others, or what is alike is judged otherwise.

    Parameters
    ----------
    session
        Whose examples they are.

    Attributes
    ----------
    changed
        Emitted when it points elsewhere, or at nothing any more.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self._place: Suggestion | None = None
        session.events.prompts.connect(self._forget)
        session.events.dropped.connect(self._dropped)

    @property
    def place(self) -> Suggestion | None:
        """What it points at, or None."""
        return self._place

    @property
    def is_able(self) -> bool:
        """Whether there is a map, from which alone it can know."""
        return self._session.is_ready("similarity") or self._session.is_ready("preview")

    def suggest(self) -> Suggestion | None:
        """Point at the best place there is, and give it; None, and a notice, where nothing is worth a click.

        Raises
        ------
        NotReadyError
            If there is no map.
        """
        from dinoscope.segmentation import suggest

        session = self._session
        similarity, known = session.map_so_far
        found = suggest(similarity, session.thresholds(), session.prompts, known, session.view)
        self._point_at(found[0] if found else None)
        if not found:
            session.events.notice.emit("Nothing is in doubt here: look elsewhere, or correct what is wrong.")
        return self._place

    def answer(self, positive: bool) -> None:
        """Make the place an example, or a counter-example; nothing happens where it points at nothing."""
        place = self._place
        if place is not None:
            example = PointPrompt(place.position, place.class_name, positive)
            self._session.prompts = (*self._session.prompts, example)

    def _dropped(self, stage: str) -> None:
        if stage == "similarity":
            self._forget()

    def _forget(self, _: object = None) -> None:
        if self._place is not None:
            self._point_at(None)

    def _point_at(self, place: Suggestion | None) -> None:
        self._place = place
        self.changed.emit()
