from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image as Picture

from dinoscope import plot
from dinoscope.benchmark import Line
from dinoscope.errors import SettingsError
from dinoscope.evaluate import AP_IOUS, CurveCounts, InstanceCounts

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


def legend_of(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def points_of(line: Line2D) -> list[tuple[float, float]]:
    return [(float(x), round(float(y), 3)) for x, y in np.asarray(line.get_xydata())]


def test_a_curve_is_drawn_with_its_best_dice() -> None:
    values, truth = np.array([0.1, 0.2, 0.6, 0.8]), np.array([False, True, False, True])
    ax = plot.precision_recall({"a": CurveCounts.of(values, truth).curve()})
    line, dot = ax.get_lines()
    assert set(points_of(line)) == {(1.0, 0.5), (1.0, 0.667), (0.5, 0.5), (0.5, 1.0), (0.0, 1.0)}
    assert points_of(dot) == [(1.0, 0.667)]
    assert legend_of(ax) == ["a (AP 0.833, best Dice 0.800)"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("recall", "precision")


def test_ap_is_drawn_over_the_overlap() -> None:
    counts = InstanceCounts(0.5, 2, (2, 2, 1, 1, 1, 0, 0, 0, 0, 0), 1.2, 3, 2)
    ax = plot.matches({"a": counts}, plt.figure().add_subplot())
    (line,) = ax.get_lines()
    assert points_of(line) == list(zip(AP_IOUS, [0.667] * 2 + [0.25] * 3 + [0.0] * 5, strict=True))
    assert legend_of(ax) == ["a (mean AP 0.208, PQ 0.480)"]


def test_dice_is_drawn_over_clicks_in_one_colour_per_method() -> None:
    lines = [
        Line("nano", "a", False, (1, 5), (0.5, 0.9), (0.1, 0.2)),
        Line("nano", "b", False, (1, 5), (0.4, 0.8), (0.0, 0.0)),
        Line("nano", "a", True, (1, 2, 3), (0.5, 0.6, 0.7), (0.0, 0.0, 0.0)),
    ]
    ax = plot.learning(lines)
    first, second, third, key = ax.get_lines()
    assert points_of(first) == [(1.0, 0.5), (5.0, 0.9)]
    assert first.get_color() == third.get_color() != second.get_color()
    assert (first.get_linestyle(), third.get_linestyle()) == ("-", "--")
    band = np.asarray(ax.collections[0].get_paths()[0].vertices)
    assert {(float(x), round(float(y), 3)) for x, y in band} == {(1.0, 0.4), (1.0, 0.6), (5.0, 0.7), (5.0, 1.0)}
    assert legend_of(ax) == ["a", "b", "clicks on the worst error"]
    assert (points_of(key), key.get_linestyle()) == ([], "--")


def test_encoders_are_named_where_there_are_several_and_so_is_who_only_corrects() -> None:
    lines = [Line(encoder, "a", encoder == "c", (1, 2), (0.5, 0.9), (0.0, 0.0)) for encoder in "abcdef"]
    ax = plot.learning(lines)
    assert legend_of(ax) == [*(f"{encoder}, a" for encoder in "abdef"), "c, a", "clicks on the worst error"]
    assert len({str(line.get_color()) for line in ax.get_lines()}) == 7
    assert plot.learning(lines[:2]).get_legend()._ncols == 1  # type: ignore[union-attr]
    assert ax.get_legend()._ncols == 2  # type: ignore[union-attr]


def test_charts_are_written_whole_and_only_as_what_they_can_be(tmp_path: Path) -> None:
    path = plot.write_chart(tmp_path / "chart.png", lambda ax: plot.learning([], ax))
    with Picture.open(path) as picture:
        assert picture.size == (1120, 960)
    with pytest.raises(SettingsError, match=r"written as \.png, \.pdf, \.svg"):
        plot.write_chart(tmp_path / "chart.gif", lambda ax: ax)
    assert [each.name for each in tmp_path.iterdir()] == ["chart.png"]
    assert plt.get_fignums() == []
