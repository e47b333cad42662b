from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from dinoscope.errors import RegionError, SettingsError
from dinoscope.geometry import Region
from dinoscope.samples import Look, draw_look, phantom
from dinoscope.samples._noise import hash_places, smooth_noise, uniform, white_noise

SHAPE = (700, 900)
FLAT = phantom(SHAPE, seed=3)
FLAT_IMAGE, FLAT_IDS, FLAT_CLASSES = (i.read(i.extent) for i in (FLAT.image, FLAT.instances, FLAT.classes))
STACK = phantom((24, 150, 160), seed=3, pixel_size_nm=16.0, section_nm=20.0)
STACK_IDS = STACK.instances.read(STACK.instances.extent)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_read_agrees_with_every_other(data: st.DataObject) -> None:
    fresh = phantom(SHAPE, seed=3)
    y0, x0 = data.draw(st.integers(0, 699)), data.draw(st.integers(0, 899))
    region = Region((y0, x0), (data.draw(st.integers(y0, 700)), data.draw(st.integers(x0, 900))))
    np.testing.assert_array_equal(fresh.instances.read(region), FLAT_IDS[region.slices])
    np.testing.assert_array_equal(fresh.classes.read(region), FLAT_CLASSES[region.slices])
    if region.size < 20000:
        np.testing.assert_array_equal(fresh.image.read(region), FLAT_IMAGE[region.slices])


def test_reads_of_a_stack_agree_across_its_axes() -> None:
    column = STACK.instances.read(Region((0, 70, 60), (24, 90, 61)))
    np.testing.assert_array_equal(column, STACK_IDS[:, 70:90, 60:61])
    grey = STACK.image.read(Region((4, 0, 0), (6, 150, 160)))
    np.testing.assert_array_equal(STACK.image.read(Region((5, 30, 20), (6, 50, 90))), grey[1:, 30:50, 20:90])


def test_a_smaller_phantom_shows_the_same_tissue() -> None:
    small = phantom((256, 300), seed=3)
    np.testing.assert_array_equal(small.image.read(small.image.extent), FLAT_IMAGE[:256, :300])


def test_indices_of_numpy_work() -> None:
    data = FLAT.instances.data
    indices: list[Any] = [(5, slice(None)), (..., 7), (slice(10, 300, 7), slice(400, 3, -5)), 6, (slice(4, 4), ...)]
    for index in indices:
        np.testing.assert_array_equal(data[index], FLAT_IDS[index])


def test_seeds_make_other_tissue() -> None:
    other = phantom((256, 256), seed=4)
    assert (other.instances.read(other.image.extent) != FLAT_IDS[:256, :256]).any()


def test_opening_a_huge_one_costs_nothing_and_any_corner_can_be_read() -> None:
    huge = phantom((200_000, 400_000), seed=1)
    corner = Region((199_900, 399_900), (200_000, 400_000))
    assert huge.image.read(corner).std() > 5
    centres = huge.objects(Region((199_000, 399_000), (200_000, 400_000))).centres
    assert (centres > [198_999, 398_999]).all()


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (1, 2, 3)])
def test_tiny_ones_can_be_read(shape: tuple[int, ...]) -> None:
    tiny = phantom(shape)
    assert tiny.image.read(tiny.image.extent).shape == shape
    assert tiny.classes.read(tiny.image.extent).dtype == np.uint8


def test_objects_have_the_size_and_place_that_the_labels_show() -> None:
    truth = FLAT.objects(Region.of_shape(SHAPE))
    inside = ((truth.centres > 70) & (truth.centres < np.array(SHAPE) - 70)).all(axis=1)
    assert inside.sum() > 100
    ids = truth.ids[inside].astype(np.int64)
    areas = ndimage.sum_labels(np.ones(SHAPE), FLAT_IDS.astype(np.int64), ids) * 64.0  # nm² at 8 nm
    mitochondria = truth.classes[inside] == 1
    np.testing.assert_allclose(areas[mitochondria], truth.sizes[inside][mitochondria], rtol=0.03)
    np.testing.assert_allclose(areas[~mitochondria].sum(), truth.sizes[inside][~mitochondria].sum(), rtol=0.02)
    centres = np.array(ndimage.center_of_mass(np.ones(SHAPE), FLAT_IDS.astype(np.int64), ids))
    np.testing.assert_allclose(centres, truth.centres[inside], atol=0.4)


def test_volumes_of_a_stack_are_exact_too() -> None:
    stack = phantom((60, 200, 200), seed=5, pixel_size_nm=16.0, section_nm=24.0)
    ids = stack.instances.read(stack.instances.extent).astype(np.int64)
    truth = stack.objects(Region.of_shape(ids.shape))
    reach = truth.diameters_nm[:, None] / np.array([24.0, 16.0, 16.0])
    inside = ((truth.centres > reach) & (truth.centres < np.array(ids.shape) - reach)).all(axis=1)
    whole = inside & (truth.classes == 1)
    assert whole.sum() >= 3
    volumes = ndimage.sum_labels(np.ones(ids.shape), ids, truth.ids[whole].astype(np.int64)) * 24 * 16 * 16
    np.testing.assert_allclose(volumes, truth.sizes[whole], rtol=0.03)


def test_instances_are_connected_and_never_touch() -> None:
    stack_mitochondria = STACK_IDS * (STACK.classes.read(STACK.classes.extent) == 1)
    for ids in (FLAT_IDS, stack_mitochondria):  # vesicles are too small for the pixels of the stack
        full = np.ones((3,) * ids.ndim)
        components, count = ndimage.label(ids > 0, full)
        pairs = {(int(c), int(i)) for c, i in zip(components[ids > 0], ids[ids > 0], strict=True)}
        assert len(pairs) == count


def test_classes_are_those_of_the_objects() -> None:
    truth = FLAT.objects(Region.of_shape(SHAPE))
    for number, kind in zip(truth.ids[:50], truth.classes[:50], strict=True):
        assert set(FLAT_CLASSES[FLAT_IDS == number]) <= {kind}
    np.testing.assert_array_equal(FLAT_CLASSES > 0, FLAT_IDS > 0)
    assert set(np.unique(FLAT_CLASSES)) == {0, 1, 2}
    assert 0.03 < (FLAT_CLASSES == 1).mean() < 0.2


def test_mitochondria_are_darker_than_what_surrounds_them() -> None:
    assert FLAT_IMAGE[FLAT_CLASSES == 1].mean() < FLAT_IMAGE[FLAT_CLASSES == 0].mean() - 20
    assert ((FLAT_IMAGE == 0) | (FLAT_IMAGE == 255)).mean() < 0.01


def test_images_know_their_scale_and_have_names_of_their_own() -> None:
    assert FLAT.image.pixel_size_nm == 8.0
    assert [axis.scale for axis in STACK.image.axes] == [20.0, 16.0, 16.0]
    assert len({FLAT.image.uri, FLAT.instances.uri, FLAT.classes.uri, STACK.image.uri}) == 4


def test_a_phantom_travels_to_other_processes() -> None:
    data = pickle.loads(pickle.dumps(FLAT.instances.data))
    np.testing.assert_array_equal(data[100:120, 200:230], FLAT_IDS[100:120, 200:230])


@pytest.mark.parametrize("shape", [(5,), (0, 4), (1, 2, 3, 4)])
def test_shapes_that_make_no_sense_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match="expected"):
        phantom(shape)
    with pytest.raises(SettingsError, match="positive sizes"):
        phantom((4, 4), pixel_size_nm=0)
    with pytest.raises(RegionError, match="2 axes"):
        FLAT.objects(Region((0,), (1,)))


def test_random_numbers_have_the_moments_they_claim() -> None:
    y, x = np.arange(400)[:, None], np.arange(-200, 200)[None]
    flat, white = uniform(7, y, x), white_noise(7, y, x)
    assert (flat.mean(), flat.var()) == pytest.approx((0.5, 1 / 12), rel=0.02)
    assert (white.mean(), white.var()) == pytest.approx((0, 1), abs=0.02)
    assert abs(np.corrcoef(white[:, :-1].ravel(), white[:, 1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(flat.ravel(), uniform(8, y, x).ravel())[0, 1]) < 0.01
    line = np.linspace(0, 900, 300)
    smooth = smooth_noise(7, 20.0, (line, line))
    assert (smooth.mean(), smooth.var()) == pytest.approx((0, 1), abs=0.15)


def test_random_numbers_are_those_of_splitmix64() -> None:
    # First outputs of the published generator for seed 1234567.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert hash_places(1234567, np.arange(3)).tolist() == expected


def test_the_usual_look_is_the_look_of_today() -> None:
    plain = phantom((64, 80), seed=3, look=Look())
    np.testing.assert_array_equal(plain.image.read(plain.image.extent), FLAT_IMAGE[:64, :80])
    assert plain.image.uri == phantom((64, 80), seed=3).image.uri


def test_a_look_changes_the_greys_and_the_name() -> None:
    assert draw_look(1) == draw_look(1) != draw_look(2)
    drawn = phantom(SHAPE, seed=3, look=draw_look(1))
    assert drawn.image.uri not in {FLAT.image.uri, phantom(SHAPE, seed=3, look=draw_look(2)).image.uri}
    assert (drawn.image.read(Region((0, 0), (64, 64))) != FLAT_IMAGE[:64, :64]).mean() > 0.9


def test_decoys_are_seen_and_are_in_no_class() -> None:
    """Of the same tissue, decoys take the places of some mitochondria: those keep a body, but lose their number."""
    with_decoys = phantom(SHAPE, seed=3, look=Look(decoys=0.5))
    ids, classes = (i.read(i.extent) for i in (with_decoys.instances, with_decoys.classes))
    gone = (FLAT_IDS > 0) & (ids == 0)
    assert gone.any()
    assert (FLAT_CLASSES[gone] == 1).all()
    assert (classes[ids > 0] == FLAT_CLASSES[ids > 0]).all()
    kept = set(with_decoys.objects(Region.of_shape(SHAPE)).ids.tolist())
    assert kept == set(FLAT.objects(Region.of_shape(SHAPE)).ids.tolist()) - set(np.unique(FLAT_IDS[gone]).tolist())
    changed = with_decoys.image.read(with_decoys.image.extent) != FLAT_IMAGE
    assert changed[gone].mean() > 0.5
    assert changed[~gone & (FLAT_IDS > 0)].mean() < 0.05


def test_some_cells_can_be_dark() -> None:
    dark = phantom(SHAPE, seed=3, look=Look(dark_cells=0.3, dark_cytoplasm=100.0))
    darker = FLAT_IMAGE.astype(int) - dark.image.read(dark.image.extent).astype(int)
    assert 0.1 < (darker > 30).mean() < 0.5
    assert (darker >= -1).all()
