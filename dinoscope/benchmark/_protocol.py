"""What a benchmark measures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dinoscope.errors import EvaluationError
from dinoscope.forms import choices_of
from dinoscope.settings import DetectionSettings, SegmentationSettings, SimilaritySettings

if TYPE_CHECKING:
    from pathlib import Path

METHODS = choices_of(SimilaritySettings, "method")
"""All ways to compare features with examples."""

BASELINES = {
    "forest": "random forest",
    "positives": "dinosim, positives only",
    "published": "dinosim, positives only, 0.5",
}
"""What the methods are compared with, and their names in tables.

``forest`` is a pixel classifier that is given the same clicks, see `Forest`. The other two are DINOSim in the hands of
one who has no counter-examples, as in napari-dinosim: at the same threshold and with the same outlines as all methods,
and at a threshold of 0.5 without refinement. Only a simulated person who corrects errors tells them from dinosim.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What is measured.

    Attributes
    ----------
    clicks
        How many examples are drawn.
    seeds
        How often, each time on other objects.
    counter_examples
        How many are drawn besides.
    click_on
        The section that is clicked on, counted through all images.
    hold_out
        Whether that section does not count.
    labelled_only
        Whether sections with an empty truth do not count: in many data sets nobody has labelled them.
    methods
        Ways to compare.
    baselines
        Keys of `BASELINES` to measure besides.
    targets
        Dice that a simulated person must reach; none for no such person.
    at_most
        Clicks after which that person gives up.
    corrected
        How many sections that person corrects, the first that count; 0 for all.
    segmentation, detection
        How maps become masks, objects and detections.
    store_folder
        Where feature stores are kept; the user's cache by default.
    """

    clicks: tuple[int, ...] = (1, 3, 5, 10)
    seeds: int = 5
    counter_examples: int = 0
    click_on: int = 0
    hold_out: bool = False
    labelled_only: bool = False
    methods: tuple[str, ...] = METHODS
    baselines: tuple[str, ...] = ()
    targets: tuple[float, ...] = ()
    at_most: int = 20
    corrected: int = 0
    segmentation: SegmentationSettings = field(default_factory=SegmentationSettings)
    detection: DetectionSettings = field(default_factory=DetectionSettings)
    store_folder: Path | None = None

    def __post_init__(self) -> None:
        if not self.clicks or min(self.clicks) < 1 or self.seeds < 1 or self.counter_examples < 0:
            raise EvaluationError(
                f"{self.clicks} clicks, {self.seeds} seeds and {self.counter_examples} counter-examples cannot be "
                "drawn: expected numbers of clicks and seeds from 1 on"
            )
        if self.segmentation.refine == "sam2":
            raise EvaluationError(
                "refine 'sam2' draws objects, and the benchmark compares masks of the map as well: choose image or none"
            )
        unknown = set(self.baselines) - set(BASELINES)
        if unknown or self.corrected < 0:
            raise EvaluationError(
                f"baselines {sorted(self.baselines)} and {self.corrected} corrected sections: expected baselines of "
                f"{', '.join(BASELINES)}, and a number from 0 on"
            )
