"""Outlines drawn anew: by a segmenter that knows the truth, of prompts that hold a part of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from dinoscope.errors import Cancelled, SettingsError
from dinoscope.features import ImageFacts, IntensityRange
from dinoscope.geometry import Region
from dinoscope.image import open_image
from dinoscope.jobs import Progress, ignore_progress
from dinoscope.segmentation import Evidence, FineMap, Picture, Prior, segment
from dinoscope.segmentation._claims import Claims
from dinoscope.segmentation._outlining import agreed, deepest, outline_objects, window_around
from dinoscope.segmentation._parts import find_parts
from dinoscope.settings import ImageSettings, SegmentationSettings
from dinoscope.similarity import SimilarityMap
from dinoscope.tiling import PatchGrid
from tests.segmentation.segmenters import Draws, Flood

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

UNIT = IntensityRange(0.0, 1.0)


def discs() -> NDArray[np.uint32]:
    """Objects 1 to 5 of different sizes, one of them in both sections, one at the border and two that touch."""
    y, x = np.indices((300, 260))
    labels = np.zeros((2, 300, 260), np.uint32)
    planted = [(0, 60, 70, 30), (0, 200, 0, 25), (1, 120, 100, 20), (1, 160, 100, 20)]
    for number, (z, cy, cx, radius) in enumerate(planted, 1):
        labels[z][np.hypot(y - cy, x - cx) <= radius] = number
    for z, cx in ((0, 200), (1, 206)):
        labels[z][np.hypot(y - 220, x - cx) <= 40] = 5
    return labels


def eroded(labels: NDArray[np.uint32], by: int) -> NDArray[np.uint32]:
    """The same objects without their rims."""
    kept = np.zeros_like(labels)
    for section, out in zip(labels, kept, strict=True):
        for number in np.unique(section[section > 0]):
            out[ndimage.binary_erosion(section == number, iterations=by)] = number
    return kept


def picture_of(labels: NDArray[np.uint32]) -> Picture:
    """An image in which every object has a grey of its own."""
    return Picture(open_image((labels / 8.0).astype(np.float32), name="discs"), UNIT)


def outlined(
    found: NDArray[np.uint32], picture: Picture, segmenter: Any, block: tuple[int, int] = (2048, 2048)
) -> NDArray[np.uint32]:
    """The ids after drawing, where the numbers in the scratch array are not the ids themselves."""
    count = int(found.max()) + 1
    scratch = np.where(found > 0, 2 * found, 0).astype(np.uint32)  # every object has a number that none has
    object_of = np.zeros(2 * count, np.uint32)
    object_of[::2] = np.arange(count)
    return outline_objects(object_of, scratch, picture, segmenter, ignore_progress, block)[scratch]


@pytest.mark.parametrize("by", [1, 4])
def test_eroded_objects_are_made_whole(by: int) -> None:
    truth = discs()
    found = eroded(truth, by)
    assert (found != truth).sum() > 100
    np.testing.assert_array_equal(outlined(found, picture_of(truth), Flood()), truth)


@settings(max_examples=12)
@given(st.tuples(st.integers(31, 310), st.integers(31, 270)), st.integers(1, 9))
def test_neither_blocks_nor_company_change_an_outline(block: tuple[int, int], at_once: int) -> None:
    truth = discs()
    found = outlined(eroded(truth, 3), picture_of(truth), Flood(at_once), block)
    np.testing.assert_array_equal(found, truth)


def test_a_segmenter_is_shown_the_voxels_around_each_part() -> None:
    truth = discs()
    found, flood = eroded(truth, 3), Flood()
    outlined(found, picture_of(truth), flood)
    assert len(flood.shown) == 6  # one object is in two sections
    first = flood.shown[0]
    rows, columns = ndimage.find_objects((found[0] == 1).astype(int))[0]
    side = first.pixels.shape[0]
    top, left = rows.start - first.box.start[0], columns.start - first.box.start[1]
    np.testing.assert_array_equal(
        first.pixels, (truth[0] / 8.0).astype(np.float32)[top : top + side, left : left + side]
    )
    assert first.box.shape == (rows.stop - rows.start, columns.stop - columns.start)
    assert (top + first.point[0], left + first.point[1]) == (60, 70)  # the middle of the disc is deepest


def test_colours_are_shown_as_such() -> None:
    truth = discs()[:1]
    grey = (truth[0] / 8.0).astype(np.float32)
    picture = Picture(open_image(np.stack([grey, 0 * grey, grey], axis=-1), ImageSettings(axes="yxs")), UNIT)
    flood = Flood()
    np.testing.assert_array_equal(outlined(eroded(truth, 3), picture, flood), truth)
    assert {crop.pixels.shape[2:] for crop in flood.shown} == {(3,)}


@pytest.mark.parametrize(
    "draw",
    [
        lambda crop: np.ones(crop.pixels.shape, bool),
        lambda crop: np.zeros(crop.pixels.shape, bool),
        lambda crop: np.roll(flooded(crop), 25, axis=1),
    ],
    ids=["all", "nothing", "elsewhere"],
)
def test_what_does_not_agree_changes_nothing(draw: Callable[[Any], NDArray[np.bool_]]) -> None:
    found = eroded(discs(), 2)
    np.testing.assert_array_equal(outlined(found, picture_of(discs()), Draws(draw)), found)


def flooded(crop: Any) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = Flood().outline([crop])[0]
    return mask


def test_specks_are_no_part_of_an_object() -> None:
    def with_specks(crop: Any) -> NDArray[np.bool_]:
        mask = flooded(crop)
        away = ~ndimage.binary_dilation(mask, iterations=3)
        mask[::9, ::9] |= away[::9, ::9]
        return mask

    truth = discs()
    np.testing.assert_array_equal(outlined(eroded(truth, 2), picture_of(truth), Draws(with_specks)), truth)


def test_neighbours_keep_what_they_had_and_share_the_rest_by_agreement() -> None:
    found = np.zeros((1, 60, 200), np.uint32)
    found[0, 20:40, 20:60], found[0, 20:40, 70:120] = 1, 2
    first, second = np.zeros(found.shape[1:], bool), np.zeros(found.shape[1:], bool)
    first[20:40, 20:75] = True  # IoU 40 / 55, into what the other had
    second[20:40, 50:120] = True  # IoU 50 / 70

    def draw(crop: Any) -> NDArray[np.bool_]:
        mask, start = (first, 20) if crop.box.shape[1] == 40 else (second, 70)
        left = start - crop.box.start[1]
        return mask[:, left : left + crop.pixels.shape[1]]

    picture = Picture(open_image(np.zeros(found.shape, np.float32)), UNIT)
    expected = found.copy()
    expected[0, 20:40, 60:70] = 1  # both want it and neither had it: 40 / 55 > 50 / 70
    np.testing.assert_array_equal(outlined(found, picture, Draws(draw)), expected)


def test_the_long_and_the_tiny_keep_their_outline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dinoscope.segmentation._outlining._LONGEST", 70)
    truth = discs()
    found = eroded(truth, 3)
    found[0, 10:12, 10:12] = 6  # 4 voxels
    expected = truth.copy()
    expected[found == 5] = 5
    expected[(truth == 5) & (found == 0)] = 0  # 75 voxels long
    expected[found == 6] = 6
    picture = picture_of(np.where(found == 6, 6, truth).astype(np.uint32))
    np.testing.assert_array_equal(outlined(found, picture, Flood()), expected)


def test_progress_counts_parts_and_can_stop_the_work() -> None:
    truth = discs()
    scratch, object_of = eroded(truth, 2), np.arange(6, dtype=np.uint32)
    seen: list[Progress] = []
    outline_objects(object_of, scratch.copy(), picture_of(truth), Flood(4), seen.append, (300, 130))
    assert [(step.stage, step.done, step.total) for step in seen] == [
        *(("parts", done, 4) for done in range(1, 5)), ("sam2", 4, 6), ("sam2", 6, 6)
    ]  # fmt: skip

    def stop(step: Progress) -> None:
        if step.stage == "sam2":
            raise Cancelled("enough")

    flood = Flood()
    with pytest.raises(Cancelled):
        outline_objects(object_of, scratch.copy(), picture_of(truth), flood, stop)
    assert len(flood.shown) == 1


def test_without_objects_there_is_nothing_to_draw() -> None:
    none = np.zeros((1, 40, 40), np.uint32)
    np.testing.assert_array_equal(outlined(none, picture_of(none), Flood()), none)


@given(st.integers(0, 10**6), st.tuples(st.integers(1, 13), st.integers(1, 13)))
def test_parts_are_what_hangs_together_in_a_section(seed: int, block: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    ids = (rng.integers(1, 4, (2, 11, 12)) * (rng.random((2, 11, 12)) < 0.7)).astype(np.uint32)
    parts = find_parts(lambda region: ids[region.slices], ids.shape, block, ignore_progress)
    expected = []
    for z, number in itertools.product(range(2), range(1, 4)):
        pieces, count = ndimage.label(ids[z] == number)
        for piece in range(1, count + 1):
            inside = np.argwhere(pieces == piece)
            place = z * 132 + int(np.ravel_multi_index(tuple(inside[0]), (11, 12)))
            expected.append((place, number, len(inside), *inside.min(axis=0), *(inside.max(axis=0) + 1)))
    found = zip(parts.places, parts.objects, parts.voxels, *parts.starts.T, *parts.stops.T, strict=True)
    assert [tuple(map(int, row)) for row in found] == sorted(tuple(map(int, row)) for row in expected)


@given(st.randoms(use_true_random=False), st.integers(0, 10**6))
def test_claims_in_any_order_give_what_the_rule_says(shuffle: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    object_of = np.array([0, 2, 1, 3, 0, 2], np.uint32)
    start = rng.integers(0, len(object_of), 40).astype(np.uint32)
    asked = [(int(rng.integers(1, 5)), float(rng.integers(1, 4) / 4), rng.random(40) < 0.5) for _ in range(7)]
    shuffle.shuffle(asked)
    numbers, claims = start.copy(), Claims(object_of)
    for claimant, agreement, mask in asked:
        claims.claim(numbers, mask, claimant, agreement)
    for voxel, before in enumerate(object_of[start].tolist()):
        wanting = [(who == before, how, -who) for who, how, mask in asked if mask[voxel]]
        assert claims.object_of[numbers[voxel]] == (-max(wanting)[2] if wanting else 0)
    np.testing.assert_array_equal(claims.before(numbers), object_of[start])


@given(st.data())
def test_a_window_holds_its_box_and_lies_in_the_section(data: st.DataObject) -> None:
    extent = data.draw(st.tuples(st.integers(1, 900), st.integers(1, 900)))
    start = tuple(data.draw(st.integers(0, size - 1)) for size in extent)
    stop = tuple(data.draw(st.integers(a + 1, size)) for a, size in zip(start, extent, strict=True))
    box = Region(start, stop)
    window = window_around(box, extent)
    assert Region.of_shape(extent).contains(window)
    assert window.contains(box)
    side = max(128, 2 * max(box.shape))
    assert window.shape == tuple(min(side, size) for size in extent)


def test_the_deepest_pixel_is_far_from_the_rim_of_the_crop_too() -> None:
    mask = np.zeros((9, 30), bool)
    mask[2:7, 0:21] = True
    y, x = deepest(mask)
    assert y == 4
    assert 2 <= x <= 18


def test_agreement_is_intersection_over_union() -> None:
    part, drawn = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    part[2:6, 2:6], drawn[2:6, 3:7] = True, True
    mask, agreement = agreed(drawn, part)
    assert agreement == pytest.approx(12 / 20)
    np.testing.assert_array_equal(mask, drawn)


FACTS = ImageFacts("i", "array:i", "yx", (1, 256, 256), (1.0, 5.0, 5.0), ("pixel", "nm", "nm"), "digest")


def coarse(stride: int = 16) -> tuple[NDArray[np.uint32], FineMap, Flood]:
    """Two discs on a plain, what a coarse map says of them, and one who knows better."""
    truth = np.zeros((1, 256, 256), np.uint32)
    y, x = np.indices((256, 256))
    truth[0][np.hypot(y - 70, x - 80) <= 41] = 1
    truth[0][np.hypot(y - 180, x - 170) <= 33] = 2
    grid = PatchGrid((1, 256, 256), stride)
    inside = (truth[0] > 0).reshape(256 // stride, stride, 256 // stride, stride).mean(axis=(1, 3))
    similarity = SimilarityMap(
        ("disc",), inside[np.newaxis, np.newaxis].astype(np.float32), grid, np.ones(1, np.float32)
    )
    picture = Picture(open_image((truth[0] * 0.01 + 0.4).astype(np.float32)), UNIT)  # too alike to be told apart
    flood = Flood()
    return truth[0], FineMap(similarity, Evidence(Prior.of(similarity), picture), flood), flood


def test_objects_of_a_map_get_the_outline_that_is_drawn() -> None:
    truth, fine, flood = coarse()
    before = segment(fine, FACTS, SegmentationSettings(threshold=0.5))
    assert not flood.shown
    assert ((before.instances[:, :] > 0) != (truth > 0)).sum() > 200
    found = segment(fine, FACTS, SegmentationSettings(threshold=0.5, refine="sam2"))
    np.testing.assert_array_equal(found.instances[:, :], truth)
    np.testing.assert_array_equal(found.mask[:, :], truth > 0)
    assert found.object_classes == ("disc", "disc")


def test_a_map_without_an_image_cannot_be_drawn_in() -> None:
    _, fine, _ = coarse()
    with pytest.raises(SettingsError, match="refine_map"):
        segment(fine.similarity, FACTS, SegmentationSettings(refine="sam2"))
