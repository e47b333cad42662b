"""Finer grids by shifted passes, with patches whose features are known beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from dinoscope.encoders import EncoderSpec, ShiftedEncoder, create_encoder, in_passes
from dinoscope.errors import EncoderInputError, SettingsError, StoreMismatchError
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import Image, open_image
from dinoscope.prompts import PointPrompt
from dinoscope.reference import Reference, build_reference, pool_references
from dinoscope.settings import ImageSettings, IntensitySettings, ReferenceSettings, SimilaritySettings, TilingSettings
from dinoscope.similarity import SimilarityMap, compare
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder

WHOLE_RANGE = IntensitySettings(black=0, white=100)
DIVISORS = [(4, 2), (4, 4), (6, 3), (8, 2), (8, 4), (9, 3), (14, 2), (16, 2), (16, 4)]


def noise(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def means_around_cells(picture: NDArray[np.float32], stride: int, passes: int) -> NDArray[np.float32]:
    """The mean of the patch around every cell of the fine grid, one by one, in a picture mirrored at its edges."""
    fine, margin = stride // passes, 2 * stride
    mirrored = np.pad(picture, margin, mode="symmetric")
    rows, columns = (size // fine for size in picture.shape)
    means = np.empty((rows, columns), np.float32)
    for row, column in np.ndindex(rows, columns):
        centre = (row + 0.5) * fine, (column + 0.5) * fine
        y, x = (int(np.floor(c - stride / 2)) + margin for c in centre)
        means[row, column] = mirrored[y : y + stride, x : x + stride].mean()
    return means


class Recording(FakeEncoder):
    """Remembers the shapes of what it encoded."""

    def __init__(self, stride: int, tile: int, halo: int) -> None:
        super().__init__(stride, tile, halo)
        self.shapes: list[tuple[int, ...]] = []

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        self.shapes.append(pixels.shape)
        return super().encode(pixels)


class Looking(FakeEncoder):
    """Sees exactly its halo: every pixel is the mean around it first, and outside of the tile all is black."""

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        side = 2 * self.spec.halo + 1
        return super().encode(ndimage.uniform_filter(pixels, (0, side, side), mode="constant"))


def extract(path: Path, image: Image, encoder: Encoder, **tiling: int) -> FeatureStore:
    manifest = plan_features(image, encoder.spec, TilingSettings(**tiling), WHOLE_RANGE)
    store = FeatureStore.create(path / f"{manifest.key}.zarr", manifest)
    extract_features(image, encoder, store)
    return store


@given(st.sampled_from(DIVISORS), st.integers(1, 9), st.integers(1, 9), st.integers(1, 2), st.integers(0, 1000))
def test_a_cell_has_the_feature_of_the_patch_around_its_centre(
    divisor: tuple[int, int], rows: int, columns: int, count: int, seed: int
) -> None:
    stride, passes = divisor
    fine = stride // passes
    pictures = noise((count, rows * fine, columns * fine), seed)
    found = ShiftedEncoder(FakeEncoder(stride), passes).encode(pictures)
    assert found.shape == (count, rows, columns, 2)
    for picture, features in zip(pictures, found, strict=True):
        np.testing.assert_allclose(features[..., 0], means_around_cells(picture, stride, passes), atol=1e-6)


def test_colours_are_shifted_like_grey() -> None:
    grey, encoder = noise((1, 24, 32)), ShiftedEncoder(FakeEncoder(8), 2)
    np.testing.assert_allclose(encoder.encode(np.stack([grey] * 3, axis=-1)), encoder.encode(grey), atol=1e-6)


def test_one_pass_is_the_encoder_itself() -> None:
    encoder = FakeEncoder(8)
    assert in_passes(encoder, 1) is encoder
    pictures = noise((2, 24, 32))
    np.testing.assert_array_equal(ShiftedEncoder(encoder, 1).encode(pictures), encoder.encode(pictures))


@pytest.mark.parametrize(("stride", "passes"), [(14, 4), (8, 3), (8, 0), (8, -2), (4, 8)])
def test_passes_that_do_not_divide_the_stride_are_refused(stride: int, passes: int) -> None:
    with pytest.raises(SettingsError, match=rf"stride is {stride} px.*choose one of 1, 2"):
        in_passes(FakeEncoder(stride), passes)


@pytest.mark.parametrize("shape", [(24, 32), (1, 22, 32), (1, 24, 30), (1, 0, 32), (1, 24, 32, 3, 1)])
def test_pictures_that_are_no_whole_cells_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(EncoderInputError, match="multiples of 4"):
        ShiftedEncoder(FakeEncoder(8), 2).encode(np.zeros(shape, np.float32))


def test_the_encoder_within_always_sees_tiles_of_its_own_size(tmp_path: Path) -> None:
    inner = Recording(stride=14, tile=518, halo=70)
    extract(tmp_path, open_image(noise((700, 450))), ShiftedEncoder(inner, 2))
    assert set(inner.shapes) == {(1, 518, 518)}


@pytest.mark.parametrize(("stride", "passes", "halo"), [(4, 2, 8), (8, 2, 8), (8, 4, 16), (14, 2, 14), (16, 2, 16)])
@pytest.mark.parametrize("cells_more", [0, 1])
def test_features_do_not_depend_on_the_tiles(
    tmp_path: Path, stride: int, passes: int, halo: int, cells_more: int
) -> None:
    fine = stride // passes
    picture = noise((2 * halo + 5 * stride + cells_more * fine, 2 * halo + 7 * stride))
    encoder = ShiftedEncoder(Looking(stride, tile=4 * halo + 10 * stride, halo=halo), passes)
    image = open_image(picture)
    whole = extract(tmp_path, image, encoder)
    assert len(whole.manifest.tiles) == 1
    expected = whole.read(whole.grid.extent)[0]
    rim = encoder.spec.halo // fine  # there a tile ends with the image, and what lies behind is black or mirrored
    for kept in (5, 7):  # cells of a tile: they begin in every phase to the passes
        tile = 2 * encoder.spec.halo + kept * fine
        tiled = extract(tmp_path, image, encoder, tile=tile)
        assert len(tiled.manifest.tiles) > 1
        found = tiled.read(tiled.grid.extent)[0]
        np.testing.assert_allclose(found[rim:-rim, rim:-rim], expected[rim:-rim, rim:-rim], atol=2e-3)


@pytest.mark.parametrize("tile", [32, 36, 44, 128])
def test_features_of_tiles_are_means_around_cells_up_to_the_border(tmp_path: Path, tile: int) -> None:
    picture = noise((76, 92))
    picture[0, 0], picture[-1, -1] = 0, 1  # the range of intensities
    store = extract(tmp_path, open_image(picture), ShiftedEncoder(FakeEncoder(8), 2), tile=tile, halo=8)
    span = picture.max() - picture.min()
    expected = means_around_cells((picture - picture.min()) / span, 8, 2)
    np.testing.assert_allclose(store.read(store.grid.extent)[0, ..., 0], expected, atol=1e-3)


def test_the_facts_tell_grids_apart_but_not_spaces(tmp_path: Path) -> None:
    coarse = FakeEncoder(8, tile=64, halo=16)
    specs = [coarse.spec, *(ShiftedEncoder(coarse, passes).spec for passes in (2, 4))]
    assert len({spec.fingerprint for spec in specs}) == len({spec.name for spec in specs}) == 3
    assert {spec.feature_space for spec in specs} == {coarse.spec.fingerprint}
    assert [spec.stride for spec in specs] == [8, 4, 2]
    assert EncoderSpec.from_dict(specs[1].to_dict()) == specs[1]
    image = open_image(noise((80, 80)))
    same_tiles = TilingSettings(tile=64, halo=16)
    keys = {plan_features(image, spec, same_tiles, WHOLE_RANGE).key for spec in specs}
    assert len(keys) == 3
    with pytest.raises(StoreMismatchError):
        extract_features(image, ShiftedEncoder(coarse, 2), extract(tmp_path, image, coarse))


def test_an_imitation_in_passes_stays_in_the_space_it_imitates() -> None:
    class Student(FakeEncoder):
        @property
        def spec(self) -> EncoderSpec:
            return EncoderSpec.from_dict({**super().spec.to_dict(), "space": "teacher"})

    assert ShiftedEncoder(Student(), 2).spec.feature_space == "teacher"


def test_nano_in_passes_is_nano_of_shifted_pictures() -> None:
    nano, fine = create_encoder("nano", "cpu"), create_encoder("nano", "cpu", passes=2)
    picture = noise((312, 320))
    rim = nano.spec.halo // 8 + 1
    found = fine.encode(picture[np.newaxis])[0]
    assert found.shape == (78, 80, 64)
    for (y, x), (top, left) in {(0, 0): (6, 6), (0, 1): (6, 2), (1, 0): (2, 6), (1, 1): (2, 2)}.items():
        shifted = picture[top : top + 304, left : left + 312]
        skipped = (top + 2) // 8, (left + 2) // 8  # a pass that begins 2 px before the picture begins one patch earlier
        patches = found[y::2, x::2][skipped[0] : skipped[0] + 38, skipped[1] : skipped[1] + 39]
        inside = (slice(rim, -rim), slice(rim, -rim))
        expected = nano.encode(np.ascontiguousarray(shifted)[np.newaxis])[0]
        np.testing.assert_allclose(patches[inside], expected[inside], atol=1e-4)


def test_nano_keeps_as_many_pixels_of_its_tiles_as_in_one_pass() -> None:
    coarse, fine = (create_encoder("nano", "cpu", passes).spec for passes in (1, 2))
    cores = [spec.tile - 2 * spec.halo for spec in (coarse, fine)]
    assert cores == [1024, 1024]
    assert fine.tile % coarse.stride == 0, "all passes are whole patches"


DISC = (61.0, 84.0)
RADIUS = 20.0


def disc() -> tuple[Image, NDArray[np.bool_]]:
    """A bright disc in dim noise, and its truth."""
    rows, columns = np.mgrid[:144, :168]
    inside = np.hypot(rows - DISC[0], columns - DISC[1]) <= RADIUS
    picture = np.random.default_rng(0).normal(0.2, 0.02, inside.shape).astype(np.float32)
    picture[inside] += 0.6
    return open_image(picture, ImageSettings(), name="disc"), inside


def learn(store: FeatureStore) -> Reference:
    prompts = [PointPrompt((0.0, *DISC)), PointPrompt((0.0, 20.0, 140.0), positive=False)]
    return build_reference(store, prompts, ReferenceSettings(crop=160))


def linear(values: NDArray[np.floating], similarity: SimilarityMap, shape: tuple[int, ...]) -> NDArray[np.floating]:
    """Bilinear values at all voxels, with the positions of the patches reckoned here."""
    side = similarity.grid.stride
    places = np.meshgrid(*((np.arange(size) + 0.5) / side - 0.5 for size in shape), indexing="ij")
    return ndimage.map_coordinates(values.astype(float), places, order=1, mode="nearest")


@pytest.mark.parametrize(("stride", "passes"), [(8, 1), (8, 2), (8, 4), (14, 2), (16, 2)])
def test_a_mask_of_a_fine_grid_lies_where_the_object_is(tmp_path: Path, stride: int, passes: int) -> None:
    image, truth = disc()
    encoder = in_passes(FakeEncoder(stride, tile=8 * stride, halo=stride), passes)
    store = extract(tmp_path, image, encoder)
    means = store.read(store.grid.extent)[0, ..., 0].astype(float)
    similarity = compare(store, learn(store), SimilaritySettings(method="prototype"))
    mask = linear((means - means.min()) / np.ptp(means), similarity, truth.shape) > 0.5
    centre = ndimage.center_of_mass(mask)
    assert np.hypot(centre[0] - DISC[0], centre[1] - DISC[1]) < 1
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.95
    alike = np.asarray(similarity.values[0, 0])
    peak = alike > alike.max() / 2
    middle = [float(store.grid.to_voxel(place)) for place in ndimage.center_of_mass(peak)]
    assert np.hypot(middle[0] - DISC[0], middle[1] - DISC[1]) < stride / 2


@pytest.mark.parametrize(("learned_in", "looked_for_in"), [(1, 2), (2, 1), (4, 2)])
@pytest.mark.parametrize("method", ["dinosim", "prototype"])
def test_references_move_between_grids(tmp_path: Path, learned_in: int, looked_for_in: int, method: str) -> None:
    image, truth = disc()
    encoder = FakeEncoder(8, tile=64, halo=8)
    reference = learn(extract(tmp_path, image, in_passes(encoder, learned_in)))
    reference = Reference.load(reference.save(tmp_path / "reference.safetensors"))
    store = extract(tmp_path, image, in_passes(encoder, looked_for_in))
    similarity = compare(store, reference, SimilaritySettings.model_validate({"method": method}))
    values = linear(similarity.values[0, 0], similarity, truth.shape)
    deep = ndimage.binary_erosion(truth, iterations=8)
    far = ~ndimage.binary_dilation(truth, iterations=16)
    assert values[deep].min() > values[far].max()


def test_examples_of_both_grids_pool(tmp_path: Path) -> None:
    image, _ = disc()
    encoder = FakeEncoder(8, tile=64, halo=8)
    references = [learn(extract(tmp_path, image, in_passes(encoder, passes))) for passes in (1, 2)]
    assert len(pool_references(references).vectors) == 4


@given(st.integers(1, 4000), st.sampled_from([(8, 1280, 128), (14, 518, 70), (16, 512, 64)]))
def test_tiles_of_fine_grids_keep_every_cell_once(size: int, facts: tuple[int, int, int]) -> None:
    stride, tile, halo = facts
    image = open_image(np.zeros((8, size), np.uint8))
    spec = ShiftedEncoder(FakeEncoder(stride, tile, halo), 2).spec
    tiles = plan_features(image, spec, TilingSettings(), IntensitySettings()).tiles
    kept = np.zeros(tiles.grid.shape, int)
    for one in tiles:
        kept[one.write.slices] += 1
    assert (kept == 1).all()
