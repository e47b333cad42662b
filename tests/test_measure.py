from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import regionprops

from dinoscope import measure
from dinoscope.errors import EvaluationError, MissingDependencyError
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image
from dinoscope.measure import ObjectTable, measure_objects
from dinoscope.outputs import write_table
from dinoscope.samples import phantom

if TYPE_CHECKING:
    from pathlib import Path

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
    monkeypatch.setattr(measure, "_BLOCK", request.param)


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
        assert table["mean_intensity"][i] == pytest.approx(one.intensity_mean)


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
    assert "major_axis_nm" not in table.columns


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=label_images, side=st.integers(1, 12))
def test_the_size_of_the_blocks_does_not_matter(
    labels: NDArray[Any], side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    grey = (labels.astype(np.int64) * 7 % 11).astype(np.uint8)
    whole = measure_objects(image(labels, (4.0, 4.0)), image(grey))
    with monkeypatch.context() as patch:
        patch.setattr(measure, "_BLOCK", side)
        pieces = measure_objects(image(labels, (4.0, 4.0)), image(grey))
    assert list(whole.columns) == list(pieces.columns)
    for name, values in whole.columns.items():
        if name == "orientation_rad":  # of a round object it is left to the last bit
            continue
        np.testing.assert_allclose(pieces[name], values, rtol=1e-9, atol=1e-5 if "axis" in name else 0)


def test_objects_far_from_the_corner_keep_their_shape() -> None:
    # 3 by 5 pixels in the last corner of an image of 1 000 000 by 1 000 000
    corner = Region((999_424, 999_424), (1_000_000, 1_000_000))
    labels = np.zeros(corner.shape, np.uint8)
    labels[-3:, -5:] = 1
    piece = measure._sum_block(labels, None, corner)
    shapes = measure._shapes(measure._merge([piece]), image(np.zeros((1, 1))).axes)
    assert shapes["major_axis_px"][0] == pytest.approx(4 * np.sqrt(2), rel=1e-9)
    assert shapes["minor_axis_px"][0] == pytest.approx(4 * np.sqrt(2 / 3), rel=1e-9)


def test_ellipses_of_the_phantom_have_their_true_axes() -> None:
    sample = phantom((1200, 1200), seed=2, pixel_size_nm=4.0)
    table = measure_objects(sample.instances, sample.image)
    truth = sample.scene.organelles(np.zeros(2), np.array([4800.0, 4800.0]))
    inside = [
        i
        for i in range(len(table))
        if min(table["bbox_y_start"][i], table["bbox_x_start"][i]) > 0
        and max(table["bbox_y_stop"][i], table["bbox_x_stop"][i]) < 1200
    ]
    order = np.searchsorted(truth.ids, table["label"][inside])
    large = truth.classes[order] == 1
    assert large.sum() > 10
    np.testing.assert_allclose(table["major_axis_nm"][inside][large], 2 * truth.long[order][large], rtol=0.01)
    np.testing.assert_allclose(table["minor_axis_nm"][inside][large], 2 * truth.short[order][large], rtol=0.01)
    elongated = large & (truth.short[order] < 0.9 * truth.long[order])
    for i, direction in zip(np.array(inside)[elongated], truth.directions[order][elongated], strict=True):
        assert angle_between(table["orientation_rad"][i], np.arctan2(direction[1], direction[0])) < 0.05


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
        measure_objects(image(np.ones((3, 4))), image(np.ones((4, 3))))
