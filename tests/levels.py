"""Resolution levels of an image, against those that were written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.image import Image


def assert_levels(image: Image, expected: Sequence[NDArray[Any]]) -> None:
    """The data and the coarser levels, all of them, and a corner of each."""
    levels = (image.data, *image.coarser)
    assert [tuple(level.shape) for level in levels] == [values.shape for values in expected]
    for level, values in zip(levels, expected, strict=True):
        assert np.dtype(level.dtype).isnative
        whole = (slice(None),) * values.ndim
        np.testing.assert_array_equal(level[whole], values)
        corner = tuple(slice(n // 2, n) for n in values.shape)
        np.testing.assert_array_equal(level[corner], values[corner])
