from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QApplication

from dinoscope import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.segmentation import Evidence, lazy_mask
from dinoscope.session import fine_map
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Desk = Any


def test_a_stack_is_searched_section_by_section(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    stack = np.stack([np.zeros_like(squares), squares, squares])
    desk = make_desk(stack, scale=(30, 5, 5), units=("nm",) * 3)
    desk.viewer.dims.set_current_step(0, 1)
    desk.click(1, 48, 48)
    desk.settle()
    mask = desk.pixels("mask")
    assert mask.shape == stack.shape
    assert mask[1, 48, 48] == mask[2, 112, 144] == 1
    assert mask[0].max() == 0
    assert desk.session.image.axis("z").scale == 30
    desk.widget.object_panel.commit.click()
    desk.settle()
    assert "volume_nm3" in desk.layer("objects").features


def test_colours_are_searched(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    picture = (np.stack([squares] * 3, axis=-1) * 250).astype(np.uint8)
    desk = make_desk(picture)
    desk.click(48, 48)
    desk.settle()
    assert desk.session.image.axis_names == "yxs"
    assert desk.pixels("mask")[112, 144] == 1


def test_a_layer_that_gets_its_scale_later_takes_the_results_along(
    make_desk: Callable[..., Desk], squares: NDArray[Any]
) -> None:
    desk = make_desk(squares)
    desk.click(48, 48)
    desk.settle()
    layer = desk.viewer.layers["squares"]
    layer.units = ("nm", "nm")
    layer.scale = (4.6, 4.6)
    desk.settle()
    assert desk.session.image.pixel_size_nm == pytest.approx(4.6)
    assert desk.session.prompts == (PointPrompt((0, 48, 48)),)
    np.testing.assert_allclose(desk.layer("mask").data_to_world((10, 20)), (46, 92))
    np.testing.assert_allclose(desk.widget.examples.points.data_to_world((10, 20)), (46, 92))
    assert desk.pixels("mask")[112, 144] == 1


def test_of_a_time_series_the_shown_point_is_searched(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    series = np.stack([np.zeros_like(squares), squares])[:, None].repeat(2, axis=1)
    desk = make_desk()
    layer = desk.viewer.add_image(series, name="squares")
    desk.viewer.dims.set_current_step(0, 1)
    desk.widget.image_panel.choose(layer)
    desk.settle()
    assert desk.session.image.shape == series.shape[1:]
    assert float(desk.session.image.read(desk.session.image.extent).max()) == pytest.approx(float(squares.max()))


def test_only_the_finest_level_of_a_pyramid_is_searched(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    fine = da.from_array(squares, chunks=50)  # type: ignore[no-untyped-call]
    desk = make_desk([fine, np.zeros((80, 100), np.float32)], multiscale=True)
    desk.click(48, 48)
    desk.settle()
    assert desk.pixels("mask").shape == squares.shape
    assert desk.pixels("mask")[112, 144] == 1


def test_a_rotated_layer_is_refused_in_words(
    make_desk: Callable[..., Desk], squares: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dinoscope.napari import _widget

    said: list[str] = []
    monkeypatch.setattr(_widget, "show_error", said.append)
    desk = make_desk(squares, rotate=30)
    assert "rotated" in said[0]
    assert desk.session.image is None


# Examples


def test_results_carry_name_units_and_provenance(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares, scale=(5, 5), units=("nm", "nm"))
    desk.click(48, 48)
    desk.settle()
    desk.widget.object_panel.commit.click()
    desk.settle()
    for role in ("similarity object", "mask", "objects", "detections"):
        layer = desk.layer(role)
        assert layer.name.startswith("squares ")
        record = layer.metadata["dinoscope"]
        assert record["features"]["encoder"]["name"] == "fake"
        assert record["examples"][0]["class"] == "object"
        assert record["settings"]["similarity"]["neighbours"] == 5
    detections = desk.layer("detections")
    assert set(detections.features) == {"class", "score", "diameter_nm"}
    assert (detections.features["score"] > 0.5).all()


def test_uncertainty_and_feature_colours_can_be_shown(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    desk = make_desk(squares)
    desk.click(48, 48)
    desk.settle()
    desk.widget.result_panel.uncertainty.click()
    desk.settle()
    doubt = desk.pixels("uncertainty")
    assert doubt.shape == (40, 50)
    assert doubt[0, 0] < doubt[8, 12]  # the rim of the square is less sure than the ground
    desk.widget.result_panel.uncertainty.click()
    assert desk.layer("uncertainty") is None
    desk.widget.result_panel.colours.click()
    desk.settle()
    assert desk.layer("colours").rgb
    np.testing.assert_allclose(desk.layer("colours").data_to_world((0, 0)), (1.5, 1.5))


def test_the_activity_dock_shows_the_work_and_can_cancel_it(
    make_desk: Callable[..., Desk], squares: NDArray[Any]
) -> None:
    from napari.utils import progress

    desk = make_desk(squares)
    desk.settle()  # a window that is still busy with itself would cancel too late
    seen: list[str] = []

    def look(step: Any) -> None:
        bars = list(progress._all_instances)
        seen.extend(bar.desc for bar in bars)
        for bar in bars:
            bar.cancel_callback()

    desk.session.events.progress.connect(look)
    desk.click(48, 48)
    desk.settle()
    assert any("features" in text for text in seen)
    assert not desk.session.is_ready("similarity")
    assert not progress._all_instances


# Results on disk


def test_results_are_exported(make_desk: Callable[..., Desk], squares: NDArray[Any], tmp_path: Path) -> None:
    desk = make_desk(squares)
    desk.click(48, 48)
    desk.settle()
    mask = desk.pixels("mask")
    target = tmp_path / "results"
    panel = desk.widget.batch_panel
    panel.run(None, target)
    desk.wait(lambda: panel.this.isEnabled())
    QApplication.processEvents()
    assert [row.status for row in desk.widget.batch.rows] == ["done"]
    assert (target / "summary.csv").exists()
    written = open_image(target / "squares_mask.ome.zarr")
    np.testing.assert_array_equal(written.read(written.extent), mask)
    assert panel.table.model().rowCount() == 1


def test_a_folder_is_searched_in_the_background(
    make_desk: Callable[..., Desk], squares: NDArray[Any], tmp_path: Path
) -> None:
    source, target = tmp_path / "images", tmp_path / "results"
    source.mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(source / f"{name}.tif", squares)
    (source / "c.tif").write_bytes(b"no image")
    desk = make_desk(squares)
    desk.click(48, 48)
    desk.settle()
    panel = desk.widget.batch_panel
    panel.run(source, target)
    desk.wait(lambda: panel.this.isEnabled())
    rows = {row.name: row for row in desk.widget.batch.rows}
    assert {name: row.status for name, row in rows.items()} == {"a": "done", "b": "done", "c": "failed"}
    assert rows["a"].objects == {"object": 2}
    table = (target / "summary.csv").read_text().splitlines()
    assert len(table) == 4
    assert panel.table.model().rowCount() == 3


@pytest.mark.parametrize("agreed", [True, False])
def test_a_download_asks_first_and_says_its_size(
    make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, agreed: bool
) -> None:
    from dinoscope.napari import _image_panel

    asked: list[str] = []

    def answer(_: object, question: str) -> bool:
        asked.append(question)
        return agreed

    monkeypatch.setattr(_image_panel, "ask", answer)
    desk = make_desk()
    encoders = desk.widget.image_panel.encoder
    index = encoders.findData("dinov2-small-reg")
    assert "88 MB" in encoders.itemText(index)
    encoders.setCurrentIndex(index)
    encoders.activated.emit(index)
    assert "Download 88 MB from huggingface.co/" in asked[0]
    assert desk.session.settings.encoder.encoder == ("dinov2-small-reg" if agreed else "nano")
    assert encoders.currentData() == desk.session.settings.encoder.encoder


def test_measuring_a_labels_layer(make_desk: Callable[..., Desk], squares: NDArray[Any]) -> None:
    from dinoscope.napari._commands import measure_labels

    desk = make_desk(squares, scale=(5, 5), units=("nm", "nm"))
    labels = np.zeros(squares.shape, int)
    labels[34:60, 34:60] = 1
    layer = desk.viewer.add_labels(labels, scale=(5, 5), units=("nm", "nm"))
    desk.viewer.layers.selection.active = layer
    measure_labels(desk.viewer)
    desk.wait(lambda: "area_nm2" in layer.features)
    assert layer.features["area_nm2"].iloc[1] == 26 * 26 * 25
    assert layer.features["touches_border"].tolist() == [False, False]
    assert layer.features["mean_intensity"].iloc[1] == pytest.approx(squares[34:60, 34:60].mean(), rel=1e-4)


def test_of_a_large_mask_the_window_works_nothing_out(
    make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(0).random((2100, 2300), dtype=np.float32) * 0.2
    pixels[300:700, 300:700] += 0.7
    desk = make_desk(pixels, encoder=FakeEncoder(20, 400, 40))
    threads, read = list[int](), Evidence.read

    def noted(self: Evidence, *args: Any) -> Any:
        threads.append(threading.get_ident())
        return read(self, *args)

    monkeypatch.setattr(Evidence, "read", noted)
    desk.click(500, 500)
    desk.settle()
    mask = desk.layer("mask")
    assert mask.multiscale
    mask.corner_pixels = np.array([[0, 0], [1049, 1149]])
    mask.data_level = 1  # as when somebody zooms out
    mask.refresh()
    desk.wait(lambda: threads)
    desk.settle()
    assert threading.get_ident() not in threads
    exact = lazy_mask(fine_map(desk.session), desk.session.thresholds(), stacked=False)[1]
    np.testing.assert_array_equal(mask._slice.image.raw, exact[:, :])
    done = len(threads)
    desk.session.settings.segmentation.threshold = 0.3
    desk.settle()
    assert len(threads) == done
