"""Labels in, table out.

The labels are read piece by piece. Each adds its counts, sums and second moments to those of its objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dinoscope.errors import EvaluationError
from dinoscope.jobs import Progress, ignore_progress
from dinoscope.measure._columns import (
    grey_columns,
    neighbour_columns,
    place_columns,
    shape_columns,
    size_columns,
    voxel_size,
)
from dinoscope.measure._pieces import count_pieces, read_pieces
from dinoscope.measure._sums import add_up
from dinoscope.measure._surface import crofton
from dinoscope.measure._table import ObjectTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.jobs import ProgressCallback
    from dinoscope.measure._pieces import Piece
    from dinoscope.measure._table import Columns


def measure_objects(
    labels: Image,
    intensity: Image | None = None,
    *,
    classes: Sequence[str] | Callable[[int], str] | None = None,
    progress: ProgressCallback = ignore_progress,
) -> ObjectTable:
    """Measure every object of a label image. It is read piece by piece: memory grows with the number of objects only.

    Parameters
    ----------
    labels
        Object numbers with axes (z, y, x) or (y, x), 0 being none. Its scale gives the physical sizes.
    intensity
        Image of the same shape to take the grey values of, or None.
    classes
        Class of object 1, 2, …, or a function that tells the class of a number.
    progress
        Called after every piece.

    Returns
    -------
    A table in the order of the labels. Axis lengths and orientation are defined as in scikit-image's `regionprops`.

    Raises
    ------
    EvaluationError
        If `intensity` has another shape than `labels`, or `labels` are no whole numbers or have other axes.

    Notes
    -----
    Sizes, centroids and axes follow from sums over voxels. Perimeter and surface are estimates: with Crofton's formula
    over 8 directions in the plane and 13 in space. On smooth objects they are within 2 % from about 10 voxels across in
    the plane, and in space from about 8 (voxels as long as the longest side); smaller ones come out too small, by 3 %
    in space where they are 5 voxels across. Flat faces depend on how they lie: along an axis outlines come out 2 %
    and surfaces 8 % too small, and so do the faces at which the image border cuts an object.
    """
    _check(labels, intensity)
    estimator = crofton(voxel_size(labels.axes))
    pieces = read_pieces(labels, intensity, estimator.reach)
    sums = add_up(_told(pieces, count_pieces(labels), progress), estimator)
    columns: Columns = {"label": sums.labels}
    kinds: NDArray[Any] = np.zeros(len(sums.labels), np.uint8)
    if classes is not None:
        numbers = sums.labels.tolist()
        names = [classes(n) if callable(classes) else classes[n - 1] for n in numbers]
        columns["class"] = kinds = np.array(names, dtype=np.str_)
    columns |= size_columns(sums, estimator.surfaces(sums.crossings), labels.axes)
    columns |= shape_columns(sums, labels.axes)
    if intensity is not None:
        columns |= grey_columns(sums)
    columns |= neighbour_columns(sums, labels.axes, kinds) | place_columns(sums, labels.axes)
    return ObjectTable(columns)


def _check(labels: Image, intensity: Image | None) -> None:
    if intensity is not None and intensity.shape != labels.shape:
        raise EvaluationError(
            f"intensities of shape {intensity.shape} cannot be measured in labels of shape {labels.shape}: "
            "expected the same shape"
        )
    if labels.axis_names not in ("yx", "zyx") or labels.dtype.kind not in "biu":
        raise EvaluationError(
            f"{labels.name!r} with axes {labels.axis_names!r} and type {labels.dtype} is no label image: expected "
            "whole numbers with axes 'yx' or 'zyx', such as `dinoscope segment --instances` writes"
        )


def _told(pieces: Iterator[Piece], total: int, progress: ProgressCallback) -> Iterator[Piece]:
    """The pieces, each told when it is done."""
    for done, piece in enumerate(pieces, start=1):
        yield piece
        progress(Progress("measure", done, total))
