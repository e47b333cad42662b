from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import regionprops

from dinoscope.errors import EvaluationError, MissingDependencyError
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image
from dinoscope.measure import ObjectTable, _pieces, _sums, measure_objects
from dinoscope.measure._columns import shape_columns
from dinoscope.measure._surface import crofton
from dinoscope.outputs import write_table

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from numpy.typing import NDArray

    from dinoscope.jobs import Progress


def image(array: NDArray[Any], scale: tuple[float, ...] | None = None) -> Image:
    sizes = scale or (1.0,) * array.ndim
    unit: Any = "pixel" if scale is None else "nm"
    parts = zip("zyx"[-array.ndim :], array.shape, sizes, strict=True)
    return Image("array", "memory", tuple(Axis(name, n, size, unit) for name, n, size in parts), array)


label_images = arrays(np.uint16, (11, 13), elements=st.sampled_from([0, 0, 1, 2, 5, 40000]))
label_stacks = arrays(np.uint16, (4, 5, 6), elements=st.sampled_from([0, 0, 1, 2, 40000]))
no_reset = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=[4, 1024])
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pieces, "SIDE", request.param)
    monkeypatch.setattr(_pieces, "SECTIONS", 3)


def angle_between(a: float, b: float) -> float:
    """Of two lines, in radians."""
    return abs((a - b + np.pi / 2) % np.pi - np.pi / 2)


@pytest.mark.usefixtures("_block")
@no_reset
@given(label_images, st.tuples(st.floats(0.5, 50), st.floats(0.5, 50)))
def test_areas_and_shapes_are_those_of_scikit_image(labels: NDArray[Any], scale: tuple[float, float]) -> None:
    grey = np.random.default_rng(0).random(labels.shape)
    table = measure_objects(image(labels, scale), image(grey))
    expected = regionprops(labels.astype(np.int64), grey, spacing=scale)
    assert table["label"].tolist() == [one.label for one in expected]
    for i, one in enumerate(expected):
        assert table["area_px"][i] == one.num_pixels
        assert table["area_nm2"][i] == pytest.approx(one.area)
        assert table["equivalent_diameter_nm"][i] == pytest.approx(one.equivalent_diameter_area)
        assert (table["centroid_y_nm"][i], table["centroid_x_nm"][i]) == pytest.approx(one.centroid)
        box = [table[f"bbox_{name}"][i] for name in ("y_start", "x_start", "y_stop", "x_stop")]
        assert tuple(box) == one.bbox
        assert table["major_axis_nm"][i] == pytest.approx(one.axis_major_length, abs=1e-4)
        assert table["minor_axis_nm"][i] == pytest.approx(one.axis_minor_length, abs=1e-4)
        assert table["eccentricity"][i] == pytest.approx(one.eccentricity, abs=1e-3)
        if one.axis_major_length > one.axis_minor_length * 1.001:
            assert angle_between(table["orientation_rad"][i], one.orientation) == pytest.approx(0, abs=1e-4)
        inside = grey[labels == one.label]
        found = [table[f"{name}_intensity"][i] for name in ("mean", "std", "min", "max")]
        assert found == pytest.approx([inside.mean(), inside.std(), inside.min(), inside.max()])


@pytest.mark.usefixtures("_block")
@no_reset
@given(label_stacks)
def test_volumes_are_those_of_scikit_image(labels: NDArray[Any]) -> None:
    scale = (40.0, 4.0, 5.0)
    table = measure_objects(image(labels, scale))
    for i, one in enumerate(regionprops(labels.astype(np.int64), spacing=scale)):
        assert table["volume_nm3"][i] == pytest.approx(one.area)
        assert table["equivalent_diameter_nm"][i] == pytest.approx(one.equivalent_diameter_area)
        found = [table[f"centroid_{name}_nm"][i] for name in "zyx"]
        assert found == pytest.approx(list(one.centroid))
        box = [table[f"bbox_{name}_{end}"][i] for end in ("start", "stop") for name in "zyx"]
        assert tuple(box) == one.bbox
        places = np.argwhere(labels == one.label) * scale
        variances, directions = np.linalg.eigh(np.cov(places.T, bias=True) if len(places) > 1 else np.zeros((3, 3)))
        # scikit-image has it for the major axis of volumes, too, and fails where rounding makes a variance negative.
        axes = [table[f"{name}_axis_nm"][i] for name in ("minor", "middle", "major")]
        assert axes == pytest.approx(2 * np.sqrt(5 * variances.clip(0)), abs=1e-4)
        assert table["elongation"][i] == pytest.approx(1 - axes[0] / axes[2] if axes[2] else 0)
        along = np.array([table[f"direction_{name}"][i] for name in "zyx"])
        assert along.max() == np.abs(along).max()
        if variances[2] > variances[1] * 1.001:
            assert abs(along @ directions[:, 2]) == pytest.approx(1, abs=1e-6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.one_of(label_images, label_stacks), side=st.integers(1, 12), sections=st.integers(1, 3))
def test_the_size_of_the_blocks_does_not_matter(
    labels: NDArray[Any], side: int, sections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    grey = (labels.astype(np.int64) * 7 % 11).astype(np.uint8)
    scale = (9.0, 4.0, 4.0)[-labels.ndim :]
    whole = measure_objects(image(labels, scale), image(grey))
    with monkeypatch.context() as patch:
        patch.setattr(_pieces, "SIDE", side)
        patch.setattr(_pieces, "SECTIONS", sections)
        patch.setattr(_sums, "_ROWS", 0)  # merged over and over
        pieces = measure_objects(image(labels, scale), image(grey))
    assert list(whole.columns) == list(pieces.columns)
    for name, values in whole.columns.items():
        if name == "std_intensity":
            np.testing.assert_allclose(pieces[name], values, rtol=1e-12, atol=1e-12)
        else:
            np.testing.assert_array_equal(pieces[name], values, name)  # to the last bit


@no_reset
@given(label_stacks, st.randoms(use_true_random=False))
def test_the_order_of_the_blocks_does_not_matter(labels: NDArray[Any], random: Random) -> None:
    estimator = crofton((9.0, 4.0, 5.0))
    parts = list(_pieces.read_pieces(image(labels), image(labels), estimator.reach))
    mixed = random.sample(parts, len(parts))
    one, other = _sums.add_up(parts, estimator), _sums.add_up(mixed, estimator)
    for name in _sums.Sums.__dataclass_fields__:
        if name == "squares":
            np.testing.assert_allclose(other.squares, one.squares, rtol=1e-12, atol=1e-12)
        else:
            np.testing.assert_array_equal(getattr(other, name), getattr(one, name), name)


class Watched:
    """An array that remembers how much of it was read at once, and in all."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.shape, self.dtype = array.shape, array.dtype
        self._array = array
        self.reads: list[int] = []

    def __getitem__(self, index: Any) -> Any:
        part = self._array[index]
        self.reads.append(part.size)
        return part


def test_volumes_are_read_in_parts_and_hardly_more_than_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pieces, "SIDE", 64)
    axes = image(np.zeros((40, 128, 192), np.uint8), (40.0, 8.0, 8.0)).axes
    watched = Watched(np.ones((40, 128, 192), np.uint8))
    measure_objects(Image("a", "memory", axes, watched))
    assert max(watched.reads) <= 10 * 74 * 74  # 8 sections of 64 x 64, and a margin of one section or 5 pixels
    assert sum(watched.reads) < 1.7 * 40 * 128 * 192


def test_many_parts_of_few_objects_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sums, "_ROWS", 10)
    merged: list[int] = []
    merge = _sums.merge

    def watch(parts: list[_sums.Sums]) -> _sums.Sums:
        merged.append(sum(len(part.labels) for part in parts))
        return merge(parts)

    monkeypatch.setattr(_sums, "merge", watch)
    assert measure_objects(image(np.ones((200, 3, 3), np.uint8)))["volume_voxels"].tolist() == [1800]
    assert max(merged) <= 13


def test_objects_far_from_the_corner_keep_their_shape() -> None:
    # 3 by 5 pixels in the last corner of an image of 1 000 000 by 1 000 000
    corner = Region((999_424, 999_424), (1_000_000, 1_000_000))
    labels = np.zeros(corner.shape, np.uint8)
    labels[-3:, -5:] = 1
    estimator = crofton((1.0, 1.0))
    around = np.pad(labels, 2)
    piece = _pieces.Piece(corner, labels, around, _pieces.find_near_edges(around, (2, 2)), None)
    sums = _sums.merge([_sums.sum_piece(piece, estimator)])
    shapes = shape_columns(sums, image(np.zeros((1, 1))).axes)
    assert shapes["major_axis_px"][0] == pytest.approx(4 * np.sqrt(2), rel=1e-9)
    assert shapes["minor_axis_px"][0] == pytest.approx(4 * np.sqrt(2 / 3), rel=1e-9)


def test_the_spread_of_bright_grey_values_is_exact() -> None:
    # 1e8 + (0 or 2): the mean of the squares less the square of the mean would be 0 or nonsense in floats
    grey = 1e8 + 2.0 * (np.indices((50, 3000)).sum(axis=0) % 2)
    table = measure_objects(image(np.ones(grey.shape, np.uint8)), image(grey))
    assert table["mean_intensity"][0] == 1e8 + 1
    assert table["std_intensity"][0] == pytest.approx(1, rel=1e-12)


@pytest.mark.usefixtures("_block")
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_grey_values_that_are_no_numbers_show_in_their_object_only(odd: float) -> None:
    grey = np.ones((3, 9))
    grey[1, 7] = odd
    table = measure_objects(image(np.repeat(np.array([[1, 2, 2]] * 3, np.uint8), 3, axis=1)), image(grey))
    assert [table[f"{name}_intensity"][0] for name in ("mean", "std", "min", "max")] == [1, 0, 1, 1]
    np.testing.assert_equal([table["mean_intensity"][1], table["max_intensity"][1]], [odd, odd])
    assert np.isnan(table["std_intensity"][1])


@pytest.mark.parametrize(
    ("shape", "voxel", "touches"),
    [
        ((5, 5), (2, 2), False),
        ((5, 5), (0, 2), True),
        ((5, 5), (2, 4), True),
        ((1, 5, 5), (0, 2, 2), False),
        ((3, 5, 5), (1, 2, 2), False),
        ((3, 5, 5), (0, 2, 2), True),
        ((3, 5, 5), (2, 2, 2), True),
    ],
)
def test_objects_at_the_border_are_told(shape: tuple[int, ...], voxel: tuple[int, ...], touches: bool) -> None:
    labels = np.zeros(shape, np.uint8)
    labels[voxel] = 1
    assert measure_objects(image(labels))["touches_border"].tolist() == [touches]


@no_reset
@given(arrays(np.uint8, (9, 10), elements=st.integers(0, 30)))
def test_neighbours_are_the_nearest_of_their_class(labels: NDArray[np.uint8]) -> None:
    table = measure_objects(image(labels, (7.0, 3.0)), classes=lambda number: "abc"[number % 3])
    places = {n: (np.argwhere(labels == n) * (7.0, 3.0)).mean(axis=0) for n in np.unique(labels[labels > 0]).tolist()}
    for n, nearest, distance in zip(
        table["label"].tolist(), table["neighbour_label"], table["neighbour_distance_nm"], strict=True
    ):
        others = {k: np.linalg.norm(places[k] - places[n]) for k in places if k != n and k % 3 == n % 3}
        if not others:
            assert nearest == 0
            assert np.isnan(distance)
            continue
        assert distance == pytest.approx(min(others.values()))
        assert others[int(nearest)] == pytest.approx(distance)  # one of them, where several are as near


def test_an_overview_has_what_people_look_at_first() -> None:
    labels = np.ones((3, 4, 5), np.uint8)
    physical = measure_objects(image(labels, (40.0, 4.0, 4.0)), image(labels), classes=["a"])
    assert list(physical.overview)[:5] == ["label", "class", "volume_nm3", "equivalent_diameter_nm", "surface_nm2"]
    assert {"mean_intensity", "neighbour_distance_nm", "touches_border"} < set(physical.overview)
    assert len(physical.overview) <= 11
    flat = measure_objects(image(labels[0]))
    assert list(flat.overview)[:4] == ["label", "area_px", "equivalent_diameter_px", "perimeter_px"]
    assert all(flat.overview[name] is flat[name] for name in flat.overview)


def test_without_pixel_size_lengths_are_in_pixels() -> None:
    table = measure_objects(image(np.ones((2, 2), np.uint8)))
    assert [name for name in table.columns if "nm" in name] == []
    assert table["equivalent_diameter_px"][0] == pytest.approx(2 * np.sqrt(4 / np.pi))
    assert (table["centroid_y"][0], table["bbox_x_stop"][0]) == (0.5, 2)


def test_data_frames_have_the_columns_of_the_csv(tmp_path: Path) -> None:
    labels = image(np.array([[1, 0, 7], [1, 0, 7]], np.uint8), (4.0, 3.0))
    table = measure_objects(labels, image(np.array([[1, 2, np.nan]] * 2)), classes=str)
    frame = table.to_pandas()
    assert frame.index.tolist() == [1, 7]
    assert frame.loc[7, "class"] == "7"
    written = write_table(tmp_path / "t.csv", table.columns).read_text(encoding="utf-8")
    assert frame.to_csv(lineterminator="\n") == written


def test_without_pandas_a_data_frame_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'dinoscope\[jupyter\]'"):
        measure_objects(image(np.ones((2, 2), np.uint8))).to_pandas()


def test_classes_by_number_or_by_function() -> None:
    labels = image(np.array([[1, 3], [2, 0]], np.uint8))
    by_number = measure_objects(labels, classes=("a", "b", "c"))
    by_function = measure_objects(labels, classes=lambda number: "abc"[number - 1])
    assert by_number["class"].tolist() == by_function["class"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("shape", [(4, 5), (2, 4, 5)])
def test_an_empty_image_gives_an_empty_table(shape: tuple[int, ...], tmp_path: Path) -> None:
    from dinoscope.outputs import write_table

    table = measure_objects(image(np.zeros(shape, np.uint8)), image(np.zeros(shape)), classes=())
    assert isinstance(table, ObjectTable)
    assert len(table) == 0
    assert {len(values) for values in table.columns.values()} == {0}
    assert write_table(tmp_path / "t.csv", table.columns).read_text(encoding="utf-8").startswith("label,class,")


def test_progress_is_told_and_shapes_are_checked() -> None:
    steps: list[Progress] = []
    measure_objects(image(np.ones((3, 4, 5), np.uint8)), progress=steps.append)
    assert [(step.done, step.total) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(EvaluationError, match="same shape"):
        measure_objects(image(np.ones((3, 4), np.uint8)), image(np.ones((4, 3))))


def test_what_is_no_label_image_is_refused() -> None:
    with pytest.raises(EvaluationError, match="float64 is no label image: expected whole numbers"):
        measure_objects(image(np.ones((3, 4))))
    colours = Image("c", "memory", (Axis("y", 3), Axis("x", 4), Axis("s", 3)), np.ones((3, 4, 3), np.uint8))
    with pytest.raises(EvaluationError, match="axes 'yxs'"):
        measure_objects(colours)
