"""What is found in a box, on objects that were planted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dinoscope.errors import PromptError
from dinoscope.features import FeatureStore, extract_features, plan_features
from dinoscope.image import open_image
from dinoscope.prompts import BoxPrompt
from dinoscope.reference import build_reference, object_in_box
from dinoscope.settings import IntensitySettings, ReferenceSettings, TilingSettings
from dinoscope.testing import FakeEncoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    MakeStore = Callable[[NDArray[np.float32]], FeatureStore]

SETTINGS = ReferenceSettings(crop=128)
SIDE = 160
BRIGHT = 0.8


@pytest.fixture
def make_store(tmp_path: Path) -> MakeStore:
    def make(pixels: NDArray[np.float32]) -> FeatureStore:
        image = open_image(pixels, name="i")
        manifest = plan_features(image, FakeEncoder().spec, TilingSettings(), IntensitySettings())
        store = FeatureStore.create(tmp_path / "s.zarr", manifest)
        extract_features(image, FakeEncoder(), store)
        return store

    return make


def scene(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Bright objects on a noisy dark ground."""
    noise = np.random.default_rng(0).random(inside.shape, dtype=np.float32) * 0.1
    return (noise + 0.1 + np.where(inside, BRIGHT, 0)).astype(np.float32)


def disc(y: float, x: float, radius: float) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[:SIDE, :SIDE]
    return np.asarray((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


def on_image(store: FeatureStore, box: BoxPrompt) -> NDArray[np.bool_]:
    found = object_in_box(store, box)
    (y, x), (height, width) = found.origin, found.mask.shape
    whole = np.zeros(store.grid.voxels[1:], bool)
    whole[y : y + height, x : x + width] = found.mask
    return whole


@pytest.mark.parametrize("slack", [0, 6, 14])
@pytest.mark.parametrize("radius", [12, 24])
def test_a_disc_is_found_in_its_box(make_store: MakeStore, radius: int, slack: int) -> None:
    planted = disc(80, 90, radius)
    store = make_store(scene(planted))
    low, high = (80 - radius - slack, 90 - radius - slack), (80 + radius + slack, 90 + radius + slack)
    box = BoxPrompt(0, low, high, "disc")
    found = on_image(store, box)
    assert not found[~disc(80, 90, radius + 4)].any()  # as exact as a patch of 4
    assert found[disc(80, 90, radius - 5)].all()
    assert object_in_box(store, box).class_name == "disc"


def test_nothing_outside_of_the_box_is_found(make_store: MakeStore) -> None:
    store = make_store(scene(disc(80, 80, 40)))
    found = on_image(store, BoxPrompt(0, (70, 71), (90, 92)))
    rows, columns = np.nonzero(found)
    assert 70 <= rows.min() <= rows.max() <= 90
    assert 71 <= columns.min() <= columns.max() <= 92


def test_of_two_objects_the_one_in_the_middle_is_found(make_store: MakeStore) -> None:
    store = make_store(scene(disc(80, 80, 16) | disc(56, 56, 6)))
    found = on_image(store, BoxPrompt(0, (48, 48), (112, 112)))
    assert found[80, 80]
    assert not found[56, 56]


def test_the_example_is_the_object_and_not_its_box(make_store: MakeStore) -> None:
    planted = disc(80, 80, 14)
    store = make_store(scene(planted))
    low, high = (60, 60), (100, 100)
    box, against = (BoxPrompt(0, low, high, positive=sign) for sign in (True, False))
    reference = build_reference(store, [box, against], SETTINGS)
    features = store.read(store.grid.extent)[0]
    inside, whole = features[20, 20], features[15:25, 15:25].mean(axis=(0, 1))
    of_box, of_counter, of_whole = (abs(v - inside)[0] for v in (*reference.vectors, whole))
    assert of_box < of_counter / 2  # a counter-example is all that is in the box
    assert of_box < of_whole / 3
    assert reference.windows[0].centre in {(0, row, column) for row in (19, 20) for column in (19, 20)}


def test_where_all_is_alike_the_whole_box_is_the_object(make_store: MakeStore) -> None:
    store = make_store(np.ones((64, 64), np.float32))
    found = on_image(store, BoxPrompt(0, (16, 16), (47, 47)))
    assert found.sum() == 32 * 32


@pytest.mark.parametrize("high", [(159, 159), (3, 3), (2, 150)])
def test_boxes_at_the_border_and_of_every_size_are_examples(make_store: MakeStore, high: tuple[int, int]) -> None:
    store = make_store(scene(disc(10, 10, 30)))
    box = BoxPrompt(0, (-0.4, -0.4), high)
    assert object_in_box(store, box).mask.any()
    assert np.isfinite(build_reference(store, [box], SETTINGS).vectors).all()


def test_a_box_between_voxels_is_refused(make_store: MakeStore) -> None:
    store = make_store(scene(disc(10, 10, 5)))
    with pytest.raises(PromptError, match="covers no voxel"):
        object_in_box(store, BoxPrompt(0, (5.2, 5.2), (5.6, 9)))
