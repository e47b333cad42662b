"""What is alike, and what is shown of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.jupyter._controls import Section, button
from dinoscope.jupyter._form import SettingsForm

if TYPE_CHECKING:
    from dinoscope.canvas import Canvas
    from dinoscope.jupyter._home import Home
    from dinoscope.session import Session


class ResultPanel(Section):
    """How features are compared, and where the similarity is cut."""

    def __init__(self, session: Session, home: Home) -> None:
        super().__init__("What is alike")
        self.method = SettingsForm(session.settings.similarity, home, ("method",))
        self.threshold = SettingsForm(session.settings.segmentation, home, ("threshold", "refine"))
        self.colours = button(
            home,
            "What the encoder sees",
            "The three main directions of the features in view as colours: what looks alike here can be found.",
            lambda: session.request("colours"),
        )
        self.add(self.method, self.threshold, self.colours)


class ViewPanel(Section):
    """Which layers are shown, and how."""

    def __init__(self, canvas: Canvas, home: Home) -> None:
        super().__init__("View")
        names = ("opacity", "similarity", "mask", "uncertainty", "black_at", "white_at")
        self.layers = SettingsForm(canvas.settings, home, names)
        self.add(self.layers)
