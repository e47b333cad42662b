"""Painted examples as the pixels of a layer of labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap

from dinoscope.geometry import Region
from dinoscope.napari._look import COUNTER_LABEL, class_rgba, sign_colour
from dinoscope.prompts import prompts_from_labels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Labels
    from numpy.typing import NDArray

    from dinoscope.prompts import MaskPrompt
    from dinoscope.session import Brush


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A layer of paint over a part of a section.

    Attributes
    ----------
    layer
        Its labels are classes, see `COUNTER_LABEL`.
    region
        The voxels (z, y, x) it covers, one section.
    brush
        Knows the classes.
    """

    layer: Labels
    region: Region
    brush: Brush

    def holds(self, prompt: MaskPrompt) -> bool:
        """Whether all of an example lies where there is paint to edit it."""
        (y, x), (height, width) = prompt.origin, prompt.mask.shape
        return self.region.contains(Region((prompt.section, y, x), (prompt.section + 1, y + height, x + width)))

    def read(self) -> list[MaskPrompt]:
        """The examples that are painted."""
        z, top, left = self.region.start
        return [self._named(prompt) for prompt in prompts_from_labels([(z, self._picture())], (top, left))]

    def write(self, prompts: Iterable[MaskPrompt]) -> None:
        """Paint those examples that the sheet holds, and nothing else."""
        picture = np.zeros(self.region.shape[1:], np.uint8)
        _, top, left = self.region.start
        for prompt in filter(self.holds, prompts):
            label = self.brush.index(prompt.class_name) + 1
            (y, x), (height, width) = prompt.origin, prompt.mask.shape
            part = picture[y - top : y - top + height, x - left : x - left + width]
            part[prompt.mask] = label if prompt.positive else COUNTER_LABEL + label
        if not np.array_equal(picture, self._picture()):
            self.layer.data = picture.reshape(self.layer.data.shape)

    def apply_brush(self) -> None:
        """New strokes get the class and the sign of the brush."""
        self.layer.colormap = _colours(len(self.brush.classes))
        label = self.brush.index(self.brush.class_name) + 1
        self.layer.selected_label = label + (0 if self.brush.positive else COUNTER_LABEL)

    def _picture(self) -> NDArray[Any]:
        return np.asarray(self.layer.data).reshape(self.region.shape[1:])

    def _named(self, prompt: MaskPrompt) -> MaskPrompt:
        """A prompt that is called after its label, with its class and sign."""
        label = int(prompt.class_name)
        name = self.brush.classes[(label % COUNTER_LABEL) - 1]
        return replace(prompt, class_name=name, positive=label < COUNTER_LABEL)


def _colours(classes: int) -> DirectLabelColormap:
    colours: dict[int | None, Any] = {None: (0, 0, 0, 0), 0: (0, 0, 0, 0)}
    for index in range(classes):
        colours[index + 1] = class_rgba(index)
        colours[COUNTER_LABEL + index + 1] = sign_colour(False)
    return DirectLabelColormap(color_dict=colours)
