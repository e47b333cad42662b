"""Objects in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal

from dinoscope.napari._controls import Section, button, form, note
from dinoscope.napari._table import Table
from dinoscope.session import OBJECTS, describe_objects, describe_origin

if TYPE_CHECKING:
    from dinoscope.session import Session

_TABLE_HEIGHT = 160


class ObjectPanel(Section):
    """Makes objects, and lists their measurements.

    Attributes
    ----------
    flown
        Emitted with the voxel (z, y, x) of the object somebody wants to look at, and its number.
    """

    flown = Signal(object, int)

    def __init__(self, session: Session) -> None:
        super().__init__("4  Objects")
        self._session = session
        self.smallest = form(session.settings.segmentation, "min_diameter")
        self.commit = button("Get objects", "Find the objects of the whole image and measure them (key C).", self.run)
        self.count = note()
        self.table = Table()
        self.table.setToolTip("A row flies to its object. Right-click an object in the image to say right or wrong.")
        self.table.setMinimumHeight(_TABLE_HEIGHT)
        self.table.hide()
        self.origin = note()
        self.add(self.smallest)
        self.add(self.commit)
        self.add(self.count)
        self.add(self.table)
        self.add(self.origin)
        self.table.chosen.connect(self._fly)
        session.events.ready.connect(self._ready)
        session.events.dropped.connect(self._dropped)

    def run(self) -> None:
        """Ask the session for objects, measurements and detections."""
        self._session.request(*OBJECTS)

    def _ready(self, stage: str) -> None:
        if stage == "measurements":
            self.count.setText(describe_objects(self._session.result("segmentation")))
            self.table.set_columns(self._session.result("measurements").overview)
            self.table.show()

    def _dropped(self, stage: str) -> None:
        if stage == "measurements":
            self.count.setText("Something changed since: get the objects again.")
            self.table.set_columns({})
            self.origin.clear()
            self.table.hide()

    def _fly(self, row: int) -> None:
        table = self._session.result("measurements")
        self.origin.setText(describe_origin(self._session, table.centroid(row)))
        self.flown.emit(table.centroid(row), int(table["label"][row]))
