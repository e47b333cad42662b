"""Tiles that show nothing are recognised and not encoded."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import block_reduce

from dinoscope.errors import Cancelled, StoreMismatchError
from dinoscope.features import FeatureStore, Manifest, blank_notice, extract_features, plan_features, read_tile
from dinoscope.features._blank import grey_of, is_blank
from dinoscope.geometry import Region
from dinoscope.image import open_image, spatial
from dinoscope.samples import phantom
from dinoscope.settings import IntensitySettings, StorageSettings, TilingSettings
from dinoscope.testing import FakeEncoder
from tests.features.stores import all_features, chunks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.image import Image
    from dinoscope.jobs import Progress
    from dinoscope.tiling import Tile

DEFAULT = TilingSettings().skip_blank
FULL_RANGE = IntensitySettings(black=0, white=100)
EDGE = 400
"""Where tissue ends and resin begins in `mosaic`."""

sides = st.sampled_from([64, 65, 126, 518])
places = st.tuples(st.floats(0, 1), st.floats(0, 1))


class Recording(FakeEncoder):
    """Remembers how many tiles came at once, flat ones apart."""

    def __init__(self, **facts: Any) -> None:
        super().__init__(**facts)
        self.batches: list[int] = []
        self.flat: list[float] = []

    def encode(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        if np.ptp(pixels) == 0:
            self.flat.append(float(pixels.flat[0]))
        else:
            self.batches.append(len(pixels))
        return super().encode(pixels)


def mosaic(grey: int = 128, colours: bool = False) -> Image:
    """Tissue, so to speak, on the left, and faintly noisy resin on the right; black and white are there."""
    rng = np.random.default_rng(0)
    shape = (200, 800, 3) if colours else (200, 800)
    values = rng.normal(grey, 3, shape).round().astype(np.uint8)
    values[:, :EDGE] = rng.integers(0, 256, (200, EDGE, *shape[2:]))
    return open_image(values, name="mosaic")


def plan(image: Image, encoder: FakeEncoder, codec: Any = "float16", **tiling: Any) -> Manifest:
    storage = StorageSettings(codec=codec)
    return plan_features(image, encoder.spec, TilingSettings(**tiling), FULL_RANGE, storage)


def extracted(path: Path, image: Image, encoder: FakeEncoder, batch_size: int = 1, **planned: Any) -> FeatureStore:
    store = FeatureStore.create(path, plan(image, encoder, **planned))
    extract_features(image, encoder, store, batch_size=batch_size)
    return store


def shows_tissue(tile: Tile) -> bool:
    return tile.read.start[2] * 4 < EDGE


@given(side=sides, grey=st.floats(0, 1), noise=st.floats(0, 0.06), colours=st.booleans(), seed=st.integers(0, 99))
def test_noise_around_one_grey_is_blank(side: int, grey: float, noise: float, colours: bool, seed: int) -> None:
    shape = (side, side, 3) if colours else (side, side)
    pixels = np.random.default_rng(seed).normal(grey, noise, shape).clip(0, 1).astype(np.float32)
    assert is_blank(pixels, DEFAULT)
    assert not is_blank(pixels, 0)


@given(side=sides, place=places, sign=st.sampled_from([-1, 1]), seed=st.integers(0, 99))
def test_one_faint_organelle_is_something(side: int, place: tuple[float, float], sign: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).normal(0.5, 0.03, (side, side)).astype(np.float32)
    y, x = np.ogrid[:side, :side]
    centre = [12 + p * (side - 25) for p in place]
    pixels[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= 12**2] += sign * 0.15
    assert not is_blank(pixels, DEFAULT)


@given(side=sides, place=places, channel=st.integers(0, 2))
def test_one_small_sharp_spot_is_something_in_one_colour_too(
    side: int, place: tuple[float, float], channel: int
) -> None:
    pixels = np.full((side, side, 3), 0.1, np.float32)
    y, x = (round(p * (side - 4)) for p in place)
    pixels[y : y + 4, x : x + 4, channel] = 0.9
    assert not is_blank(pixels, DEFAULT)


@given(seed=st.integers(0, 999), noise=st.floats(0.01, 0.3), shading=st.floats(0, 0.2))
def test_blankness_is_how_much_blocks_differ(seed: int, noise: float, shading: float) -> None:
    pixels = np.random.default_rng(seed).normal(0.5, noise, (64, 48)) + np.linspace(0, shading, 48)
    spreads = [np.ptp(block_reduce(pixels, side, np.mean)) * side / 8 for side in (2, 4, 8)]
    spreads.append(np.ptp(block_reduce(pixels, 8, np.std)))
    for contrast in (max(spreads) * 0.999, max(spreads) * 1.001):
        assert is_blank(pixels.astype(np.float32), contrast) == (contrast > max(spreads))


@given(side=sides, place=places)
def test_texture_is_something_though_it_is_as_bright_as_what_is_around(side: int, place: tuple[float, float]) -> None:
    pixels = np.random.default_rng(0).normal(0.5, 0.03, (side, side)).astype(np.float32)
    y, x = (round(p * (side - 24)) for p in place)
    pixels[y : y + 24, x : x + 24] += np.indices((24, 24)).sum(axis=0) % 2 * 0.4 - 0.2
    assert not is_blank(pixels, DEFAULT)


def test_a_constant_is_blank_and_stands_for_its_grey_in_steps() -> None:
    black, grey = np.zeros((30, 30), np.float32), np.full((30, 30, 3), (0.25, 0.26, 0.99), np.float32)
    assert is_blank(black, 1e-6)
    assert is_blank(grey, 1e-6)
    assert grey_of(black) == (0.0,)
    assert grey_of(grey) == (0.25, 0.25, 1.0)


@pytest.mark.parametrize("colours", [False, True])
def test_only_the_half_with_tissue_is_encoded(tmp_path: Path, colours: bool) -> None:
    image, encoder = mosaic(colours=colours), Recording()
    store = extracted(tmp_path / "s.zarr", image, encoder)
    tiles = store.manifest.tiles.touching(store.grid.extent)
    tissue = [tile for tile in tiles if shows_tissue(tile)]
    assert len(encoder.batches) == len(tissue) < 0.6 * len(tiles)
    assert encoder.flat == [0.5]
    assert store.blanks.found == {tile.index for tile in tiles} - {tile.index for tile in tissue}
    everything = extracted(tmp_path / "all.zarr", image, encoder, skip_blank=0)
    for tile in tiles:
        features = store.read(tile.write)
        if shows_tissue(tile):
            np.testing.assert_array_equal(features, everything.read(tile.write))
        else:
            np.testing.assert_array_equal(features, np.broadcast_to([0.5, 0.0], features.shape))


def test_of_a_phantom_in_padding_the_phantom_is_encoded(tmp_path: Path) -> None:
    values = np.zeros((256, 512), np.uint8)
    whole = phantom((256, 256)).image
    values[:, :256] = whole.read(whole.extent)
    encoder = Recording()
    store = extracted(tmp_path / "s.zarr", open_image(values, name="padded"), encoder)
    tiles = store.manifest.tiles.touching(store.grid.extent)
    assert len(encoder.batches) == sum(tile.read.start[2] * 4 < 256 for tile in tiles) < len(tiles)
    assert encoder.flat == [0.0]


@pytest.mark.parametrize("codec", ["float16", "int8", "pca-int8"])
def test_a_store_has_the_same_bytes_however_it_was_filled(tmp_path: Path, codec: Any) -> None:
    image = mosaic()
    stores = [extracted(tmp_path / f"{n}.zarr", image, FakeEncoder(), n, codec=codec) for n in (1, 5)]
    parts = FeatureStore.create(tmp_path / "parts.zarr", stores[0].manifest)
    for tile in reversed(parts.pending()):
        extract_features(image, FakeEncoder(), FeatureStore.open(parts.path), tile.write)
    halted = FeatureStore.create(tmp_path / "halted.zarr", stores[0].manifest)
    for many in (20, 50):
        with pytest.raises(Cancelled):
            extract_features(image, FakeEncoder(), halted, batch_size=3, progress=stop_after(many))
    extract_features(image, FakeEncoder(), halted, batch_size=3)
    expected = content_of(stores[0])
    for store in (stores[1], parts, halted):
        assert content_of(store) == expected


def stop_after(many: int) -> Callable[[Progress], None]:
    def stop(progress: Progress) -> None:
        if progress.done >= many:
            raise Cancelled("enough")

    return stop


def content_of(store: FeatureStore) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in chunks(store.path)]


@pytest.mark.parametrize("tile", [64, 32])
def test_batches_are_full_of_tiles_worth_encoding(tmp_path: Path, tile: int) -> None:
    encoder = Recording(tile=tile)
    store = extracted(tmp_path / "s.zarr", mosaic(), encoder, batch_size=4)
    assert len(store.blanks.found) > 2 * 16
    assert Counter(encoder.batches[:-1]).keys() == {4}
    assert sum(encoder.batches) == len(store.manifest.tiles) - len(store.blanks.found)


def test_many_blank_tiles_can_be_left_on_the_way(tmp_path: Path) -> None:
    image, encoder = open_image(np.full((600, 600), 7, np.uint8), name="empty"), FakeEncoder()
    store = FeatureStore.create(tmp_path / "s.zarr", plan(image, encoder))
    with pytest.raises(Cancelled):
        extract_features(image, encoder, store, progress=stop_after(1))
    assert 0 < store.tiles_done < 30 < len(store.manifest.tiles)
    extract_features(image, encoder, store)
    assert not store.pending()
    assert encoder.encoded_tiles == 1


def test_more_greys_than_are_kept_are_right_as_well(tmp_path: Path) -> None:
    greys = np.arange(0, 256, 16, dtype=np.uint8)
    image, encoder = (
        open_image(np.repeat(greys, 96)[np.newaxis].repeat(48, 0), name="wedge"),
        Recording(tile=48, halo=0),
    )
    store = extracted(tmp_path / "s.zarr", image, encoder)
    expected = np.round(greys / 240 * 32) / 32
    np.testing.assert_array_equal(all_features(store)[0, 0, 6::24, 0], expected)
    assert encoder.batches == []
    assert encoder.flat == expected.tolist()


def test_switched_off_everything_is_as_before(tmp_path: Path) -> None:
    image, encoder = mosaic(), FakeEncoder()
    store = extracted(tmp_path / "s.zarr", image, encoder, skip_blank=0)
    assert encoder.encoded_tiles == len(store.manifest.tiles)
    assert not store.blanks.found
    pixels = store.manifest.intensity.normalise(image.read(image.extent))
    np.testing.assert_allclose(all_features(store), encoder.encode(pixels[np.newaxis]), atol=1e-3)
    facts = store.manifest.to_dict()
    assert "skip_blank" not in facts  # so its key is that of stores from before there was such a rule
    assert Manifest.from_dict(facts) == store.manifest


def test_another_rule_is_another_store(tmp_path: Path) -> None:
    image, encoder = mosaic(), FakeEncoder()
    manifests = [plan(image, encoder, skip_blank=contrast) for contrast in (0.0, 0.05, 0.1)]
    assert len({manifest.key for manifest in manifests}) == 3
    for manifest in manifests:
        assert Manifest.from_dict(manifest.to_dict()) == manifest
    FeatureStore.create(tmp_path / "s.zarr", manifests[0])
    with pytest.raises(StoreMismatchError, match=r"made with no skip_blank, but skip_blank 0\.05 is asked for"):
        FeatureStore.open_or_create(tmp_path / "s.zarr", manifests[1])
    FeatureStore.create(tmp_path / "other.zarr", manifests[2])
    with pytest.raises(StoreMismatchError, match=r"made with skip_blank 0\.1, but no skip_blank is asked for"):
        FeatureStore.open_or_create(tmp_path / "other.zarr", manifests[0])


@pytest.mark.parametrize("codec", ["int8", "pca-int8"])
@pytest.mark.parametrize("corner", [(180, 420), (300, 600), (600, 90)])
def test_few_bytes_are_fitted_on_tiles_that_show_something(tmp_path: Path, codec: Any, corner: tuple[int, int]) -> None:
    values = np.full((700, 700), 40, np.uint8)
    part = tuple(slice(c, c + 60) for c in corner)
    values[part] = np.random.default_rng(0).integers(0, 256, values[part].shape)
    image, encoder = open_image(values, name="far between"), FakeEncoder()
    exact = extracted(tmp_path / "exact.zarr", image, encoder)
    store = extracted(tmp_path / "s.zarr", image, encoder, codec=codec)
    patches = Region((0, corner[0] // 4, corner[1] // 4), (1, corner[0] // 4 + 15, corner[1] // 4 + 15))
    span = np.ptp(exact.read(patches), axis=(0, 1, 2))
    assert (np.abs(store.read(patches) - exact.read(patches)) <= span / 50).all()


@pytest.mark.parametrize("codec", ["int8", "pca-int8"])
def test_an_image_of_nothing_is_kept_in_few_bytes(tmp_path: Path, codec: Any) -> None:
    values = np.random.default_rng(0).normal(128, 2, (300, 300)).astype(np.uint8)
    values[0, 0], values[0, 1] = 0, 255  # single pixels, to have a range of intensities
    encoder = Recording()
    store = extracted(tmp_path / "s.zarr", open_image(values, name="nothing"), encoder, codec=codec)
    assert (encoder.batches, encoder.flat) == ([], [0.5])
    np.testing.assert_allclose(all_features(store), np.broadcast_to([0.5, 0.0], (1, 75, 75, 2)), atol=1e-6)


def test_what_is_blank_is_told_in_a_sentence(tmp_path: Path) -> None:
    image, encoder = mosaic(), FakeEncoder()
    stores = [extracted(tmp_path / f"{off}.zarr", image, encoder, skip_blank=0.1 * (not off)) for off in (True, False)]
    assert blank_notice(stores[:1]) == ""
    found, tiles = len(stores[1].blanks.found), len(stores[1].manifest.tiles)
    assert blank_notice(stores[1:]).startswith(f"{found} of {tiles} tiles were found blank and not encoded")
    assert blank_notice(stores).startswith(f"{found} of {2 * tiles} tiles")
    assert [stores[1].blanks.have_news() for _ in range(2)] == [True, False]


LABELLED = [
    ("vnc/raw/00.tif", "vnc/mitochondria/00.png"),
    ("axon/images/sub-rat1_sample-data1.png", "axon/masks/sub-rat1_sample-data1_axon.png"),
    ("chloroplast/images/00.tif", "chloroplast/instances/00.tif"),
    ("superalloy/images/spot1_0d_0.png", "superalloy/masks/spot1_0d_0.png"),
    ("flyem/medulla_250.ome.tif", "flyem/medulla_250_neurons.ome.tif"),
]


@pytest.mark.data
@pytest.mark.parametrize("scale", [0.5, 1.0])
@pytest.mark.parametrize("tile", [256, 512, 1280])
@pytest.mark.parametrize("names", LABELLED, ids=lambda names: names[0].split("/")[0])
def test_where_somebody_saw_an_object_no_tile_is_blank(
    data_dir: Path, names: tuple[str, str], tile: int, scale: float
) -> None:
    image, truth = (spatial(open_image(data_dir / name)) for name in names)
    encoder = FakeEncoder(stride=8, tile=tile, halo=0)
    manifest = plan_features(image, encoder.spec, TilingSettings(scale=scale), IntensitySettings())
    objects = 0
    for part in manifest.tiles.touching(manifest.grid.extent.intersect(Region((0, 0, 0), (1, 999, 999)))):
        seen = manifest.grid.voxels_of(part.write)
        labels = truth.read(seen if "z" in truth.axis_names else Region(seen.start[1:], seen.stop[1:]))
        if labels.any():
            objects += 1
            assert not is_blank(read_tile(image, manifest, part), DEFAULT)
    assert objects


@pytest.mark.data
def test_vacuoles_of_a_leaf_are_blank(data_dir: Path) -> None:
    image = spatial(open_image(data_dir / "chloroplast/images/00.tif"))
    manifest = plan_features(image, FakeEncoder(tile=256, halo=0).spec, TilingSettings(), IntensitySettings())
    tiles = manifest.tiles.touching(manifest.grid.extent)
    blank = [tile for tile in tiles if is_blank(read_tile(image, manifest, tile), DEFAULT)]
    assert 0.02 < len(blank) / len(tiles) < 0.2
