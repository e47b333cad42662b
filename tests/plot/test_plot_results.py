from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import EllipseCollection, LineCollection
from scipy import ndimage

from dinoscope import plot
from dinoscope.encoders import EncoderSpec
from dinoscope.errors import AxesError, RegionError, SettingsError
from dinoscope.features import FeatureStore, feature_colours, plan_features
from dinoscope.geometry import Axis, Region
from dinoscope.image import Image, LazyArray, open_image
from dinoscope.outputs import CLASS_COLOURS, Detections
from dinoscope.plot import _view
from dinoscope.plot._outlines import outlines
from dinoscope.segmentation import Segmentation
from dinoscope.settings import ImageSettings, IntensitySettings, TilingSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.tiling import PatchGrid

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray


class Lazy(LazyArray):
    """An array that notes what is read of it."""

    def __init__(self, data: NDArray[Any]) -> None:
        super().__init__(data.shape, data.dtype)
        self._data = data
        self.voxels = 0

    def _read(self, bounds: tuple[slice, ...]) -> NDArray[Any]:
        part = self._data[bounds]
        self.voxels += part.size
        return part


def make_image(shape: tuple[int, ...], sizes: tuple[float, ...] | None = None, bright: Any = None) -> Image:
    data = np.zeros(shape, np.uint8)
    if bright is not None:
        data[bright] = 200
    named = zip("zyx"[-len(shape) :], shape, sizes or (1.0,) * len(shape), strict=True)
    axes = tuple(Axis(name, n, size, "pixel" if sizes is None else "nm") for name, n, size in named)
    return Image("made", "memory", axes, data)


def make_segmentation(mask: NDArray[Any]) -> tuple[Segmentation, Lazy]:
    lazy = Lazy(mask.astype(np.uint8))
    classes = ("nucleus", "axon")
    return Segmentation(classes, (0.5, 0.5), lazy, Lazy(mask.astype(np.uint32)), classes), lazy


def make_detections(centres: Any, names: tuple[str, ...], scale: tuple[float, ...], **changes: Any) -> Detections:
    places = np.asarray(centres, dtype=np.float64).reshape(-1, len(scale))
    columns = {
        "scores": np.ones(len(places)),
        "class_names": names,
        "diameters": np.linspace(30, 60, len(places)),
        "unit": "nm",
        "scale": scale,
        **changes,
    }
    return Detections("zyx"[-len(scale) :], places, **columns)


def legend_of(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def of_type(ax: Axes, kind: type[Any]) -> list[Any]:
    return [collection for collection in ax.collections if isinstance(collection, kind)]


def rgb(colour: Any) -> list[int]:
    return (np.asarray(colour)[:3] * 255).round().astype(int).tolist()  # type: ignore[no-any-return]


# overlay


def test_labels_are_tinted_in_the_colours_of_their_classes() -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[2:8, 3:9], mask[10:15, 12:25] = 1, 2
    found, _ = make_segmentation(mask)
    ax = plot.overlay(make_image(mask.shape), found)
    tint = np.asarray(ax.images[1].get_array())
    assert ax.images[1].get_extent() == ax.images[0].get_extent()
    for label, colour in ((1, CLASS_COLOURS[0]), (2, CLASS_COLOURS[1])):
        assert (tint[mask == label][:, :3] == colour).all()
    assert (tint[..., 3] > 0).tolist() == (mask > 0).tolist()
    assert legend_of(ax) == ["nucleus", "axon"]
    legend = ax.get_legend()
    assert legend is not None
    handles: list[Any] = list(legend.legend_handles)
    assert [rgb(handle.get_facecolor()) for handle in handles] == [list(c) for c in CLASS_COLOURS[:2]]


def test_objects_of_an_array_have_the_colour_of_their_number() -> None:
    labels = np.zeros((9, 9), np.uint64)
    labels[1:4, 1:4], labels[5:8, 5:8] = 2**63 + 8, 8
    for given_as in (labels, Lazy(labels), Image("l", "m", make_image((9, 9)).axes, labels)):
        ax = plot.overlay(make_image(labels.shape), given_as)
        tint = np.asarray(ax.images[1].get_array())
        assert tuple(tint[6, 6, :3]) == CLASS_COLOURS[0]  # colours repeat after seven
        assert tuple(tint[2, 2, :3]) in CLASS_COLOURS
        assert legend_of(ax) == []


def test_outlines_run_around_the_voxels_in_physical_units() -> None:
    labels = np.zeros((20, 30), bool)
    labels[4:8, 10:16] = True
    ax = plot.overlay(make_image(labels.shape, (5.0, 2.0)), labels, Region((2, 3), (18, 28)))
    (lines,) = of_type(ax, LineCollection)
    (line,) = lines.get_segments()
    assert (line[:, 0].min(), line[:, 0].max()) == (9.5 * 2.0, 15.5 * 2.0)
    assert (line[:, 1].min(), line[:, 1].max()) == (3.5 * 5.0, 7.5 * 5.0)
    assert rgb(lines.get_colors()[0]) == list(CLASS_COLOURS[0])


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 12))
def test_outlines_part_the_pixels_of_an_object_from_all_others(seed: int, height: int, width: int) -> None:
    labels = np.random.default_rng(seed).choice([0, 0, 3, 900], (height, width))
    crossings = set()
    for label, line in outlines(labels):
        for y, x in line.tolist():
            low, high = (int(np.floor(y)), int(np.floor(x))), (int(np.ceil(y)), int(np.ceil(x)))
            ends = sorted({low, high})
            assert len(ends) == 2
            crossings.add((label, *(tuple(np.clip(end, 0, (height - 1, width - 1)).tolist()) for end in ends)))
    inside = {pair for pair in crossings if pair[1] != pair[2]}
    expected = set()
    for label in (3, 900):
        for y in range(height):
            for x in range(width):
                for other in ((y, x + 1), (y + 1, x)):
                    if other < (height, 0) and other[1] < width and (labels[y, x] == label) != (labels[other] == label):
                        expected.add((label, (y, x), other))
    assert inside == expected


def test_of_labels_only_what_is_drawn_is_read() -> None:
    found, lazy = make_segmentation(np.ones((5, 40, 50), np.uint8))
    plot.overlay(make_image((5, 40, 50)), found, Region((0, 0), (10, 20)))
    assert lazy.voxels == 200


@pytest.mark.parametrize("labels", [np.zeros((5, 6), int), np.zeros((5, 5), np.float32)])
def test_labels_that_do_not_fit_are_told(labels: NDArray[Any]) -> None:
    with pytest.raises(AxesError, match=r"cannot be drawn.*expected"):
        plot.overlay(make_image((5, 5)), labels)
    assert plt.get_fignums() == []


# similarity


def make_map(voxels: tuple[int, int, int], stride: int = 4) -> SimilarityMap:
    grid = PatchGrid(voxels, stride)
    values = np.random.default_rng(0).random((2, *grid.shape)).astype(np.float32)
    return SimilarityMap(("nucleus", "axon"), values, grid, np.ones(2, np.float32))


@pytest.mark.parametrize("most", [1500, 11])
def test_similarities_are_bilinear_at_the_voxels(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(_view, "MOST_PIXELS", most)
    monkeypatch.setattr(_view, "BLOCK", 8)
    similarity = make_map((3, 22, 31))
    region = Region((2, 1, 3), (3, 20, 31))
    ax = plot.similarity(make_image((3, 22, 31)), similarity, "axon", region)
    drawn = np.asarray(ax.images[1].get_array())
    step = -(-28 // most)
    y = np.arange(1, 20, step) + (step - 1) / 2
    x = np.arange(3, 31, step) + (step - 1) / 2
    places = np.meshgrid((y + 0.5) / 4 - 0.5, (x + 0.5) / 4 - 0.5, indexing="ij")
    truth = ndimage.map_coordinates(np.asarray(similarity.values[1, 2]), places, order=1, mode="nearest")
    np.testing.assert_allclose(drawn, truth, atol=1e-5)
    assert ax.images[1].get_extent() == ax.images[0].get_extent()
    assert ax.images[1].get_clim() == (0, 1)
    opacity = np.asarray(ax.images[1].get_alpha())
    order = np.argsort(drawn, axis=None)
    assert (np.diff(opacity.ravel()[order]) >= -1e-6).all()  # the more alike, the more opaque


def test_what_is_unlike_is_transparent_and_the_bar_names_the_class() -> None:
    similarity = make_map((1, 8, 8))
    similarity.values[:] = 0
    ax = plot.similarity(make_image((8, 8)), similarity)
    assert not np.asarray(ax.images[1].get_alpha()).any()
    (bar,) = [other for other in ax.figure.axes if other is not ax]
    assert bar.get_ylabel() == "similarity to nucleus"


def test_maps_that_do_not_fit_are_told() -> None:
    with pytest.raises(SettingsError, match="expected one of nucleus, axon"):
        plot.similarity(make_image((8, 8)), make_map((1, 8, 8)), "soma")
    with pytest.raises(AxesError, match="draw it over the image it was made from"):
        plot.similarity(make_image((8, 9)), make_map((1, 8, 8)))
    assert plt.get_fignums() == []


# features


SPEC = EncoderSpec("planted", 4, 8, 64, 8, (0.0,) * 3, (1.0,) * 3, "planted", "BSD-3-Clause")


def make_store(path: Path, shape: tuple[int, ...], size_nm: float | None = None) -> FeatureStore:
    settings = ImageSettings(axes="zyx"[-len(shape) :], image_pixel_size=size_nm)
    image = open_image(np.zeros(shape, np.uint8), settings, name="i")
    return FeatureStore.create(path, plan_features(image, SPEC, TilingSettings(), IntensitySettings()))


def plant(store: FeatureStore, tiles: int | None = None) -> None:
    features = np.random.default_rng(0).normal(size=(*store.grid.shape, SPEC.channels)).astype(np.float32)
    for tile in store.pending()[:tiles]:
        store.write(tile, features[tile.write.slices][0])


def test_every_patch_has_its_colour_over_its_voxels(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.zarr", (2, 30, 41), 5.0)
    plant(store)
    ax = plot.features(store, 1)
    drawn = np.asarray(ax.images[0].get_array())
    np.testing.assert_allclose(drawn[..., :3], feature_colours(store)[1], atol=1e-6)
    left, right, bottom, top = ax.images[0].get_extent()
    # 11 by 8 patches of 4 voxels of 5 nm, which begin at the edge of the first voxel and reach past the image
    assert (left, right, bottom, top) == pytest.approx((-2.5, 11 * 20 - 2.5, 8 * 20 - 2.5, -2.5))
    assert (*ax.get_xlim(), *ax.get_ylim()) == pytest.approx((-2.5, 202.5, 147.5, -2.5))
    assert ax.get_title(loc="left") == "section 1"


def test_missing_features_are_left_out(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.zarr", (30, 400))
    plant(store, 1)
    opaque = np.asarray(plot.features(store).images[0].get_array())[..., 3]
    np.testing.assert_array_equal(opaque == 1, np.isfinite(feature_colours(store)[0, ..., 0]))
    assert 0 < opaque.mean() < 1


def test_a_section_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RegionError, match="section 2 of 'i': expected one from 0 to 1"):
        plot.features(make_store(tmp_path / "s.zarr", (2, 30, 40)), 2)


# detections


@given(st.integers(0, 29), st.integers(0, 39), st.floats(0.3, 80), st.floats(0.3, 80), st.integers(5, 60))
def test_a_ring_lies_exactly_over_its_voxel(y: int, x: int, high: float, wide: float, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_view, "MOST_PIXELS", most)
        image = make_image((30, 40), (high, wide), bright=(y, x))
        found = make_detections([[y, x]], ("a",), (high, wide), diameters=np.array([55.0]))
        ax = plot.detections(image, found)
    (rings,) = of_type(ax, EllipseCollection)
    left, right, bottom, top = ax.images[0].get_extent()
    pixels = np.asarray(ax.images[0].get_array())
    row, column = np.unravel_index(pixels.argmax(), pixels.shape)  # where matplotlib draws the bright voxel
    size = (bottom - top) / pixels.shape[0], (right - left) / pixels.shape[1]
    step = -(-40 // most)
    ring_x, ring_y = rings.get_offsets()[0]
    if step == 1:
        assert (ring_x, ring_y) == pytest.approx((left + (column + 0.5) * size[1], top + (row + 0.5) * size[0]))
    assert column <= (ring_x - left) / size[1] <= column + 1
    assert row <= (ring_y - top) / size[0] <= row + 1
    assert (ring_x, ring_y) == pytest.approx((x * wide, y * high))
    assert rings.get_widths()[0] == pytest.approx(55.0)
    assert rings.get_heights()[0] == pytest.approx(55.0)
    plt.close("all")


def test_a_ring_on_the_page_is_as_wide_as_the_object() -> None:
    ax = plot.detections(make_image((50, 100), (4.0, 4.0)), make_detections([[25, 40]], ("a",), (4.0, 4.0)))
    canvas: Any = FigureCanvasAgg(ax.get_figure(root=True))
    canvas.draw()
    page = np.asarray(canvas.buffer_rgba()).astype(int)
    frame = ax.get_window_extent()
    orange = (page[..., 0] > 180) & (page[..., 2] < 70)
    orange[: len(page) - int(frame.y1)], orange[len(page) - int(frame.y0) :] = False, False  # not in the legend
    rows, columns = np.nonzero(orange)
    dots = [len(page) - rows.max() - 1, len(page) - rows.min()]
    low, high = ax.transData.inverted().transform(np.column_stack([[columns.min(), columns.max() + 1], dots]))
    line = 1.6 / 72 * canvas.figure.dpi * 400.0 / frame.width  # its width in nm
    assert abs(high - low) == pytest.approx([30.0 + line] * 2, abs=1.5)
    assert (low + high) / 2 == pytest.approx([160.0, 100.0], abs=1.0)


def test_detections_in_pixels_are_drawn_on_an_image_in_nm() -> None:
    found = make_detections([[3, 4]], ("a",), (1.0, 1.0), unit="pixel", diameters=np.array([10.0]))
    (rings,) = of_type(plot.detections(make_image((20, 20), (2.0, 5.0)), found), EllipseCollection)
    assert rings.get_offsets().tolist() == [[20.0, 6.0]]
    assert (rings.get_widths()[0], rings.get_heights()[0]) == (50.0, 20.0)


def test_the_legend_counts_what_is_drawn_of_each_class() -> None:
    scale = (40.0, 4.0, 4.0)
    centres = [[1, 5, 5], [1.4, 9, 9], [0, 5, 5], [1, 5, 30], [1, 9.5, 12], [0.5, -0.5, 19.4]]
    found = make_detections(centres, ("b", "a", "a", "a", "b", "b"), scale)
    image = make_image((3, 40, 40), scale)
    region = Region((1, 0, 0), (2, 20, 20))
    ax = plot.detections(image, found, region)
    assert legend_of(ax) == ["a (1)", "b (3)"]
    counted = {
        tuple(rgb(rings.get_edgecolor()[0])): len(rings.get_offsets()) for rings in of_type(ax, EllipseCollection)
    }
    assert counted == {CLASS_COLOURS[0]: 1, CLASS_COLOURS[1]: 3}
    ordered = plot.detections(image, found, region, classes=("c", "b"))
    colours = [tuple(rgb(rings.get_edgecolor()[0])) for rings in of_type(ordered, EllipseCollection)]
    assert legend_of(ordered) == ["b (3)", "a (1)"]
    assert colours == [CLASS_COLOURS[1], CLASS_COLOURS[2]]


def test_no_detections_leave_the_image_alone() -> None:
    ax = plot.detections(make_image((9, 9), (4.0, 4.0)), make_detections([], (), (4.0, 4.0)))
    assert legend_of(ax) == []
    assert len(ax.images) == 1


def test_detections_with_other_axes_are_told() -> None:
    with pytest.raises(AxesError, match="axes 'zyx' cannot be drawn on image 'made' with 'yx'"):
        plot.detections(make_image((9, 9)), make_detections([[0, 1, 1]], ("a",), (1.0, 1.0, 1.0)))
    assert plt.get_fignums() == []


# together


def test_results_lie_over_one_another_on_the_same_axes() -> None:
    image = make_image((20, 20), (4.0, 4.0))
    labels, _ = make_segmentation(np.eye(20))
    ax = plot.overlay(image, labels)
    assert plot.detections(image, make_detections([[5, 5]], ("axon",), (4.0, 4.0)), ax=ax) is ax
    plot.similarity(image, make_map((1, 20, 20)), ax=ax)
    assert len(ax.images) == 3  # the image, the tint, the map
    assert legend_of(ax) == ["nucleus", "axon", "axon (1)"]
    assert len(of_type(ax, EllipseCollection)) == 1
