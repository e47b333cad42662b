"""How far the work has come, and the means to pause and end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_error, show_warning
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from dinoscope.napari._controls import button

if TYPE_CHECKING:
    from dinoscope.jobs import Progress
    from dinoscope.session import Session


class Footer(QWidget):
    """The running job, and what went wrong with it."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.bar.setToolTip("What is being computed. Finished tiles are kept on disk, so ending it loses nothing.")
        self.pause: QPushButton = button("Pause", "Let the work rest.", self._pause)
        self.pause.setCheckable(True)
        self.cancel = button("Cancel", "End the work; what is finished stays.", session.cancel)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 6, 6)
        row.addWidget(self.bar, stretch=1)
        row.addWidget(self.pause)
        row.addWidget(self.cancel)
        session.events.progress.connect(self._step)
        session.events.running.connect(self._running)
        session.events.failed.connect(show_error)
        session.events.notice.connect(show_warning)
        self._running(session.is_running)

    def _step(self, progress: Progress) -> None:
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)
        self.bar.setFormat(str(progress))

    def _running(self, running: bool) -> None:
        self.pause.setEnabled(running)
        self.pause.setChecked(False)
        self.pause.setText("Pause")
        self.cancel.setEnabled(running)
        self.bar.setRange(0, 0 if running else 1)  # a bar from 0 to 0 says: busy, nobody knows for how long
        self.bar.setValue(0)
        self.bar.setFormat("" if running else "ready")

    def _pause(self) -> None:
        if self.pause.isChecked():
            self._session.pause()
        else:
            self._session.resume()
        self.pause.setText("Go on" if self.pause.isChecked() else "Pause")
