from __future__ import annotations

import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from dinoscope import plot
from dinoscope.errors import AxesError, RegionError
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image, LazyArray
from dinoscope.plot import _view
from dinoscope.plot._look import describe_length, round_length

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray


def make_image(data: Any, sizes: tuple[float, ...] | None = None, names: str = "") -> Image:
    names = names or "zyx"[-len(data.shape) :]
    axes = []
    for i, (name, size) in enumerate(zip(names, data.shape, strict=True)):
        physical = sizes is not None and name in "zyx"
        axes.append(Axis(name, size, sizes[i] if sizes and physical else 1.0, "nm" if physical else "pixel"))
    return Image("made", "memory", tuple(axes), data)


class Counting(LazyArray):
    """A ramp along x that notes what is read of it."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape, np.uint16)
        self.boxes: list[tuple[slice, ...]] = []

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        self.boxes.append(bounds)
        values = np.arange(bounds[-1].start, bounds[-1].stop, dtype=np.uint16)
        return np.broadcast_to(values, [part.stop - part.start for part in bounds]).copy()


class Coordinates(LazyArray):
    """The y or x coordinate of every voxel's centre in voxels of the finest level, of which it stands for `factor`."""

    def __init__(self, shape: tuple[int, ...], factor: float, along: int) -> None:
        super().__init__(shape, np.float64)
        self._factor, self._along = factor, along
        self.boxes: list[tuple[slice, ...]] = []

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        self.boxes.append(bounds)
        part = bounds[self._along]
        places = (np.arange(part.start, part.stop) + 0.5) * self._factor - 0.5
        lying = places.reshape([-1 if axis == self._along % len(bounds) else 1 for axis in range(len(bounds))])
        return np.broadcast_to(lying, [part.stop - part.start for part in bounds]).copy()


def shown(ax: Axes, index: int = 0) -> NDArray[Any]:
    return np.ma.getdata(np.ma.asarray(ax.images[index].get_array()))


def pixel_centre(ax: Axes, row: int, column: int, index: int = 0) -> tuple[float, float]:
    """Where matplotlib draws the middle of a pixel: x, y."""
    left, right, bottom, top = ax.images[index].get_extent()
    height, width = shown(ax, index).shape[:2]
    return left + (column + 0.5) * (right - left) / width, top + (row + 0.5) * (bottom - top) / height


regions = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 31), st.integers(1, 41)).map(
    lambda t: Region((t[0], t[1]), (min(t[0] + t[2], 31), min(t[1] + t[3], 41)))
)


@given(region=regions, most=st.integers(3, 50), block=st.integers(1, 60), labels=st.booleans())
def test_pixels_are_those_of_a_loop_whatever_the_blocks(region: Region, most: int, block: int, labels: bool) -> None:
    data = np.random.default_rng(0).integers(0, 50_000, (31, 41)).astype(np.uint16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_view, "MOST_PIXELS", most)
        patch.setattr(_view, "BLOCK", block)
        view = _view.view_of(make_image(data).axes, region)
        read = _view.read_middles if labels else _view.read_means
        pixels = read(lambda part: data[part.slices], view)
    step = math.ceil(max(region.shape) / most)
    rows = range(region.start[0], region.stop[0], step)
    columns = range(region.start[1], region.stop[1], step)
    assert pixels.shape == (len(rows), len(columns))
    assert max(pixels.shape) <= most
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            y, x = min(row + step, region.stop[0]), min(column + step, region.stop[1])
            if labels:
                middle = min(row + (step - 1) // 2, y - 1), min(column + (step - 1) // 2, x - 1)
                assert pixels[i, j] == data[middle]
            else:
                assert pixels[i, j] == pytest.approx(data[row:y, column:x].mean())


@given(region=regions, most=st.integers(3, 50), sizes=st.tuples(st.floats(0.5, 90), st.floats(0.5, 90)))
def test_every_voxel_lies_where_its_index_says(region: Region, most: int, sizes: tuple[float, float]) -> None:
    data = np.arange(31 * 41, dtype=np.float64).reshape(31, 41)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_view, "MOST_PIXELS", most)
        ax = plot.image(make_image(data, sizes), region)
    pixels = shown(ax)
    step = math.ceil(max(region.shape) / most)
    for row, column in ((0, 0), (pixels.shape[0] - 1, pixels.shape[1] - 1)):
        first = np.array([row, column]) * step + region.start
        x, y = pixel_centre(ax, row, column)
        middle = first + (step - 1) / 2
        assert (y, x) == pytest.approx(tuple(middle * sizes), abs=1e-6)
    limits = (*ax.get_xlim(), *ax.get_ylim())
    edges = [(v - 0.5) * sizes[i] for v, i in zip((*region.start, *region.stop), (0, 1, 0, 1), strict=True)]
    assert limits == pytest.approx((edges[1], edges[3], edges[2], edges[0]))
    plt.close("all")


def test_a_small_image_is_drawn_as_it_is() -> None:
    data = np.random.default_rng(1).random((12, 20)).astype(np.float32)
    ax = plot.image(make_image(data))
    np.testing.assert_array_equal(shown(ax), data)
    assert ax.images[0].get_clim() == pytest.approx(tuple(np.percentile(data, [0.5, 99.5])))
    assert ax.get_aspect() == 1
    assert list(ax.get_xticks()) == []


def test_the_middle_section_of_the_region_is_drawn() -> None:
    data = np.arange(7 * 4 * 5).reshape(7, 4, 5)
    image = make_image(data, (40.0, 4.0, 4.0))
    np.testing.assert_array_equal(shown(plot.image(image)), data[3])
    np.testing.assert_array_equal(shown(plot.image(image, Region((1, 2), (3, 5)))), data[3, 1:3, 2:5])
    ax = plot.image(image, Region((5, 0, 0), (6, 4, 5)))
    np.testing.assert_array_equal(shown(ax), data[5])
    assert ax.get_title(loc="left") == "section 5"


def test_of_a_huge_stack_one_section_is_read_in_small_blocks() -> None:
    data = Counting((9, 4000, 60_000))
    ax = plot.image(make_image(data), Region((1000, 0), (3001, 60_000)))
    assert {(box[0].start, box[0].stop) for box in data.boxes} == {(4, 5)}
    assert all(part.stop - part.start <= _view.BLOCK for box in data.boxes for part in box[1:])
    assert min(box[1].start for box in data.boxes) == 1000
    assert max(box[1].stop for box in data.boxes) == 3001
    voxels = sum(math.prod(part.stop - part.start for part in box) for box in data.boxes)
    assert voxels == 2001 * 60_000  # each voxel of the region once
    assert shown(ax).shape == (51, 1500)
    np.testing.assert_allclose(shown(ax)[0], np.arange(1500) * 40 + 19.5)


def with_levels(image: Image, *coarser: Any) -> Image:
    return Image(image.name, image.uri, image.axes, image.data, coarser)


@pytest.mark.parametrize("region", [None, Region((1003, 1501), (5898, 6000)), Region((0, 17), (6000, 1011))])
@pytest.mark.parametrize("along", [-2, -1])
@pytest.mark.parametrize("sizes", [(2, 4, 8), (4,), (3, 8)])
def test_a_coarser_level_is_drawn_where_the_image_is(region: Region | None, along: int, sizes: tuple[int, ...]) -> None:
    levels = [Coordinates((6000 // factor,) * 2, factor, along) for factor in (1, *sizes)]
    ax = plot.image(with_levels(make_image(levels[0], (4.0, 5.0)), *levels[1:]), region)
    assert levels[0].boxes == []
    assert len([level for level in levels if level.boxes]) == 1
    pixels = shown(ax)
    assert 750 <= max(pixels.shape) <= 1500
    for row, column in ((0, 0), (pixels.shape[0] - 2, pixels.shape[1] - 2)):  # the last may be of fewer voxels
        x, y = pixel_centre(ax, row, column)
        place = (y / 4.0, x / 5.0)[along]
        assert pixels[row, column] == pytest.approx(place, abs=1e-6)
    box = region or Region((0, 0), (6000, 6000))
    left, right, bottom, top = ax.images[0].get_extent()
    assert top <= (box.start[0] - 0.5) * 4.0 < (box.stop[0] - 0.5) * 4.0 <= bottom
    assert left <= (box.start[1] - 0.5) * 5.0 < (box.stop[1] - 0.5) * 5.0 <= right
    assert ax.get_xlim() == pytest.approx(((box.start[1] - 0.5) * 5.0, (box.stop[1] - 0.5) * 5.0))


def test_a_level_that_is_too_coarse_is_not_drawn() -> None:
    fine = np.random.default_rng(0).random((900, 1500))
    image = with_levels(make_image(fine), np.zeros((450, 750)))
    np.testing.assert_array_equal(shown(plot.image(image)), fine)


def test_a_level_of_fewer_sections_shows_the_one_that_is_nearest() -> None:
    fine = Counting((6, 4000, 4000))
    coarse = np.broadcast_to(np.arange(3.0)[:, None, None], (3, 2000, 2000))
    ax = plot.image(with_levels(make_image(fine), coarse), Region((5, 0, 0), (6, 4000, 4000)))
    assert fine.boxes == []
    assert (shown(ax) == 2).all()


def test_colours_of_a_coarser_level_stay_colours() -> None:
    fine, coarse = np.zeros((3200, 40, 3), np.uint8), np.zeros((1600, 20, 3), np.uint8)
    coarse[::2] = 200, 100, 0
    ax = plot.image(with_levels(make_image(fine, names="yxs"), coarse))
    np.testing.assert_allclose(shown(ax)[:800], np.broadcast_to([1.0, 0.5, 0.0], (800, 10, 3)))


def test_colours_keep_their_hue() -> None:
    data = np.random.default_rng(2).integers(0, 255, (8, 9, 3)).astype(np.uint8)
    ax = plot.image(make_image(data, names="yxs"))
    low, high = np.percentile(data, [0.5, 99.5])
    np.testing.assert_allclose(shown(ax), np.clip((data - low) / (high - low), 0, 1))


@pytest.mark.parametrize("fill", [0.0, 7.0, np.nan])
def test_images_without_contrast_can_be_drawn(fill: float) -> None:
    ax = plot.image(make_image(np.full((6, 7), fill)))
    ax.figure.canvas.draw()
    low, high = ax.images[0].get_clim()
    assert low is not None
    assert high is not None
    assert low < high


def test_what_is_no_number_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_view, "MOST_PIXELS", 2)
    data = np.array([[1.0, np.nan, np.nan, np.nan], [3.0, np.inf, np.nan, np.nan]])
    pixels = shown(plot.image(make_image(data)))
    np.testing.assert_array_equal(pixels, [[2.0, np.nan]])


def test_given_axes_are_used_and_an_image_is_drawn_once() -> None:
    data = Counting((40, 50))
    image = make_image(data)
    _, ax = plt.subplots()
    assert plot.image(image, ax=ax) is ax
    once = len(data.boxes)
    assert plot.image(image, ax=ax) is ax
    assert len(data.boxes) == once
    assert len(ax.images) == 1
    plot.image(image, Region((0, 0), (10, 10)), ax=ax)
    assert len(ax.images) == 2
    assert ax.get_xlim() == (-0.5, 9.5)


def test_drawing_shows_nothing_and_opens_one_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("a plot was shown"))
    plot.image(make_image(np.eye(5)))
    assert len(plt.get_fignums()) == 1


def bar_of(ax: Axes) -> tuple[float, str]:
    (bar,) = [artist for artist in ax.artists if isinstance(artist, AnchoredSizeBar)]
    return bar.size_bar.get_children()[0].get_width(), bar.txt_label.get_text()


@pytest.mark.parametrize(
    ("size_nm", "length", "caption"),
    [(8.0, 200.0, "200 nm"), (400.0, 10_000.0, "10 µm"), (None, 20, "20 px"), (50_000.0, 1e6, "1 mm")],
)
def test_the_scale_bar_is_as_long_as_it_says(size_nm: float | None, length: float, caption: str) -> None:
    image = make_image(np.zeros((60, 100)), None if size_nm is None else (size_nm, size_nm))
    found, words = bar_of(plot.image(image))
    assert found == pytest.approx(length)
    assert words == caption


@given(st.floats(1e-3, 1e9))
def test_round_lengths_are_the_longest_that_fit(longest: float) -> None:
    candidates = [step * 10.0**power for power in range(-5, 10) for step in (1, 2, 5)]
    assert round_length(longest) == pytest.approx(max(c for c in candidates if c <= longest * (1 + 1e-9)))


def test_lengths_have_the_unit_that_suits_them() -> None:
    found = [describe_length(length, "nm") for length in (0.5, 20.0, 1000.0, 5e6)]
    assert found == ["0.5 nm", "20 nm", "1 µm", "5 mm"]


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (Region((0, 0), (5, 11)), r"region .* cannot be drawn: expected a part of the image"),
        (Region((2, 2), (2, 5)), "cannot be drawn"),
        (Region((1, 0, 0), (2, 5, 5)), "since the image is a single section"),
        (Region((0,), (5,)), r"has 1 axes: expected \(y, x\)"),
    ],
)
def test_regions_that_make_no_sense_are_told(region: Region, message: str) -> None:
    with pytest.raises(RegionError, match=message):
        plot.image(make_image(np.zeros((10, 10))), region)
    assert plt.get_fignums() == []


def test_a_prompts_box_is_a_region_of_a_single_section() -> None:
    ax = plot.image(make_image(np.eye(10)), Region((0, 2, 2), (1, 5, 6)))
    np.testing.assert_array_equal(shown(ax), np.eye(10)[2:5, 2:6])


def test_one_of_several_channels_must_be_chosen() -> None:
    with pytest.raises(AxesError, match="2 channels"):
        plot.image(make_image(np.zeros((2, 5, 5)), names="cyx"))
    assert plt.get_fignums() == []


def test_without_matplotlib_it_says_how_to_get_it() -> None:
    check = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from dinoscope.errors import MissingDependencyError\n"
        "try:\n    import dinoscope.plot\nexcept MissingDependencyError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "plots need matplotlib: pip install 'dinoscope[jupyter]'"


def test_nothing_else_loads_matplotlib_or_pandas() -> None:
    check = (
        "import sys, dinoscope.session, dinoscope.measure, dinoscope.outputs, dinoscope.progress\n"
        "sys.exit(', '.join({'matplotlib', 'pandas', 'tqdm.auto'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
