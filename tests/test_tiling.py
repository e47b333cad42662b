from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.errors import RegionError, SettingsError
from dinoscope.geometry import Region
from dinoscope.tiling import CrossSections, PatchGrid, Pyramid, TileGrid, blocks

GRIDS = st.builds(
    PatchGrid,
    voxels=st.tuples(st.integers(1, 3), st.integers(1, 60), st.integers(1, 60)),
    stride=st.integers(2, 16),
    scale=st.sampled_from([0.25, 1 / 3, 0.5, 0.9, 1.0, 1.5, 2.0]),
    stretch=st.sampled_from([0.3, 1.0, 1.0, 1.0, 2.0, 5.4]),
)
AXES = st.sampled_from([1, 2])


@st.composite
def tile_grids(draw: st.DrawFn) -> TileGrid:
    halo = draw(st.integers(0, 4))
    return TileGrid(draw(GRIDS), draw(st.integers(2 * halo + 2, 2 * halo + 12)), halo)


@given(GRIDS, st.floats(-50, 350), AXES)
def test_patch_and_voxel_coordinates_are_inverse(grid: PatchGrid, voxel: float, axis: int) -> None:
    assert grid.to_voxel(grid.to_patch(voxel, axis), axis) == pytest.approx(voxel, abs=1e-6)


def test_square_voxels_need_no_axis_and_others_are_refused_without() -> None:
    square = PatchGrid((1, 28, 28), stride=14, scale=0.5)
    assert square.to_patch(3.0) == square.to_patch(3.0, 1) == square.to_patch(3.0, 2)
    long = PatchGrid((1, 28, 28), stride=14, scale=0.5, stretch=2.0)
    assert (long.patch_side(1), long.patch_side(2)) == (14.0, 28.0)
    assert long.shape == (1, 2, 1)
    with pytest.raises(RegionError, match="2 times as long as wide"):
        long.to_patch(3.0)


def test_coordinates_count_from_centres() -> None:
    grid = PatchGrid((1, 28, 28), stride=14)
    assert grid.to_voxel(0.0) == 6.5  # between voxels 6 and 7, the middle of 14
    assert grid.to_patch(13.5) == 0.5  # the border of two patches
    half = PatchGrid((1, 56, 56), stride=14, scale=0.5)
    assert half.shape == (1, 2, 2)
    assert half.to_voxel(0.0) == 13.5


@given(GRIDS)
def test_every_voxel_lies_in_a_patch_and_every_patch_has_one(grid: PatchGrid) -> None:
    for axis in (1, 2):
        size, count = grid.voxels[axis], grid.shape[axis]
        index = grid.patch_index(np.arange(size, dtype=np.float64), axis)
        assert index.min() >= 0
        assert index.max() <= count - 1
        assert index.min() == 0 or grid.scales[axis - 1] > grid.stride  # patches may be smaller than voxels
        assert (count - 1) * grid.stride < size * grid.scales[axis - 1] + 1e-6


@given(GRIDS, st.data())
def test_voxels_of_a_partition_of_patches_partition_the_image(grid: PatchGrid, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, grid.shape[1]))
    above = grid.voxels_of(Region((0, 0, 0), (1, cut, grid.shape[2])))
    below = grid.voxels_of(Region((0, cut, 0), (1, grid.shape[1], grid.shape[2])))
    assert above.start[1] == 0
    assert above.stop[1] == below.start[1]
    assert below.stop[1] == grid.voxels[1]
    rows = np.arange(above.stop[1], dtype=np.float64)
    assert not rows.size or grid.patch_index(rows, 1).max() < max(cut, 1)


@given(GRIDS, st.data())
def test_patches_around_hold_both_neighbours_of_every_voxel(grid: PatchGrid, data: st.DataObject) -> None:
    corner = [data.draw(st.integers(0, n - 1)) for n in grid.voxels]
    far = [data.draw(st.integers(a + 1, n)) for a, n in zip(corner, grid.voxels, strict=True)]
    region = Region(tuple(corner), tuple(far))
    patches = grid.patches_around(region)
    assert grid.extent.contains(patches)
    for axis in (1, 2):
        voxels = np.arange(corner[axis], far[axis], dtype=np.float64)
        places = grid.to_patch(voxels, axis).clip(0, grid.shape[axis] - 1)
        assert patches.start[axis] <= np.floor(places.min() + 1e-9)
        assert patches.stop[axis] - 1 >= min(np.ceil(places.max() - 1e-9), grid.shape[axis] - 1)


@given(tile_grids())
def test_write_regions_partition_the_grid(tiles: TileGrid) -> None:
    count = np.zeros(tiles.grid.shape, int)
    for tile in tiles:
        count[tile.write.slices] += 1
    assert (count == 1).all()


@given(tile_grids())
def test_tiles_are_whole_and_lie_inside(tiles: TileGrid) -> None:
    full = tuple(min(tiles.tile, n) for n in tiles.grid.shape[1:])
    for tile in tiles:
        assert tiles.grid.extent.contains(tile.read)
        assert tile.read.contains(tile.write)
        assert tile.read.shape == (1, *full)


@given(tile_grids())
def test_every_kept_patch_has_its_halo_unless_the_image_ends(tiles: TileGrid) -> None:
    for tile in tiles:
        for axis in (1, 2):
            size = tiles.grid.shape[axis]
            assert tile.write.start[axis] - tile.read.start[axis] >= min(tiles.halo, tile.write.start[axis])
            assert tile.read.stop[axis] - tile.write.stop[axis] >= min(tiles.halo, size - tile.write.stop[axis])


@given(tile_grids(), st.data())
def test_touching_finds_just_the_tiles_of_a_region(tiles: TileGrid, data: st.DataObject) -> None:
    start = tuple(data.draw(st.integers(0, n - 1)) for n in tiles.grid.shape)
    region = Region(
        start, tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, tiles.grid.shape, strict=True))
    )
    expected = [tile for tile in tiles if tile.write.intersect(region).size]
    assert tiles.touching(region) == expected


def test_a_halo_that_eats_the_tile_is_refused() -> None:
    with pytest.raises(SettingsError, match="leaves nothing of a tile"):
        TileGrid(PatchGrid((1, 9, 9), 1), tile=4, halo=2)


@pytest.mark.parametrize(("voxels", "stride", "scale"), [((1, 0, 5), 1, 1.0), ((1, 5, 5), 0, 1.0), ((1, 5, 5), 1, 0.0)])
def test_empty_grids_are_refused(voxels: tuple[int, int, int], stride: int, scale: float) -> None:
    with pytest.raises(SettingsError):
        PatchGrid(voxels, stride, scale)
    with pytest.raises(SettingsError, match="stretch 0"):
        PatchGrid((1, 5, 5), 1, stretch=0.0)


@st.composite
def cross_sections(draw: st.DrawFn) -> CrossSections:
    voxels = draw(st.tuples(st.integers(2, 40), st.integers(1, 60), st.integers(1, 60)))
    grid = PatchGrid(voxels, draw(st.integers(2, 16)), draw(st.sampled_from([0.25, 0.5, 0.9, 1.0, 1.5])))
    return CrossSections(grid, draw(st.sampled_from(["y", "x"])), draw(st.sampled_from([0.3, 1.0, 2.0, 5.4])))


@given(cross_sections())
def test_a_volume_is_cut_through_the_voxels_nearest_to_the_middles_of_its_patches(cross: CrossSections) -> None:
    across, rows, columns = cross.order
    voxels = np.arange(cross.grid.voxels[across])
    middles = cross.grid.to_voxel(np.arange(cross.grid.shape[across], dtype=np.float64), across)
    assert len(cross.places) == cross.patches.shape[0] == cross.grid.shape[across]
    for place, middle in zip(cross.places, middles, strict=True):
        assert abs(place - middle) == pytest.approx(np.abs(voxels - middle).min())
    assert cross.patches.voxels[1:] == (cross.grid.voxels[rows], cross.grid.voxels[columns])


@given(cross_sections(), st.data())
def test_columns_of_cross_sections_are_those_of_the_volume(cross: CrossSections, data: st.DataObject) -> None:
    columns = cross.order[2]
    assert cross.patches.shape[2] == cross.grid.shape[columns]
    patch = data.draw(st.floats(0, cross.grid.shape[columns] - 1))
    assert cross.patches.to_voxel(patch, 2) == pytest.approx(cross.grid.to_voxel(patch, columns))


@given(cross_sections(), st.data())
def test_rows_of_cross_sections_interpolate_along_z(cross: CrossSections, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, cross.grid.voxels[0] - 1))
    stop = data.draw(st.integers(start + 1, cross.grid.voxels[0]))
    middles = cross.patches.to_voxel(np.arange(cross.patches.shape[1], dtype=np.float64), 1)  # what each row shows
    above, share = cross.rows_at(start, stop)
    below = np.minimum(above + 1, len(middles) - 1)
    found = middles[above] * (1 - share) + middles[below] * share
    expected = np.arange(start, stop).clip(middles[0], middles[-1])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    size = cross.grid.shape
    around = cross.patches_around(Region((start, 0, 0), (stop, size[1], size[2])))
    assert cross.patches.extent.contains(around)
    assert around.start[1] <= above.min()
    assert around.stop[1] > below[share > 0].max(initial=above.max())
    assert around.shape[::2] == (cross.patches.shape[0], cross.patches.shape[2])


@given(cross_sections(), st.data())
def test_a_voxel_lies_in_the_nearest_section_across(cross: CrossSections, data: st.DataObject) -> None:
    voxel = [data.draw(st.integers(0, size - 1)) for size in cross.grid.voxels]
    across, rows, columns = cross.order
    section, row, column = cross.position(tuple(map(float, voxel)))
    middles = cross.grid.to_voxel(np.arange(cross.grid.shape[across], dtype=np.float64))
    assert abs(middles[int(section)] - voxel[across]) == pytest.approx(np.abs(middles - voxel[across]).min())
    assert (row, column) == (voxel[rows], voxel[columns])


@given(st.tuples(st.integers(1, 9), st.integers(1, 9)), st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_blocks_partition(shape: tuple[int, int], block: tuple[int, int]) -> None:
    count = np.zeros(shape, int)
    for region in blocks(Region.of_shape(shape), block):
        assert all(n <= b for n, b in zip(region.shape, block, strict=True))
        count[region.slices] += 1
    assert (count == 1).all()


PYRAMIDS = st.builds(
    Pyramid,
    plane=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    tile=st.sampled_from([8, 16, 64]),
    magnified=st.integers(0, 3),
)


@given(PYRAMIDS)
def test_a_pyramid_begins_with_one_tile_and_halves_its_step(pyramid: Pyramid) -> None:
    steps = [pyramid.step(level) for level in range(pyramid.levels)]
    assert pyramid.shape(0) == (1, 1)
    assert steps == [steps[0] / 2**level for level in range(pyramid.levels)]
    assert steps[-1] == 0.5**pyramid.magnified
    assert pyramid.levels == 1 + pyramid.magnified or pyramid.tile * steps[1] < max(pyramid.plane)


@given(PYRAMIDS, st.data())
def test_the_tiles_of_a_level_partition_the_plane(pyramid: Pyramid, data: st.DataObject) -> None:
    level = data.draw(st.integers(0, pyramid.levels - 1))
    count = np.zeros(pyramid.plane, int)
    rows, columns = pyramid.shape(level)
    for row in range(rows):
        for column in range(columns):
            voxels = pyramid.voxels(level, row, column)
            count[voxels.slices] += 1
            assert max(pyramid.pixels(level, voxels)) <= pyramid.tile
    assert (count == 1).all()


@given(PYRAMIDS, st.data())
def test_touching_finds_just_the_tiles_of_a_part_of_the_plane(pyramid: Pyramid, data: st.DataObject) -> None:
    level = data.draw(st.integers(0, pyramid.levels - 1))
    start = tuple(data.draw(st.integers(0, n - 1)) for n in pyramid.plane)
    region = Region(start, tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, pyramid.plane, strict=True)))
    rows, columns = pyramid.shape(level)
    every = [(row, column) for row in range(rows) for column in range(columns)]
    assert pyramid.touching(level, region) == [t for t in every if pyramid.voxels(level, *t).intersect(region).size]


@given(PYRAMIDS, st.floats(0.01, 1000))
def test_the_level_of_a_step_shows_at_least_as_much(pyramid: Pyramid, step: float) -> None:
    level = pyramid.level(step)
    assert pyramid.step(level) <= step or level == pyramid.levels - 1
    assert level == 0 or pyramid.step(level - 1) > step


def test_tiles_that_are_not_there_are_refused() -> None:
    pyramid = Pyramid((300, 200), tile=64)
    with pytest.raises(RegionError, match="level 4"):
        pyramid.step(4)
    with pytest.raises(RegionError, match="expected one of 5 x 4"):
        pyramid.voxels(3, 5, 0)
    with pytest.raises(SettingsError, match="whole voxels"):
        Pyramid((300, 200), tile=4, magnified=3)
