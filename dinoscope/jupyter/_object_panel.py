"""Objects in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.jupyter._controls import Section, button, note, show
from dinoscope.jupyter._form import SettingsForm
from dinoscope.jupyter._table import Table
from dinoscope.session import OBJECTS, describe_objects, describe_origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from dinoscope.jupyter._home import Home
    from dinoscope.session import Session


class ObjectPanel(Section):
    """Makes objects, and lists their measurements.

    Parameters
    ----------
    session
        Whose objects.
    home
        Its thread.
    fly_to
        Called with the voxel (z, y, x) of the object somebody wants to look at.
    """

    def __init__(self, session: Session, home: Home, fly_to: Callable[[tuple[float, float, float]], object]) -> None:
        super().__init__("Objects")
        self._session, self._fly_to = session, fly_to
        self.smallest = SettingsForm(session.settings.segmentation, home, ("min_diameter",))
        self.commit = button(
            home,
            "Get objects",
            "Find the objects of the whole image and measure them (key C).",
            lambda: session.request(*OBJECTS),
            button_style="primary",
        )
        self.count = note()
        self.table = Table(home)
        self.origin = note()
        self.add(self.smallest, self.commit, self.count, self.table, self.origin)
        self.table.chosen.connect(self._fly)
        self.listen(session.events.ready, self._ready)
        self.listen(session.events.dropped, self._dropped)
        if session.is_ready("measurements"):
            self._ready("measurements")

    def _ready(self, stage: str) -> None:
        if stage == "measurements":
            show(self.count, describe_objects(self._session.result("segmentation")))
            self.table.show(self._session.result("measurements").overview)

    def _dropped(self, stage: str) -> None:
        if stage == "measurements":
            show(self.count, "Something changed since: get the objects again.")
            self.table.show({})
            show(self.origin, "")

    def _fly(self, row: int) -> None:
        place = self._session.result("measurements").centroid(row)
        show(self.origin, describe_origin(self._session, place))
        self._fly_to(place)
