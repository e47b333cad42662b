"""Sessions and references on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets

from dinoscope.jupyter._controls import Section, button, labelled, row
from dinoscope.reference import Reference
from dinoscope.session import save_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dinoscope.jupyter._home import Home
    from dinoscope.session import Session


class FilePanel(Section):
    """Keeps examples and settings for another day, or for other images.

    Parameters
    ----------
    session
        Whose examples and settings.
    home
        Its thread.
    open_session
        Called with the path of a session that somebody typed.
    """

    def __init__(self, session: Session, home: Home, open_session: Callable[[str], object]) -> None:
        super().__init__("Sessions and references")
        self._session, self._home = session, home
        self.session_path = widgets.Text("session.json", continuous_update=False, tooltip="Examples and settings.")
        self.load_session = button(
            home,
            "Load",
            "Go on with examples and settings of another day.",
            lambda: open_session(self.session_path.value),
        )
        self.save_session = button(home, "Save", "Keep the examples and settings.", self._save_session)
        self.reference_path = widgets.Text(
            "reference.safetensors", continuous_update=False, tooltip="Examples for use on other images."
        )
        self.load_reference = button(home, "Load", "Use the examples of another image too.", self._load_reference)
        self.save_reference = button(home, "Save", "Keep these examples for other images.", self._save_reference)
        self.add(
            labelled(("Session", self.session_path), ("", row(self.load_session, self.save_session))),
            labelled(("Reference", self.reference_path), ("", row(self.load_reference, self.save_reference))),
        )

    def _save_session(self) -> None:
        self._told_of(save_session(self._session, self.session_path.value))

    def _load_reference(self) -> None:
        self._session.references = [*self._session.references, Reference.load(self.reference_path.value)]

    def _save_reference(self) -> None:
        self._told_of(self._session.result("reference").save(self.reference_path.value))

    def _told_of(self, path: Path) -> None:
        self._home.told.emit(f"saved as {path}")
