"""Small parts of the dock widget, so that they all look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_error
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from dinoscope.napari._form import SettingsForm

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QShowEvent

    from dinoscope.settings import Settings


class UprightScrollArea(QScrollArea):
    """Scrolls up and down, and is always wide enough for what is in it."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's own
        """Take the width of the content, which is known once its style is."""
        super().showEvent(event)
        self.setMinimumWidth(self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width())


class Section(QGroupBox):
    """A titled part of the dock widget, filled from top to bottom."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(6, 6, 6, 6)
        self._column.setSpacing(4)

    def add(self, *widgets: QWidget) -> None:
        """Add a row of widgets."""
        if len(widgets) == 1:
            self._column.addWidget(widgets[0])
            return
        row = QHBoxLayout()
        for widget in widgets:
            row.addWidget(widget)
        self._column.addLayout(row)


def button(text: str, tip: str, action: Callable[[], object]) -> QPushButton:
    """A button with a tooltip."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.clicked.connect(lambda *_: action())
    return made


def check_box(text: str, tip: str, checked: bool, action: Callable[[bool], object]) -> QCheckBox:
    """A check box with a tooltip."""
    made = QCheckBox(text)
    made.setToolTip(tip)
    made.setChecked(checked)
    made.toggled.connect(action)
    return made


def form(settings: Settings, *names: str) -> SettingsForm:
    """A form for settings, or for some of them, that says what it does not accept."""
    made = SettingsForm(settings, names or None)
    made.rejected.connect(show_error)
    return made


def timer(milliseconds: int, action: Callable[[], object]) -> QTimer:
    """A timer that acts once, that long after it was last started."""
    made = QTimer()
    made.setSingleShot(True)
    made.setInterval(milliseconds)
    made.timeout.connect(action)
    return made


def note(text: str = "", tip: str = "") -> QLabel:
    """A line of text that wraps."""
    made = QLabel(text)
    made.setToolTip(tip)
    made.setWordWrap(True)
    return made


def ask(parent: QWidget, question: str) -> bool:
    """Whether the person agrees."""
    yes = QMessageBox.StandardButton.Yes
    return bool(QMessageBox.question(parent, "dinoscope", question) == yes)
