"""Whether two images look alike to an encoder: planted features, and real images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.encoders import create_encoder
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import open_image
from dinoscope.prompts import PointPrompt
from dinoscope.reference import build_reference, pool_references
from dinoscope.settings import ImageSettings, IntensitySettings, ReferenceSettings, SimilaritySettings, TilingSettings
from dinoscope.similarity import DomainMismatchWarning, compare, domain_mismatch, domain_shift
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dinoscope.encoders import Encoder
    from dinoscope.image import Image
    from dinoscope.reference import Reference

SIDE = 256
METHOD = SimilaritySettings(method="prototype")


def store_of(folder: Path, image: Image, encoder: Encoder, name: str) -> FeatureStore:
    manifest = plan_features(image, encoder.spec, TilingSettings(scale=1.0), IntensitySettings(black=0, white=100))
    store = FeatureStore.create(folder / f"{name}.zarr", manifest)
    extract_features(image, encoder, store)
    return store


def noise(seed: int, dark: float = 0.0, side: int = SIDE) -> NDArray[np.uint8]:
    """Noise between black and white corners, of which a share is darker."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(100, 180, (side, side)) * (1 - dark)
    pixels[0, 0], pixels[-1, -1] = 0, 255
    return pixels.astype(np.uint8)


def made(folder: Path, name: str, pixels: NDArray[np.uint8]) -> tuple[FeatureStore, Reference]:
    store = store_of(folder, open_image(pixels, name=name), FakeEncoder(), name)
    return store, build_reference(store, [PointPrompt((0, 60, 60))], ReferenceSettings())


def test_the_shift_is_in_standard_deviations() -> None:
    rng = np.random.default_rng(0)
    usual = rng.normal([0, 10, -5], [1, 5, 0.1], (50_000, 3)).astype(np.float32)
    features = rng.normal([1, 15, -5], [3, 2, 0.1], (50_000, 3)).astype(np.float32)
    assert domain_shift(usual, features) == pytest.approx(np.sqrt(2 / 3), abs=0.02)
    assert domain_shift(usual, usual) == 0


def test_only_another_kind_of_image_is_told(tmp_path: Path) -> None:
    _, reference = made(tmp_path, "one", noise(0))
    alike, _ = made(tmp_path, "two", noise(1))
    darker, _ = made(tmp_path, "three", noise(2, dark=0.5))
    assert domain_mismatch(reference, alike) is None
    told = domain_mismatch(reference, darker)
    assert told is not None
    assert "'three' looks unlike" in told
    with pytest.warns(DomainMismatchWarning, match="give an example on this image"):
        compare(darker, reference, METHOD)
    compare(alike, reference, METHOD)  # warnings are errors


def test_one_example_of_the_image_or_of_its_kind_is_enough(tmp_path: Path) -> None:
    _, light = made(tmp_path, "light", noise(0))
    dark, own = made(tmp_path, "dark", noise(1, dark=0.5))
    _, kin = made(tmp_path, "kin", noise(2, dark=0.5))
    assert domain_mismatch(light, dark)
    assert domain_mismatch(pool_references([light, own]), dark) is None
    assert domain_mismatch(pool_references([light, kin]), dark) is None


def test_an_image_too_small_to_judge_is_not_judged(tmp_path: Path) -> None:
    _, reference = made(tmp_path, "one", noise(0))
    small, its = made(tmp_path, "two", noise(2, dark=0.5, side=64))
    large, _ = made(tmp_path, "three", noise(3))
    assert domain_mismatch(reference, small) is None
    assert domain_mismatch(its, large) is None


def test_features_that_are_missing_are_not_needed(tmp_path: Path) -> None:
    _, reference = made(tmp_path, "one", noise(0))
    image, encoder = open_image(noise(2, dark=0.5), name="two"), FakeEncoder()
    manifest = plan_features(image, encoder.spec, TilingSettings(scale=1.0), IntensitySettings(black=0, white=100))
    store = FeatureStore.create(tmp_path / "empty.zarr", manifest)
    assert domain_mismatch(reference, store) is None
    tiles = list(store.manifest.tiles)
    for tile in tiles[: 3 * len(tiles) // 4]:
        extract_features(image, encoder, store, tile.write)
    assert store.pending()
    assert domain_mismatch(reference, store)


@pytest.mark.data
def test_real_images_of_one_volume_agree_and_others_do_not(data_dir: Path, tmp_path: Path) -> None:
    encoder = create_encoder("nano", "cpu")

    def section(name: str, source: str, z: int, nm: float | None = None) -> FeatureStore:
        settings = ImageSettings(sections=f"{z}:{z + 1}", image_pixel_size=nm)
        return store_of(tmp_path, open_image(data_dir / source, settings), encoder, name)

    first = section("first", "vnc/raw", 0, 4.6)
    reference = build_reference(first, [PointPrompt((0, 500, 400))], ReferenceSettings())
    assert domain_mismatch(reference, section("next", "vnc/raw", 9, 4.6)) is None
    assert domain_mismatch(reference, section("apart", "vnc/stack2.ome.tif", 10)) is None
    assert domain_mismatch(reference, section("fly", "flyem/medulla_raw_520_every4.ome.tif", 60))
    pixels = np.asarray(open_image(data_dir / "vnc" / "raw", ImageSettings(sections="0:1")).data[0])
    negative = store_of(tmp_path, open_image(255 - pixels, name="negative"), encoder, "negative")
    assert domain_mismatch(reference, negative)
