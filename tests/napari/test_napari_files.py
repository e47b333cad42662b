from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from napari.components import ViewerModel
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer, Points
from safetensors.numpy import save_file

from dinoscope.errors import AxesError, Cancelled, ImageReadError, OutputExistsError
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.geometry import Region
from dinoscope.image import Image, LazyArray, open_image
from dinoscope.napari import _reader
from dinoscope.napari._reader import get_reader
from dinoscope.napari._samples import nerve_cord, phantom_2d, phantom_3d
from dinoscope.napari._writer import write_labels, write_points
from dinoscope.outputs import (
    Detections,
    LabelsInfo,
    create_labels,
    read_detections_csv,
    write_csv,
    write_geojson,
    write_sidecar,
)
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference
from dinoscope.settings import ImageSettings, IntensitySettings, ReferenceSettings, TilingSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def make_image(shape: tuple[int, ...]) -> Image:
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    sizes = ImageSettings(axes="zyx"[-len(shape) :], image_pixel_size=4.0)
    image = open_image(values, sizes, name="noise")
    return image.with_section_distance(50.0) if len(shape) == 3 else image


def make_store(path: Path, image: Image, region: Region | None = None, scale: float = 1.0) -> FeatureStore:
    encoder = FakeEncoder()
    manifest = plan_features(image, encoder.spec, TilingSettings(scale=scale), IntensitySettings())
    store = FeatureStore.create(path, manifest)
    extract_features(image, encoder, store, region)
    return store


def make_mask(path: Path, image: Image, info: LabelsInfo) -> NDArray[np.uint8]:
    labels = np.random.default_rng(1).integers(0, 3, image.shape, np.uint8)
    with create_labels(path, image, np.uint8, info=info) as sink:
        sink.write(image.extent, labels)
    return labels


def make_detections(stacked: bool) -> Detections:
    names, scale = ("zyx", (50.0, 4.0, 4.0)) if stacked else ("yx", (4.0, 4.0))
    centres = np.array([[1.0, 10.5, 20.25], [0.0, 3.0, 4.0]])[:, -len(names) :]
    return Detections(names, centres, np.array([0.9, 0.5]), ("mito", "vesicle"), np.array([40.0, 8.0]), "nm", scale)


def open_layers(path: Path) -> list[Layer]:
    read = get_reader(str(path))
    assert read is not None, f"{path.name} was declined"
    return [Layer.create(*data) for data in read(str(path))]


@pytest.mark.parametrize("shape", [(120, 140), (2, 120, 140)])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_feature_store_lies_on_its_image(tmp_path: Path, shape: tuple[int, ...], scale: float) -> None:
    image = make_image(shape)
    store = make_store(tmp_path / "s.zarr", image, scale=scale)
    (layer,) = open_layers(store.path)
    assert isinstance(layer, ImageLayer)
    assert layer.rgb
    side = 4 / scale  # voxels per patch
    first_left = np.array([0.0] * (len(shape) - 2) + [-0.5, -0.5])  # where the first voxel begins, in voxels
    pixel = np.array([4.0, 4.0]) if len(shape) == 2 else np.array([50.0, 4.0, 4.0])
    corner = [0.0] * (len(shape) - 2) + [-0.5, -0.5]
    np.testing.assert_allclose(layer.data_to_world(corner), first_left * pixel)
    patch = [0.0] * (len(shape) - 2) + [2.5, 6.5]  # the corner behind 3 by 7 patches
    np.testing.assert_allclose(np.array(layer.data_to_world(patch))[-2:], (np.array([3, 7]) * side - 0.5) * 4.0)
    assert {str(unit) for unit in layer.units} == {"nanometer"}
    assert tuple(layer.axis_labels) == tuple("zyx"[-len(shape) :])


def test_missing_features_are_transparent_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_info", told.append)
    store = make_store(tmp_path / "s.zarr", make_image((120, 140)), Region((0, 0, 0), (1, 1, 1)))
    (layer,) = open_layers(store.path)
    pixels = np.asarray(layer.data)
    core = store.manifest.tiles.core
    assert (pixels[:core, :core, 3] == 1).all()
    assert (pixels[core:, :, 3] == 0).all()
    assert np.isfinite(pixels).all()
    assert told == [f"1 of {len(store.manifest.tiles)} tiles have features: the others are transparent"]


def test_a_reference_adds_no_layer_and_says_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_info", told.append)
    store = make_store(tmp_path / "s.zarr", make_image((120, 140)))
    found = build_reference(store, [PointPrompt((0.0, 50.0, 50.0), "mito")], ReferenceSettings(crop=32))
    path = found.save(tmp_path / "ref.safetensors")
    read = get_reader(str(path))
    assert read is not None
    assert read(str(path)) == [(None,)]
    assert "1 examples of mito" in told[0]


@pytest.mark.parametrize(
    ("shape", "coarser"), [((700, 1100), [(350, 550), (175, 275)]), ((3, 600, 700), [(3, 300, 350)])]
)
def test_an_ome_zarr_mask_opens_with_all_its_levels(
    tmp_path: Path, shape: tuple[int, ...], coarser: list[tuple[int, ...]]
) -> None:
    labels = make_mask(tmp_path / "m.ome.zarr", make_image(shape), LabelsInfo("mask", ("mito", "vesicle")))
    (layer,) = open_layers(tmp_path / "m.ome.zarr")
    assert isinstance(layer, Labels)
    assert layer.multiscale
    assert [level.shape for level in layer.data] == [shape, *coarser]
    np.testing.assert_array_equal(np.asarray(layer.data[0]), labels)
    np.testing.assert_array_equal(np.asarray(layer.data[1]), labels[..., ::2, ::2])
    assert tuple(layer.scale) == (50.0, 4.0, 4.0)[-len(shape) :]
    assert list(layer.features["class"]) == ["background", "mito", "vesicle"]


@pytest.mark.parametrize("name", ["m.ome.zarr", "m_mask.tif"])
def test_labels_are_read_as_they_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path, sizes = tmp_path / name, []
    make_mask(path, make_image((4, 1100, 600)), LabelsInfo("mask"))
    write_sidecar(path, {})
    read_any = LazyArray.__getitem__

    def read_counted(self: LazyArray, index: Any) -> NDArray[Any]:
        block = read_any(self, index)
        sizes.append(block.size)
        return block

    monkeypatch.setattr(LazyArray, "__getitem__", read_counted)
    read = get_reader(str(path))
    assert read is not None
    ((data, _, _),) = read(str(path))
    assert sizes == []
    np.asarray((data[0] if name.endswith("zarr") else data)[1, 10:20, 10:20])
    assert 0 < max(sizes) <= 512 * 512


def test_a_tiff_mask_opens_by_its_record_or_by_its_own_name(tmp_path: Path) -> None:
    image = make_image((80, 90))
    path = tmp_path / "a_mask.tif"
    labels = make_mask(path, image, LabelsInfo("mask", ("mito", "vesicle")))
    assert get_reader(str(path)) is None  # anybody's
    record = write_sidecar(path, {"outcome": {"classes": ["mito", "vesicle"]}})
    for opened in (path, record):
        (layer,) = open_layers(opened)
        assert isinstance(layer, Labels)
        assert not layer.multiscale
        np.testing.assert_array_equal(np.asarray(layer.data), labels)
        assert tuple(layer.scale) == (4.0, 4.0)
        assert list(layer.features["class"]) == ["background", "mito", "vesicle"]


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("suffix", ["csv", "geojson"])
def test_detections_open_as_points_of_their_size(tmp_path: Path, suffix: str, stacked: bool) -> None:
    table, path = make_detections(stacked), tmp_path / f"a_detections.{suffix}"
    (write_csv if suffix == "csv" else write_geojson)(path, table)
    assert get_reader(str(path)) is None  # anybody's
    image = make_image((2, 60, 70) if stacked else (60, 70))
    manifest = plan_features(image, FakeEncoder().spec, TilingSettings(), IntensitySettings())
    write_sidecar(path, {"features": manifest.to_dict()})
    (layer,) = open_layers(path)
    assert isinstance(layer, Points)
    np.testing.assert_allclose(layer.data, table.centres)
    assert tuple(layer.scale) == table.scale
    np.testing.assert_allclose(layer.size, [10.0, 2.0])  # pixels of 4 nm
    assert list(layer.features["class"]) == ["mito", "vesicle"]
    assert list(layer.features["score"]) == [0.9, 0.5]
    assert list(layer.features["diameter_nm"]) == [40.0, 8.0]


def test_a_record_next_to_broken_detections_does_not_make_them_right(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [{"geometry": None}]}))
    manifest = plan_features(make_image((60, 70)), FakeEncoder().spec, TilingSettings(), IntensitySettings())
    write_sidecar(path, {"features": manifest.to_dict()})
    with pytest.raises(ImageReadError, match="holds no detections"):
        open_layers(path)


def test_files_of_others_are_declined(tmp_path: Path) -> None:
    others = [tmp_path / name for name in ("a.tif", "a.csv", "a.geojson", "b.csv.json", "c.txt", "d.zarr.json")]
    for path in others:
        path.write_text('{"features": []}')
    save_file({"weight": np.zeros(3)}, tmp_path / "weights.safetensors")
    (tmp_path / "pickled.safetensors").write_bytes(b"\x80\x04not a tensor file")
    zarr.create_group(tmp_path / "image.zarr", attributes={"ome": {"multiscales": []}})
    (tmp_path / "folder").mkdir()
    others += [tmp_path / name for name in ("weights.safetensors", "pickled.safetensors", "image.zarr", "folder", "no")]
    assert [path.name for path in others if get_reader(str(path)) is not None] == []
    assert get_reader([str(path) for path in others]) is None


def test_a_store_whose_manifest_is_gone_is_declined(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.zarr", make_image((120, 140)))
    assert get_reader(str(store.path)) is _reader.read_features
    (store.path / "zarr.json").unlink()
    assert get_reader(str(store.path)) is None


@pytest.mark.parametrize("name", ["m.ome.zarr", "m_mask.ome.tif"])
@pytest.mark.parametrize("shape", [(600, 700), (2, 60, 70)])
def test_saved_labels_open_again_where_they_were(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 300, shape, np.int64)
    scale = (0.05, 0.004, 0.004)[-len(shape) :]
    layer = Labels(values, name="cells", scale=scale, units=["um"] * len(shape))
    for _ in range(2):  # the second replaces the first
        data, meta, _ = layer.as_layer_data_tuple()
        assert write_labels(str(tmp_path / name), data, meta) == [str(tmp_path / name)]
    (opened,) = open_layers(tmp_path / name)
    finest = opened.data[0] if opened.multiscale else opened.data
    np.testing.assert_array_equal(np.asarray(finest), values)
    assert finest.dtype == np.uint16
    np.testing.assert_allclose(opened.scale, np.array(scale) * 1000)
    assert {str(unit) for unit in opened.units} == {"nanometer"}


def test_labels_that_were_opened_keep_their_class_names_when_saved(tmp_path: Path) -> None:
    labels = make_mask(tmp_path / "a.ome.zarr", make_image((600, 700)), LabelsInfo("mask", ("mito", "vesicle")))
    (layer,) = open_layers(tmp_path / "a.ome.zarr")
    data, meta, _ = layer.as_layer_data_tuple()
    write_labels(str(tmp_path / "b.ome.zarr"), data, meta)
    write_labels(str(tmp_path / "a.ome.zarr"), data, meta)  # onto the file it is read from
    for name in ("a.ome.zarr", "b.ome.zarr"):
        (again,) = open_layers(tmp_path / name)
        np.testing.assert_array_equal(np.asarray(again.data[0]), labels)
        assert list(again.features["class"]) == ["background", "mito", "vesicle"]


def test_saving_labels_never_replaces_another_zarr(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.zarr", make_image((120, 140)))
    data, meta, _ = Labels(np.zeros((9, 9), int)).as_layer_data_tuple()
    with pytest.raises(OutputExistsError):
        write_labels(str(store.path), data, meta)
    assert FeatureStore.open(store.path).pending() == []
    with pytest.raises(AxesError, match="4 axes"):
        write_labels(str(tmp_path / "m.zarr"), *Labels(np.zeros((2, 2, 9, 9), int)).as_layer_data_tuple()[:2])


@pytest.mark.parametrize("name", ["a.geojson", "a.detections.csv"])
def test_saved_points_open_again_where_they_were(tmp_path: Path, name: str) -> None:
    centres = np.array([[3.0, 4.5], [20.0, 30.25]])
    features = {"class": ["mito", "vesicle"], "score": [0.25, 0.75]}
    layer = Points(
        centres,
        name="found",
        size=[5, 10],
        features=features,
        scale=(4.0, 4.0),
        translate=(8.0, 40.0),
        units=["nm", "nm"],
    )
    data, meta, _ = layer.as_layer_data_tuple()
    write_points(str(tmp_path / name), data, meta)
    (opened,) = open_layers(tmp_path / name)
    np.testing.assert_allclose(opened.data, centres + np.array([2.0, 10.0]))
    assert tuple(opened.scale) == (4.0, 4.0)
    np.testing.assert_allclose(opened.size, [5, 10])
    assert list(opened.features["class"]) == ["mito", "vesicle"]
    assert list(opened.features["score"]) == [0.25, 0.75]


def test_points_without_features_or_units_are_saved_in_pixels(tmp_path: Path) -> None:
    data, meta, _ = Points(np.array([[1.0, 2.0]]), name="spots", size=6).as_layer_data_tuple()
    write_points(str(tmp_path / "a.csv"), data, meta)
    found = read_detections_csv(tmp_path / "a.csv")
    assert (found.class_names, found.unit, found.scores.tolist(), found.diameters.tolist()) == (
        ("spots",),
        "pixel",
        [1.0],
        [6.0],
    )
    data, meta, _ = Points(np.empty((0, 3)), name="none").as_layer_data_tuple()
    write_points(str(tmp_path / "none.geojson"), data, meta)
    (opened,) = open_layers(tmp_path / "none.geojson")
    assert opened.data.shape == (0, 3)


@pytest.mark.parametrize("sample", [phantom_2d, phantom_3d])
def test_a_phantom_comes_with_its_truth_hidden(sample: Any) -> None:
    viewer = ViewerModel()
    for data in sample():
        viewer._add_layer_from_data(*data)
    image, truth = viewer.layers
    assert isinstance(truth, Labels)
    assert (image.visible, truth.visible) == (True, False)
    assert image.data.shape == truth.data.shape
    assert tuple(image.scale) == tuple(truth.scale) == (8.0,) * image.ndim
    assert set(np.unique(np.asarray(truth.data[..., :256, :256]))) <= {0, 1, 2}


def test_a_download_asks_first_and_says_how_much(tmp_path: Path) -> None:
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    def fetch(name: str) -> Path:
        raise AssertionError("fetched without a yes")

    with pytest.raises(Cancelled, match="nothing was downloaded"):
        nerve_cord(no, fetch)
    assert "35 MB" in asked[0]
    assert "CC BY-NC-SA" in asked[0]


def test_closing_the_question_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from qtpy.QtWidgets import QMessageBox

    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    with pytest.raises(Cancelled):
        nerve_cord(fetch=lambda name: pytest.fail("fetched without a yes"))


def test_the_nerve_cord_opens_with_its_size_and_its_mitochondria(tmp_path: Path, data_dir: Path) -> None:
    for kind in ("raw", "mitochondria"):
        shutil.copytree(data_dir / "vnc" / kind, tmp_path / "stack1" / kind)
    image, truth = (Layer.create(*data) for data in nerve_cord(lambda _: True, lambda name: tmp_path))
    assert isinstance(truth, Labels)
    assert tuple(image.scale) == tuple(truth.scale) == (50.0, 4.6, 4.6)
    assert image.data.shape == truth.data.shape
    assert not truth.visible
