"""The examples one by one, each of which can be switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QListWidget, QListWidgetItem
from superqt.utils import signals_blocked

from dinoscope.session import describe_example

if TYPE_CHECKING:
    from dinoscope.session import Session

_MOST_ROWS = 5
"""Of more examples the list scrolls."""

_ON, _OFF = Qt.CheckState.Checked, Qt.CheckState.Unchecked


class ExampleList(QListWidget):
    """A row with a check box per example of a session. It is hidden while there are none."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setToolTip("What is unchecked is not searched by: see what an example is good for.")
        self.itemChanged.connect(self._switch)
        session.events.prompts.connect(self._show)
        self._show()

    def _show(self, *_: object) -> None:
        examples, muted = self._session.examples, self._session.muted
        with signals_blocked(self):
            while self.count() > len(examples):
                self.takeItem(self.count() - 1)
            while self.count() < len(examples):
                self.addItem(QListWidgetItem())
            for example in examples:  # rows are kept: one of them may be telling that it was switched
                item = self.item(example.number)
                item.setText(describe_example(example))
                item.setCheckState(_OFF if example.number in muted else _ON)
        rows = min(len(examples), _MOST_ROWS)
        self.setFixedHeight(rows * self.sizeHintForRow(0) + 2 * self.frameWidth())
        self.setVisible(bool(examples))

    def _switch(self, _: QListWidgetItem) -> None:
        self._session.muted = [row for row in range(self.count()) if self.item(row).checkState() == _OFF]
