from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.patches import StepPatch

from dinoscope import plot
from dinoscope.errors import SettingsError
from dinoscope.measure import ObjectTable
from dinoscope.outputs import CLASS_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def make_table(count: int = 200) -> ObjectTable:
    rng = np.random.default_rng(0)
    return ObjectTable(
        {
            "label": np.arange(1, count + 1),
            "class": np.array(["vesicle", "axon", "axon", "axon"] * (count // 4)),
            "equivalent_diameter_nm": rng.normal(300, 40, count),
            "area_nm2": rng.normal(70_000, 9_000, count),
            "mean_intensity": np.where(np.arange(count) % 4, rng.random(count), np.nan),
        }
    )


def steps_of(ax: Axes) -> list[StepPatch]:
    return [patch for patch in ax.patches if isinstance(patch, StepPatch)]


def legend_of(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def counted(values: Any, edges: Any) -> list[int]:
    inner = [sum(low <= value < high for value in values) for low, high in pairwise(edges)]
    inner[-1] += sum(value == edges[-1] for value in values)
    return inner


def test_every_object_is_counted_in_its_class_and_bin() -> None:
    table = make_table()
    ax = plot.histogram(table, "equivalent_diameter_nm")
    widths = set()
    for patch, name, colour in zip(steps_of(ax), ("axon", "vesicle"), CLASS_COLOURS, strict=False):
        values = table["equivalent_diameter_nm"][table["class"] == name].tolist()
        counts, edges, _ = patch.get_data()
        assert list(counts) == counted(values, list(edges))
        assert sum(counts) == len(values)
        assert (np.array(patch.get_edgecolor()[:3]) * 255).round().tolist() == list(colour)
        widths |= set(np.diff(edges).round(6).tolist())
    assert len(steps_of(ax)) == 2
    assert len(widths) == 1  # the classes share their bins
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("equivalent diameter (nm)", "objects")
    assert not ax.spines["top"].get_visible()


def test_the_legend_has_number_and_median() -> None:
    table = make_table()
    diameters, classes = table["equivalent_diameter_nm"], table["class"]
    medians = {name: round(float(np.median(diameters[classes == name]))) for name in ("axon", "vesicle")}
    ax = plot.histogram(table, "equivalent_diameter_nm")
    assert legend_of(ax) == [
        f"axon (n = 150, median {medians['axon']} nm)",
        f"vesicle (n = 50, median {medians['vesicle']} nm)",
    ]
    lines = [float(np.asarray(line.get_xdata())[0]) for line in ax.lines]
    assert lines == pytest.approx([np.median(diameters[classes == name]) for name in ("axon", "vesicle")])


def test_colours_follow_the_order_of_the_classes() -> None:
    ax = plot.histogram(make_table(), "area_nm2", classes=("vesicle", "axon"))
    assert [text.split(" ")[0] for text in legend_of(ax)] == ["vesicle", "axon"]
    assert (np.array(steps_of(ax)[1].get_edgecolor()[:3]) * 255).round().tolist() == list(CLASS_COLOURS[1])


@pytest.mark.parametrize(
    ("column", "label"),
    [
        ("area_nm2", "area (nm²)"),
        ("volume_nm3", "volume (nm³)"),
        ("volume_voxels", "volume (voxels)"),
        ("area_px", "area (px)"),
        ("orientation_rad", "orientation (rad)"),
        ("centroid_y_nm", "centroid y (nm)"),
        ("bbox_y_start", "bbox y start"),
        ("eccentricity", "eccentricity"),
    ],
)
def test_the_unit_is_read_from_the_name(column: str, label: str) -> None:
    table = ObjectTable({"label": np.arange(3), column: np.array([1.0, 2.0, 3.0])})
    ax = plot.histogram(table, column)
    assert ax.get_xlabel() == label
    assert legend_of(ax)[0].startswith("objects (n = 3, median 2.00")


def test_what_is_no_number_does_not_count() -> None:
    ax = plot.histogram(make_table(), "mean_intensity")
    assert [text.split(",")[0] for text in legend_of(ax)] == ["axon (n = 150"]


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_objects_can_be_drawn_too(count: int) -> None:
    table = ObjectTable({"label": np.arange(count), "area_px": np.full(count, 7)})
    _, ax = plt.subplots()
    assert plot.histogram(table, "area_px", ax) is ax
    ax.figure.canvas.draw()
    assert sum(sum(patch.get_data()[0]) for patch in steps_of(ax)) == count
    assert len(legend_of(ax)) == bool(count)


@pytest.mark.parametrize(("column", "reason"), [("diameter", "is not in the table"), ("class", "holds no numbers")])
def test_the_columns_that_can_be_drawn_are_told(column: str, reason: str) -> None:
    expected = f"column '{column}' {reason}: expected one of label, equivalent_diameter_nm, area_nm2, mean_intensity"
    with pytest.raises(SettingsError, match=expected):
        plot.histogram(make_table(), column)
    assert plt.get_fignums() == []
