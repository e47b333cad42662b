"""Two views of every crop: flipped, turned, zoomed and shifted by a known map, with changed grey values.

A view is an affine window of its crop. In coordinates that run from -1 to 1 over a picture, the point ``p`` of a view
lies at ``A p + b`` of the crop; ``A`` is a flip or quarter turn times the relative extent of the window. The point of
one view is therefore known in the other, to a fraction of a patch (`Window.towards`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray

ZOOM = 1.25
"""Largest and inverse smallest zoom of a view against its crop."""

_MASK_BLOCK = 32


@dataclass(frozen=True, slots=True)
class Window:
    """Where a view lies in its crop: ``crop = matrix @ view + offset``.

    Attributes
    ----------
    matrix
        Shape (2, 2), in the order (x, y) of torch's grids.
    offset
        Shape (2,).
    """

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    def towards(self, other: Window) -> Window:
        """The map from points of this view to points of the other view of the same crop."""
        inverse = np.linalg.inv(other.matrix)
        return Window(inverse @ self.matrix, inverse @ (self.offset - other.offset))

    def theta(self) -> torch.Tensor:
        """Shape (2, 3), as `torch.nn.functional.affine_grid` takes it."""
        return torch.from_numpy(np.column_stack([self.matrix, self.offset]).astype(np.float32))


def crop_side(view_side: int) -> int:
    """Side of the crop that views of this side are taken from, at their mean zoom."""
    return round(view_side * ZOOM)


def draw_window(rng: np.random.Generator) -> Window:
    """A random window that stays inside of its crop."""
    extent = rng.uniform(1.0 / ZOOM**2, 1.0)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    matrix = extent * np.linalg.matrix_power(turn, int(rng.integers(4)))
    if rng.integers(2):
        matrix = matrix * np.array([-1.0, 1.0])  # flip x of the view
    return Window(matrix, rng.uniform(-(1.0 - extent), 1.0 - extent, size=2))


def take_view(crop: torch.Tensor, window: Window, side: int) -> torch.Tensor:
    """The window of a crop (S, S), resampled to (side, side)."""
    grid = functional.affine_grid(window.theta()[None], [1, 1, side, side], align_corners=False)
    view = functional.grid_sample(crop[None, None], grid, mode="bilinear", padding_mode="border", align_corners=False)
    return view[0, 0]


def change_greys(view: torch.Tensor, rng: np.random.Generator, strength: float) -> torch.Tensor:
    """The same view with another contrast, gamma, sharpness and noise; values in [0, 1].

    Changes grow with `strength`; at 1 the contrast changes by a factor of up to 2 and the mean by up to 0.15.
    """
    picture: NDArray[np.floating] = view.numpy()
    picture = picture ** np.exp(strength * rng.uniform(-0.6, 0.6))
    picture = (picture - 0.5) * np.exp(strength * rng.uniform(-0.7, 0.7)) + 0.5 + strength * rng.uniform(-0.15, 0.15)
    if rng.random() < 0.4:
        picture = ndimage.gaussian_filter(picture, strength * rng.uniform(0.0, 2.0))
    if rng.random() < 0.6:
        picture = picture + rng.normal(0.0, strength * rng.uniform(0.0, 0.15), picture.shape)
    return torch.from_numpy(np.clip(picture, 0.0, 1.0).astype(np.float32))


def draw_mask(rng: np.random.Generator, side: int, share: float) -> torch.Tensor:
    """Which pixels of a view to hide: blocks of 32 x 32 pixels, shape (side, side), bool."""
    blocks = side // _MASK_BLOCK
    hidden = np.zeros(blocks * blocks, dtype=bool)
    hidden[rng.permutation(hidden.size)[: round(share * hidden.size)]] = True
    mask = hidden.reshape(blocks, blocks).repeat(_MASK_BLOCK, axis=0).repeat(_MASK_BLOCK, axis=1)
    return torch.from_numpy(mask)


def warp_tokens(tokens: torch.Tensor, theta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens of one view at the patch centres of the other.

    Parameters
    ----------
    tokens
        Shape (N, K, h, w).
    theta
        Shape (N, 2, 3): maps points of the wanted view into the view of the tokens.

    Returns
    -------
    Tokens (N, K, h, w), bilinear between the 4 nearest ones, and a mask (N, h, w), bool, that is true where all 4
    exist.
    """
    h, w = tokens.shape[2:]
    grid = functional.affine_grid(theta, list(tokens.shape), align_corners=False)  # N h w 2
    warped = functional.grid_sample(tokens, grid, mode="bilinear", padding_mode="border", align_corners=False)
    limit = torch.tensor([1.0 - 1.0 / w, 1.0 - 1.0 / h]) + 1e-4  # centres of the outermost patches
    return warped, (grid.abs() <= limit.to(grid)).all(dim=-1)
