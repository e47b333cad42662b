"""A result and the truth, read side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import EvaluationError
from dinoscope.geometry import Region
from dinoscope.image import LazyArray
from dinoscope.jobs import counted
from dinoscope.tiling import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback

_BLOCK = 1024
"""Voxels in y and x read at once, section by section."""


def pairs(pred: Image, truth: Image, progress: ProgressCallback) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """The voxels of two images, block by block.

    Raises
    ------
    EvaluationError
        If the shapes differ.
    """
    if pred.shape != truth.shape:
        raise EvaluationError(
            f"{pred.name!r} of shape {pred.shape} and {truth.name!r} of shape {truth.shape} cannot be compared: "
            "expected the same shape"
        )
    for region in regions(truth, progress):
        yield pred.read(region), truth.read(region)


def regions(image: Image, progress: ProgressCallback) -> Iterator[Region]:
    """Boxes that partition an image."""
    shape = (*(1 for _ in image.shape[:-2]), _BLOCK, _BLOCK)
    yield from counted(list(blocks(image.extent, shape)), "evaluate", progress)


class _Only(LazyArray):
    """Where a label image has one value."""

    def __init__(self, labels: Image, value: int) -> None:
        super().__init__(labels.shape, np.uint8)
        self._labels = labels
        self._value = value

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        region = Region(tuple(b.start for b in bounds), tuple(b.stop for b in bounds))
        inside: NDArray[np.bool_] = self._labels.read(region) == self._value
        return inside


def only_label(labels: Image, value: int) -> Image:
    """The lazy mask of one value of a label image, such as one class."""
    return replace(labels, data=_Only(labels, value), uri=f"{labels.uri}#label={value}")
