"""How far held-out examples stand out, against a loop."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.encoders import EncoderSpec
from dinoscope.geometry import Region
from dinoscope.reference import Reference, Window
from dinoscope.settings import SimilaritySettings
from dinoscope.similarity import fit, prominence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SPEC = EncoderSpec("made up", 4, 2, 64, 8, (0.0,) * 3, (1.0,) * 3, "made up", "BSD-3-Clause")
AROUND = np.random.default_rng(0).normal(0, 1, (6, 6, 2)).astype(np.float16)


def reference(vectors: Sequence[tuple[float, float]], classes: Sequence[int], signs: Sequence[bool]) -> Reference:
    place = Region((0, 0, 0), (1, 6, 6))
    return Reference(
        classes=tuple("ab"[: max(classes) + 1]),
        vectors=np.array(vectors, np.float32),
        class_index=np.array(classes),
        positive=np.array(signs),
        windows=tuple(Window("image", place, place, (0, 3, 3), AROUND) for _ in vectors),
        encoder=SPEC,
        pixel_size_nm=None,
        provenance=({},) * len(vectors),
    )


class Nearness:
    """Tells how near features are to the mean of the positive examples of each class."""

    def __init__(self, known: Reference, *, like: Nearness | None = None) -> None:
        self.means = [known.vectors[(known.class_index == k) & known.positive].mean(axis=0) for k in range(2)]

    def match(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.stack([-np.linalg.norm(features - mean, axis=1) for mean in self.means], axis=1).astype(np.float32)


def test_it_is_the_mean_of_what_a_loop_finds() -> None:
    vectors = [(3.0, 0.0), (3.5, 0.2), (2.8, -0.1), (0.0, 4.0), (0.1, 4.4), (0.0, 0.0)]
    given = reference(vectors, [0, 0, 0, 1, 1, 0], [True] * 5 + [False])
    around = AROUND.reshape(-1, 2).astype(float)
    heights = []
    # Folds hold out the first of both classes together, then the second of both, then the third of the one.
    for out in ((0, 3), (1, 4), (2,)):
        for held in out:
            mine = [i for i in ((0, 1, 2) if held < 3 else (3, 4)) if i not in out]
            mean = np.mean([vectors[i] for i in mine], axis=0)
            others = [-math.dist(patch, mean) for patch in around]
            heights.append((-math.dist(vectors[held], mean) - np.mean(others)) / np.std(others))
    assert prominence(given, Nearness) == pytest.approx(np.mean(heights), rel=1e-3)


@pytest.mark.parametrize("method", ["knn", "probe", "prototype"])
def test_examples_that_are_alike_and_unlike_the_rest_stand_out_further(method: str) -> None:
    look = partial(fit, settings=SimilaritySettings(method=method))
    alike = reference([(4.0, 0.0), (4.1, 0.1), (3.9, 0.0)], [0, 0, 0], [True] * 3)
    scattered = reference([(4.0, 0.0), (0.0, 4.0), (-4.0, 0.0)], [0, 0, 0], [True] * 3)
    usual = reference([(0.1, 0.0), (0.0, 0.1), (-0.1, 0.0)], [0, 0, 0], [True] * 3)
    assert prominence(alike, look) > max(prominence(scattered, look), prominence(usual, look)) + 0.2


def test_with_one_example_of_each_class_there_is_nothing_to_hold_out() -> None:
    assert math.isnan(prominence(reference([(4.0, 0.0), (0.0, 4.0)], [0, 1], [True, True]), Nearness))


def test_flat_surroundings_do_not_divide_by_zero() -> None:
    given = reference([(4.0, 0.0), (4.0, 0.0)], [0, 0], [True, True])
    flat = tuple(replace(window, features=np.zeros_like(AROUND)) for window in given.windows)
    assert math.isfinite(prominence(replace(given, windows=flat), partial(fit, settings=SimilaritySettings())))
