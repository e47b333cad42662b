"""What is shown of the map, and where it is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.jupyter._controls import Section, button
from dinoscope.jupyter._form import SettingsForm

if TYPE_CHECKING:
    from dinoscope.canvas import Canvas
    from dinoscope.jupyter._home import Home


class ResultPanel(Section):
    """The threshold, and which layers are shown."""

    def __init__(self, canvas: Canvas, home: Home) -> None:
        super().__init__("What is alike")
        session = canvas.session
        self.method = SettingsForm(session.settings.similarity, home, ("method",))
        self.threshold = SettingsForm(session.settings.segmentation, home, ("threshold",))
        self.layers = SettingsForm(canvas.settings, home, ("opacity", "similarity", "mask", "uncertainty"))
        self.colours = button(
            home,
            "What the encoder sees",
            "The three main directions of the features in view as colours: what looks alike here can be found.",
            lambda: session.request("colours"),
        )
        self.add(self.method, self.threshold, self.layers, self.colours)
