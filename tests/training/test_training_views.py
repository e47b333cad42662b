from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from dinoscope.training._views import (
    ZOOM,
    Window,
    change_greys,
    crop_side,
    draw_mask,
    draw_window,
    take_view,
    warp_tokens,
)

SIDE = 64
CROP = crop_side(SIDE)


def smooth_crop() -> torch.Tensor:
    noise = np.random.default_rng(4).normal(size=(CROP, CROP))
    return torch.from_numpy(ndimage.gaussian_filter(noise, 5).astype(np.float32))


def test_whole_window_of_equal_size_is_the_crop() -> None:
    crop = smooth_crop()
    same = take_view(crop, Window(np.eye(2), np.zeros(2)), CROP)
    torch.testing.assert_close(same, crop, atol=1e-5, rtol=1e-4)


def test_windows_cover_all_turns_and_flips_of_the_crop() -> None:
    crop = torch.arange(9.0).reshape(3, 3)
    seen = set()
    rng = np.random.default_rng(0)
    for _ in range(200):
        matrix = draw_window(rng).matrix
        window = Window(matrix / np.sqrt(abs(np.linalg.det(matrix))), np.zeros(2))
        seen.add(tuple(take_view(crop, window, 3).round().flatten().int().tolist()))
    plain = crop.numpy()
    turns = [np.rot90(m, k) for m in (plain, np.fliplr(plain)) for k in range(4)]
    assert seen == {tuple(turn.astype(int).ravel().tolist()) for turn in turns}


@pytest.mark.parametrize("seed", range(20))
def test_windows_stay_inside(seed: int) -> None:
    window = draw_window(np.random.default_rng(seed))
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) @ window.matrix.T + window.offset
    assert np.abs(corners).max() <= 1 + 1e-12
    assert ZOOM**-4 - 1e-12 <= abs(np.linalg.det(window.matrix)) <= 1 + 1e-12


@pytest.mark.parametrize("seed", range(8))
def test_points_of_one_view_are_found_in_the_other(seed: int) -> None:
    """A view that is carried over to the other one equals it, as both show one crop."""
    rng, crop = np.random.default_rng(seed), smooth_crop()
    first, second = draw_window(rng), draw_window(rng)
    here, there = take_view(crop, first, SIDE), take_view(crop, second, SIDE)
    carried, valid = warp_tokens(there[None, None], first.towards(second).theta()[None])
    assert valid.float().mean() > 0.2
    error = (carried[0, 0] - here).abs()[valid[0]].max()
    assert error < 0.1 * crop.std()


def test_warping_by_nothing_keeps_all_tokens() -> None:
    tokens = torch.rand(2, 3, 4, 6, generator=torch.Generator().manual_seed(1))
    theta = Window(np.eye(2), np.zeros(2)).theta().expand(2, 2, 3)
    warped, valid = warp_tokens(tokens, theta)
    torch.testing.assert_close(warped, tokens, atol=1e-5, rtol=1e-4)
    assert valid.all()


def test_tokens_beyond_the_other_view_are_not_valid() -> None:
    tokens = torch.arange(4.0).reshape(1, 1, 1, 4).expand(1, 1, 4, 4)
    theta = Window(np.eye(2), np.array([0.5, 0.0])).theta()[None]  # one token to the right
    warped, valid = warp_tokens(tokens, theta)
    assert valid[0].tolist() == [[True, True, True, False]] * 4
    torch.testing.assert_close(warped[0, 0, :, :3], tokens[0, 0, :, 1:])


@pytest.mark.parametrize("seed", range(10))
def test_greys_stay_in_range(seed: int) -> None:
    view = torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    changed = change_greys(view, np.random.default_rng(seed), 1.0)
    assert changed.dtype == torch.float32
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not torch.equal(changed, view)
    torch.testing.assert_close(changed, change_greys(view, np.random.default_rng(seed), 1.0))


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5])
def test_mask_hides_whole_blocks(share: float) -> None:
    mask = draw_mask(np.random.default_rng(0), 128, share)
    assert float(mask.float().mean()) == share
    blocks = mask.reshape(4, 32, 4, 32).permute(0, 2, 1, 3).reshape(16, -1)
    assert (blocks.all(dim=1) | ~blocks.any(dim=1)).all()


def test_greys_stay_as_they_are_at_strength_zero() -> None:
    view = torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    for seed in range(5):
        torch.testing.assert_close(change_greys(view, np.random.default_rng(seed), 0.0), view)
