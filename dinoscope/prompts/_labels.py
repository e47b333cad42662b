"""From label images to prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.prompts._kinds import MaskPrompt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def prompts_from_labels(
    sections: Iterable[tuple[int, NDArray[Any]]], corner: tuple[int, int] = (0, 0)
) -> list[MaskPrompt]:
    """One positive prompt per connected object of a label image; every value above 0 is a class named after it.

    Parameters
    ----------
    sections
        Pairs of a section index and its labels, shape (Y, X), integer.
    corner
        Voxel (y, x) of the first pixel of the labels.
    """
    from scipy import ndimage  # slow to import, and `dinoscope --help` needs none of it

    prompts: list[MaskPrompt] = []
    for section, labels in sections:
        for value in np.unique(labels[labels > 0]):
            objects, count = ndimage.label(labels == value)
            for number, box in enumerate(ndimage.find_objects(objects, max_label=count), start=1):
                origin = (corner[0] + int(box[0].start), corner[1] + int(box[1].start))
                prompts.append(MaskPrompt(section, origin, objects[box] == number, class_name=str(value)))
    return prompts
