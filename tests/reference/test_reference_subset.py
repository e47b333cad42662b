"""Some of the examples of a reference."""

from __future__ import annotations

import numpy as np
import pytest

from dinoscope.errors import PromptError
from dinoscope.geometry import Region
from dinoscope.reference import Reference, Window, keep_examples
from dinoscope.testing import FakeEncoder

SPEC = FakeEncoder().spec
SIGNS = np.array([True, True, False, True])


def reference() -> Reference:
    """Four examples: two of a, one counter-example of a, one of b."""
    places = [Region((0, i, 0), (1, i + 1, 1)) for i in range(4)]
    windows = [Window("image", place, place, place.start, np.zeros((1, 1, 3), np.float16)) for place in places]
    records = tuple({"number": i} for i in range(4))
    return Reference(
        ("a", "b"), np.eye(4, 3, dtype=np.float32), np.array([0, 0, 0, 1]), SIGNS, tuple(windows), SPEC, 5.0, records
    )


def test_what_is_kept_stays_together() -> None:
    found = keep_examples(reference(), [False, True, True, True])
    assert found.classes == ("a", "b")
    assert [record["number"] for record in found.provenance] == [1, 2, 3]
    assert [window.centre[1] for window in found.windows] == [1, 2, 3]
    np.testing.assert_array_equal(found.vectors, np.eye(4, 3)[1:])
    np.testing.assert_array_equal(found.class_index, [0, 0, 1])
    np.testing.assert_array_equal(found.positive, SIGNS[1:])


def test_a_class_without_examples_goes() -> None:
    found = keep_examples(reference(), [False, False, False, True])
    assert found.classes == ("b",)
    np.testing.assert_array_equal(found.class_index, [0])


@pytest.mark.parametrize("kept", [[False] * 4, [False, False, True, True]])
def test_counter_examples_alone_are_refused(kept: list[bool]) -> None:
    with pytest.raises(PromptError, match="no positive example is left"):
        keep_examples(reference(), kept)
