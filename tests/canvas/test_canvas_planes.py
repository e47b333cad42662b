from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinoscope.canvas import Place, Planes
from dinoscope.errors import Cancelled, RegionError
from dinoscope.tiling import Pyramid

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Counted:
    """An array that counts the voxels read from it."""

    def __init__(self, pixels: NDArray[Any]) -> None:
        self._pixels, self.shape, self.dtype = pixels, pixels.shape, pixels.dtype
        self.voxels = 0

    def __getitem__(self, index: Any) -> NDArray[Any]:
        part: NDArray[Any] = self._pixels[index]
        self.voxels += part.size
        return part


def noise(shape: tuple[int, ...], dtype: Any = np.float32) -> NDArray[Any]:
    return (np.random.default_rng(0).random(shape) * 255).astype(dtype)


def means(plane: NDArray[Any], step: int) -> NDArray[np.float64]:
    """Mean of every square of `step` voxels, cut off at the border."""
    rows, columns = (range(0, size, step) for size in plane.shape[:2])
    return np.array([[plane[y : y + step, x : x + step].mean(axis=(0, 1)) for x in columns] for y in rows])


def assembled(planes: Planes, pyramid: Pyramid, level: int, section: int = 0) -> NDArray[Any]:
    rows, columns = pyramid.shape(level)
    tiles = [[planes.read(Place(section, level, row, column)) for column in range(columns)] for row in range(rows)]
    return np.concatenate([np.concatenate(row, axis=1) for row in tiles], axis=0)


@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([4, 8]))
def test_a_pixel_is_the_mean_of_its_voxels(height: int, width: int, tile: int) -> None:
    plane, pyramid = noise((height, width)), Pyramid((height, width), tile)
    for level in range(pyramid.levels):
        step = int(pyramid.step(level))
        if step <= 8:
            shown = assembled(Planes([plane], False, pyramid), pyramid, level)
            np.testing.assert_allclose(shown, means(plane, step), rtol=1e-5)


def test_coarse_tiles_are_put_together_from_finer_ones() -> None:
    plane = noise((512, 256))
    pyramid = Pyramid(plane.shape, tile=8)
    planes = Planes([plane], False, pyramid)
    for level in range(pyramid.levels):
        np.testing.assert_allclose(assembled(planes, pyramid, level), means(plane, int(pyramid.step(level))), rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, bool])
def test_whole_numbers_are_rounded(dtype: Any) -> None:
    plane = noise((64, 64), dtype)
    pyramid = Pyramid(plane.shape, tile=16)
    shown = assembled(Planes([plane], False, pyramid), pyramid, 0)
    assert shown.dtype == dtype
    np.testing.assert_allclose(shown.astype(float), means(plane.astype(float), 4), atol=0.5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_is_no_number_does_not_spread_over_coarse_tiles(dtype: Any) -> None:
    plane = np.full((64, 64), 60_000, dtype)  # eight of them are too many for a half
    plane[[3, 20, 21], [5, 40, 41]] = np.nan, np.inf, -np.inf
    plane[32:, 32:] = np.nan
    pyramid = Pyramid(plane.shape, tile=2)  # steps 1 to 32
    planes = Planes([plane], False, pyramid)
    for level in range(pyramid.levels - 1):
        shown = assembled(planes, pyramid, level)
        middle = len(shown) // 2
        assert shown.dtype == dtype
        assert np.isnan(shown[middle:, middle:]).all()
        shown[middle:, middle:] = 60_000
        assert (shown == 60_000).all()


def test_sections_and_colours() -> None:
    stack = noise((3, 20, 24, 3))
    pyramid = Pyramid((20, 24), tile=8)
    planes = Planes([stack], True, pyramid)
    np.testing.assert_array_equal(assembled(planes, pyramid, pyramid.levels - 1, section=2), stack[2])
    np.testing.assert_allclose(assembled(planes, pyramid, 0, section=1), means(stack[1], 4), rtol=1e-5)


def test_labels_are_picked_and_never_mixed() -> None:
    labels = np.kron(np.arange(1, 65, dtype=np.uint32).reshape(8, 8), np.ones((4, 4), np.uint32))
    pyramid = Pyramid(labels.shape, tile=8)
    shown = assembled(Planes([labels], False, pyramid, "pick"), pyramid, 0)
    np.testing.assert_array_equal(shown, labels[2::4, 2::4])


def test_the_levels_of_the_image_are_used_where_they_are_fine_enough() -> None:
    fine = Counted(np.zeros((64, 64), np.float32))
    half, eighth = (Counted(np.full((64 // f, 64 // f), float(f), np.float32)) for f in (2, 8))
    pyramid = Pyramid((64, 64), tile=4)
    planes = Planes([fine, half, eighth], False, pyramid)
    shown = {int(pyramid.step(level)): assembled(planes, pyramid, level) for level in range(pyramid.levels)}
    assert {step: float(tile.mean()) for step, tile in shown.items()} == {16: 8, 8: 8, 4: 2, 2: 2, 1: 0}
    assert fine.voxels == 64 * 64
    assert eighth.voxels == 8 * 8 * 2


@given(st.integers(30, 99), st.integers(30, 99))
def test_levels_of_odd_sizes_lie_where_the_image_does(height: int, width: int) -> None:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    levels = [np.stack([y, x], axis=-1)]
    for _ in range(2):
        rows, columns = levels[-1].shape[0] // 2, levels[-1].shape[1] // 2
        levels.append(means(levels[-1][: rows * 2, : columns * 2], 2).astype(np.float32))
    pyramid = Pyramid((height, width), tile=16)
    for axis in (0, 1):
        planes = Planes([level[..., axis] for level in levels], False, pyramid)
        for level in range(pyramid.levels):
            truth = means(levels[0][..., axis], int(pyramid.step(level)))
            step = pyramid.step(level)
            assert np.abs(assembled(planes, pyramid, level) - truth).max() <= max(1, step) * 1.5


def test_a_stack_whose_levels_have_fewer_sections() -> None:
    fine = np.repeat(np.arange(6, dtype=np.float32), 64).reshape(6, 8, 8)
    coarse = np.arange(3, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32) * 10
    pyramid = Pyramid((8, 8), tile=4)
    planes = Planes([fine, coarse], True, pyramid)
    assert [float(planes.read(Place(z, 0, 0, 0)).mean()) for z in range(6)] == [0, 0, 10, 10, 20, 20]


def test_nothing_is_read_but_what_a_tile_covers_and_that_once() -> None:
    image = Counted(noise((128, 128)))
    pyramid = Pyramid((128, 128), tile=16)
    planes = Planes([image], False, pyramid)
    for _ in range(2):
        planes.read(Place(0, pyramid.levels - 1, 3, 4))
        planes.read(Place(0, pyramid.levels - 2, 0, 0))
    assert image.voxels == 16 * 16 + 32 * 32


def test_work_that_nobody_waits_for_ends() -> None:
    image = Counted(noise((512, 512)))
    pyramid = Pyramid((512, 512), tile=8)
    asked: list[None] = []

    def wanted() -> bool:
        asked.append(None)
        return len(asked) < 6

    with pytest.raises(Cancelled):
        Planes([image], False, pyramid).read(Place(0, 0, 0, 0), wanted)
    assert image.voxels <= 4 * 64 * 64


def test_tiles_that_are_not_there_are_refused() -> None:
    planes = Planes([noise((8, 8))], False, Pyramid((8, 8), tile=4))
    with pytest.raises(RegionError):
        planes.read(Place(0, 1, 2, 0))
