"""What is shown of the map, and where it is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dinoscope.napari._controls import Section, button, check_box, form

if TYPE_CHECKING:
    from dinoscope.napari._results import ResultLayers
    from dinoscope.session import Session


class ResultPanel(Section):
    """The threshold, and which layers follow the examples."""

    def __init__(self, session: Session, layers: ResultLayers) -> None:
        super().__init__("3  What is alike")
        self.method = form(session.settings.similarity, "method")
        self.threshold = form(session.settings.segmentation, "threshold", "refine")
        self.similarity = check_box(
            "Similarity",
            "How alike every patch is to the examples, 0 to 1.",
            True,
            lambda on: layers.show("similarity", on),
        )
        self.mask = check_box(
            "Mask", "Where the similarity reaches the threshold.", True, lambda on: layers.show("mask", on)
        )
        self.uncertainty = check_box(
            "Uncertainty",
            "Where a small change of the threshold would change the mask: the best places for the next example.",
            False,
            lambda on: layers.show("uncertainty", on),
        )
        self.colours = button(
            "What the encoder sees",
            "The three main directions of the features in view as colours: what looks alike here can be found.",
            lambda: session.request("colours"),
        )
        self.add(self.method)
        self.add(self.threshold)
        self.add(self.similarity, self.mask, self.uncertainty)
        self.add(self.colours)
