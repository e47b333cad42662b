from __future__ import annotations

import json

import numpy as np
import pytest

from dinoscope import count_objects
from dinoscope.geometry import Axis
from dinoscope.image import Image
from dinoscope.measure import measure_objects

LABELS = np.zeros((20, 50), np.uint8)
LABELS[2:6, 2:6] = 1
LABELS[10:14, 10:14] = 2
LABELS[10:18, 20:28] = 3
LABELS[0:2, 40:42] = 4
CLASSES = ("disc", "tube", "disc", "disc")


def image(scale: float | None) -> Image:
    axes = (
        Axis("y", 20, scale or 1.0, "nm" if scale else "pixel"),
        Axis("x", 50, scale or 1.0, "nm" if scale else "pixel"),
    )
    return Image("labels", "memory", axes, LABELS)


def test_objects_are_counted_by_class() -> None:
    labels = image(100.0)  # an image of 2 by 5 µm
    counts = count_objects(measure_objects(labels, classes=CLASSES), labels, classes=["tube", "none"])
    assert counts["class"].tolist() == ["tube", "none", "disc"]
    assert counts["objects"].tolist() == [1, 0, 3]
    assert counts["at_border"].tolist() == [0, 0, 1]
    assert counts["area_px"].tolist() == [16, 0, 16 + 64 + 4]
    assert counts["area_nm2"] == pytest.approx([16e4, 0, 84e4])
    assert counts["covered"] == pytest.approx([0.016, 0, 0.084])
    assert counts["density_per_um2"] == pytest.approx([0.1, 0, 0.3])
    diameters = 2 * np.sqrt(np.array([16, 64, 4]) * 1e4 / np.pi)
    assert counts["mean_equivalent_diameter_nm"][[0, 2]] == pytest.approx([diameters[0], diameters.mean()])
    spread = np.sqrt(((diameters - diameters.mean()) ** 2).sum() / 2)
    assert counts["std_equivalent_diameter_nm"][2] == pytest.approx(spread)
    assert np.isnan(counts["mean_equivalent_diameter_nm"][1])
    assert np.isnan(counts["std_equivalent_diameter_nm"][:2]).all()


def test_volumes_have_densities_per_cubic_micrometre() -> None:
    axes = (Axis("z", 4, 500.0, "nm"), Axis("y", 20, 100.0, "nm"), Axis("x", 50, 100.0, "nm"))
    labels = Image("labels", "memory", axes, np.stack([LABELS] * 4))
    counts = count_objects(measure_objects(labels), labels)
    assert counts["density_per_um3"] == pytest.approx([4 / (2 * 2 * 5)])
    assert counts["covered"] == pytest.approx([0.1])
    assert counts["volume_nm3"] == pytest.approx([2e9])


def test_without_classes_and_pixel_size() -> None:
    labels = image(None)
    counts = count_objects(measure_objects(labels), labels)
    assert counts["class"].tolist() == ["objects"]
    assert counts["density_per_px"] == pytest.approx([0.004])
    assert not [name for name in counts.columns if "nm" in name or "um" in name]


def test_rows_are_json_and_leave_out_what_is_not_known() -> None:
    labels = image(100.0)
    rows = count_objects(measure_objects(labels, classes=CLASSES), labels, classes=["none"]).rows()
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert rows["none"] == {
        "objects": 0, "at_border": 0, "area_px": 0, "area_nm2": 0, "covered": 0, "density_per_um2": 0,
    }  # fmt: skip
    assert "std_equivalent_diameter_nm" not in rows["tube"]


def test_no_objects() -> None:
    empty = Image("labels", "memory", image(100.0).axes, np.zeros_like(LABELS))
    assert count_objects(measure_objects(empty), empty).rows()["objects"]["objects"] == 0
    assert len(count_objects(measure_objects(empty, classes=()), empty)) == 0


def test_data_frames() -> None:
    labels = image(100.0)
    frame = count_objects(measure_objects(labels, classes=CLASSES), labels).to_pandas()
    assert frame.loc["disc", "objects"] == 3
