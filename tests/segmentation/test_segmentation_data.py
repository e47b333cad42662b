"""Objects of real masks: the same in tiles of every size, and with one id through sections that are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from skimage.measure import label

from dinoscope.features import plan_features
from dinoscope.geometry import Region
from dinoscope.image import open_image, spatial
from dinoscope.segmentation import ObjectRules, object_rules
from dinoscope.settings import IntensitySettings, SegmentationSettings, TilingSettings
from dinoscope.testing import FakeEncoder
from tests.segmentation.objects import objects_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def mitochondria(data_dir: Path) -> NDArray[np.uint8]:
    """Ten sections, of which 1 and 7 have no mask."""
    image = open_image(data_dir / "vnc" / "mitochondria")
    mask = (image.read(image.extent) > 0).astype(np.uint8)
    assert np.flatnonzero(~mask.any(axis=(1, 2))).tolist() == [1, 7]
    return mask


def rules_of(path: Path, bridge: int = 0) -> ObjectRules:
    """The rules for an image, all others by default."""
    image = spatial(open_image(path))
    facts = plan_features(image, FakeEncoder().spec, TilingSettings(), IntensitySettings()).image
    return object_rules(facts, SegmentationSettings(bridge=bridge))


def test_sections_are_linked_and_volumes_are_solid(data_dir: Path) -> None:
    assert rules_of(data_dir / "vnc" / "stack2.ome.tif").linked
    assert rules_of(data_dir / "vnc" / "raw").linked
    assert not rules_of(data_dir / "flyem" / "medulla_250.ome.tif").flat


def test_mitochondria_keep_their_id_where_a_mask_is_missing(mitochondria: NDArray[np.uint8], data_dir: Path) -> None:
    rules = rules_of(data_dir / "vnc" / "raw", bridge=1)
    whole, expected = objects_of(mitochondria, rules)
    found, labels = objects_of(mitochondria, rules, (1, 400, 333))
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(labels > 0, mitochondria > 0)
    assert found.count == whole.count
    for lower, upper in [(0, 2), (6, 8)]:
        pairs, common = np.unique(np.stack([labels[lower].ravel(), labels[upper].ravel()]), axis=1, return_counts=True)
        for (a, b), n in zip(pairs.T.tolist(), common.tolist(), strict=True):
            sizes = (labels[lower] == a).sum(), (labels[upper] == b).sum()
            if a and b and n > 0.6 * (sum(sizes) - n):  # an IoU that no other pair of either can have
                assert a == b


def test_neurons_are_the_same_in_tiles_of_every_size(data_dir: Path) -> None:
    neurons = tifffile.imread(data_dir / "flyem" / "medulla_250_neurons.ome.tif")
    classes = np.where(neurons > 0, 1 + neurons % 250, 0).astype(np.uint8)
    expected, count = label(classes, return_num=True, connectivity=1)
    for block in [(250, 250, 250), (64, 100, 130)]:
        found, labels = objects_of(classes, ObjectRules(), block)
        assert found.count == count
        np.testing.assert_array_equal(labels, expected)  # both count in the order of the first voxels


def test_split_neurons_are_the_same_in_tiles_of_every_size(data_dir: Path) -> None:
    image = open_image(data_dir / "flyem" / "medulla_250_neurons.ome.tif")
    neurons = image.read(Region((0, 0, 0), (70, 90, 90)))
    classes = np.where(neurons > 0, 1 + neurons % 3, 0).astype(np.uint8)
    rules = ObjectRules(split=0.8, reach=16)
    expected = objects_of(classes, rules)[1]
    np.testing.assert_array_equal(objects_of(classes, rules, (32, 50, 41))[1], expected)
