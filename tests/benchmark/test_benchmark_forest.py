"""The pixel classifier on textures that it can tell apart."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.batch import Stages, Work
from dinoscope.benchmark import Case, Dataset, Protocol, run_benchmark
from dinoscope.benchmark import _forest as forest_module
from dinoscope.benchmark._forest import Forest, filter_section
from dinoscope.errors import MissingDependencyError
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.settings import TilingSettings
from dinoscope.testing import FakeEncoder
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (64, 160)
MIDDLE = 80


def textures() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Stripes to the left and grains to the right, equally bright, and where the stripes are."""
    rng = np.random.default_rng(0)
    grey = 100 + rng.integers(-20, 21, SHAPE)
    grey[:, :MIDDLE] = np.where(np.arange(SHAPE[0]) // 4 % 2, 120, 80)[:, np.newaxis]
    truth = np.zeros(SHAPE, np.uint8)
    truth[:, :MIDDLE] = 1
    return grey.astype(np.uint8), truth


def dataset(sections: int = 1) -> Dataset:
    grey, truth = textures()
    if sections > 1:
        grey, truth = np.stack([grey] * sections), np.stack([truth] * sections)
    return Dataset("textures", (Case(open_image(grey, name="grey"), open_image(truth, name="truth")),), False)


def forest(folder: Path, sections: int = 1, scale: float | None = None) -> Forest:
    data = dataset(sections)
    stages = Stages(tiling=TilingSettings(scale=scale))
    work = Work.open(data.cases[0].image, FakeEncoder(), stages, folder / "store.zarr")
    return Forest(data, (work,), folder)


CLICKS = [PointPrompt((0, 30, 20)), PointPrompt((0, 10, 50)),
          PointPrompt((0, 30, 140), positive=False), PointPrompt((0, 50, 110), positive=False)]  # fmt: skip


@pytest.mark.parametrize("scale", [None, 0.5])
def test_two_textures_are_told_apart(tmp_path: Path, scale: float | None) -> None:
    found = forest(tmp_path, scale=scale).learn(0, CLICKS)(0, (0,))
    (plane,) = np.asarray(found.values)[0]
    assert plane.shape == tuple(round(size * (scale or 1)) for size in SHAPE)
    left, right = plane[:, : plane.shape[1] * 2 // 5], plane[:, plane.shape[1] * 3 // 5 :]
    assert (left > 0.5).mean() > 0.9
    assert (right < 0.5).mean() > 0.9
    assert found.levels[0] > 0.9


def test_only_the_sections_that_are_asked_for_are_classified(tmp_path: Path) -> None:
    found = forest(tmp_path, sections=3).learn(0, CLICKS)(0, (2, 0))
    assert np.asarray(found.values).shape == (1, 2, *SHAPE) == (1, *found.grid.shape)
    assert {path.name[-5] for path in tmp_path.glob("*.npy")} == {"0", "2"}


def test_background_is_given_where_nobody_clicked_on_any(tmp_path: Path) -> None:
    made = forest(tmp_path)
    given = made.complete(0, CLICKS[:2])
    assert given[:2] == CLICKS[:2]
    assert [prompt.positive for prompt in given[2:]] == [False, False]
    assert all(prompt.position[2] >= MIDDLE for prompt in given[2:])
    assert given == made.complete(0, CLICKS[:2])
    assert given[2:] != made.complete(0, CLICKS[1::-1])[2:]
    assert made.complete(0, CLICKS[:3]) == CLICKS[:3]


def test_filters_are_the_same_whatever_the_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work,) = forest(tmp_path).works
    grid = PatchGrid((1, *SHAPE), 1)
    whole = filter_section(work, grid, grid.extent)
    monkeypatch.setattr(forest_module, "_SIDE", 25)
    part = Region((0, 11, 30), (1, 60, 101))
    np.testing.assert_array_equal(filter_section(work, grid, part), whole[part.slices[1:]])


def test_filters_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = forest(tmp_path)
    first = made.learn(0, CLICKS)(0, (0,))

    def never(*args: object) -> None:
        raise AssertionError

    monkeypatch.setattr(forest_module, "filter_section", never)
    np.testing.assert_array_equal(first.values, made.learn(0, CLICKS)(0, (0,)).values)


def test_the_benchmark_asks_it_like_any_method(tmp_path: Path) -> None:
    protocol = Protocol(
        clicks=(2,), seeds=1, methods=("dinosim",), baselines=("forest",), targets=(0.7,), at_most=3,
        store_folder=tmp_path,
    )  # fmt: skip
    results = run_benchmark(dataset(), [("fake", FakeEncoder())], protocol, Stages())
    assert [answer.method for answer in results.answers] == ["dinosim", "random forest"]
    assert results.answers[1].counts.scores()["dice"] > 0.8
    assert results.answers[1].counts.plain == results.answers[1].counts.fixed
    assert [each.effort.clicks for each in results.corrections if each.method == "random forest"] == [(1,)]


def test_without_scikit_learn_the_error_tells_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'dinoscope\[benchmark\]'"):
        run_benchmark(dataset(), [("fake", FakeEncoder())], Protocol(baselines=("forest",)), Stages())
