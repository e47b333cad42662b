"""Which labels meet, counted voxel by voxel."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dinoscope.evaluate._contingency import _count_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

DTYPES: tuple[Any, ...] = (np.uint8, np.int16, np.uint32, np.int64, np.uint64)


@st.composite
def label_images(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two of one shape, some with labels larger than they have voxels."""
    images = []
    for dtype in (draw(st.sampled_from(DTYPES)), draw(st.sampled_from(DTYPES))):
        most = draw(st.sampled_from([3, int(np.iinfo(dtype).max)]))
        few = st.sampled_from([0, 1, 2, most])
        images.append(draw(arrays(dtype, (4, 5), elements=few)))
    return images[0], images[1]


@given(label_images())
def test_every_pair_of_labels_is_counted(pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
    found, real = pair
    names, others, counts = _count_pairs(found, real)
    expected = Counter(zip(found.ravel().tolist(), real.ravel().tolist(), strict=True))
    expected.pop((0, 0), None)
    assert dict(zip(zip(names.tolist(), others.tolist(), strict=True), counts.tolist(), strict=True)) == expected
    assert (names.dtype, others.dtype) == (found.dtype, real.dtype)


@pytest.mark.parametrize("dtype", [bool, np.float32])
def test_masks_and_numbers_with_a_point_are_labels_too(dtype: Any) -> None:
    found = np.array([[0, 1, 1], [1, 0, 0]], dtype)
    names, others, counts = _count_pairs(found, np.ones((2, 3), np.uint8))
    assert (names.tolist(), others.tolist(), counts.tolist()) == ([0, 1], [1, 1], [3, 3])
