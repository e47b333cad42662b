"""What is looked at first, and what that reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dinoscope.canvas import TILE, Canvas, Edges, Place
from dinoscope.geometry import Region
from tests.canvas.seen import Counting, canvas_of, image_of, layer_of, pixels_of

if TYPE_CHECKING:
    from dinoscope.session import Session


def test_the_first_look_at_nothing_and_at_a_small_image_is_all_of_it(session: Session) -> None:
    assert Canvas(session).first_look is None
    assert canvas_of(session, image_of(Counting(4096, 4096))).first_look is None


def test_a_large_image_with_coarse_levels_is_looked_at_as_a_whole(session: Session) -> None:
    levels = [Counting(size, size) for size in (60_000, 15_000, 3750)]
    assert canvas_of(session, image_of(*levels)).first_look is None


@pytest.mark.parametrize("coarser", [(), (30_000,), (30_000, 15_000)])
def test_the_first_look_at_a_large_image_without_coarse_levels_is_a_part_near_its_middle(
    session: Session, coarser: tuple[int, ...]
) -> None:
    canvas = canvas_of(session, image_of(*(Counting(size, size) for size in (60_000, *coarser))))
    assert canvas.first_look is not None
    top, left, bottom, right = canvas.first_look
    assert bottom - top == right - left == 1024
    assert abs((top + bottom) / 2 - 30_000) <= 2048
    assert top == left


@pytest.mark.parametrize(
    ("shape", "first"),
    [
        ((60_000, 900), (29696, 0, 30720, 900)),
        ((5000, 9000), (2048, 4096, 3072, 5120)),
        ((4097, 10), (2048, 0, 3072, 10)),
    ],
)
def test_the_first_look_stays_in_the_image(session: Session, shape: tuple[int, int], first: Edges) -> None:
    assert canvas_of(session, image_of(Counting(*shape))).first_look == first


@pytest.mark.parametrize("step", [1, 2, 4])
def test_the_tiles_of_the_first_look_read_no_more_than_it(session: Session, step: int) -> None:
    data = Counting(60_000, 60_000)
    canvas = canvas_of(session, image_of(data))
    canvas.settings.black_at, canvas.settings.white_at = 0, 255
    assert canvas.first_look is not None
    _ = canvas.contrast
    data.voxels = 0
    data.boxes.clear()
    top, left, bottom, right = (round(edge) for edge in canvas.first_look)
    pyramid = layer_of(canvas, "image").pyramid
    level = pyramid.level(step)
    for row, column in pyramid.touching(level, Region((top, left), (bottom, right))):
        canvas.draw("image", Place(0, level, row, column))
    assert data.voxels == 1024**2
    assert min(box[0].start for box in data.boxes) == top
    assert max(box[1].stop for box in data.boxes) == right


def test_a_tile_of_a_huge_image_reads_what_it_covers_and_little_for_its_contrast(session: Session) -> None:
    data = Counting(60_000, 60_000)
    canvas = canvas_of(session, image_of(data))
    level = layer_of(canvas, "image").pyramid.levels - 1
    assert data.voxels == 0, "nothing is read before somebody asks for a tile"
    _ = canvas.contrast
    assert 0 < data.voxels <= 2**17
    data.voxels = 0
    data.boxes.clear()
    drawn = canvas.draw("image", Place(0, level, 100, 200))
    assert data.voxels == TILE**2
    assert data.boxes == [(slice(25_600, 25_856), slice(51_200, 51_456))]
    assert pixels_of(drawn).shape == (TILE, TILE)


def test_a_large_image_with_coarse_levels_is_seen_as_a_whole_without_reading_the_fine_ones(session: Session) -> None:
    levels = [Counting(size, size) for size in (60_000, 30_000, 3750, 240)]
    canvas = canvas_of(session, image_of(*levels))
    _ = canvas.contrast
    levels[0].voxels = 0
    canvas.draw("image", Place(0, 0, 0, 0))
    assert [level.voxels for level in levels] == [0, 0, 0, 240 * 240]
