"""Pictures whose classes are known, and crops of them with soft targets on the grid of the patches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

from dinoscope.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHORTEST_SIDE = 64


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """A picture and where its classes are.

    Attributes
    ----------
    grey
        Intensities from 0 to 1, shape (H, W).
    masks
        Where each class is, shape (K, H, W); classes may overlap.
    doubtful
        Where nobody knows, shape (H, W): nothing is learned there. None where all is known.

    Raises
    ------
    SettingsError
        If the shapes do not fit each other, or the picture has fewer than 64 pixels in y or x.
    """

    grey: NDArray[np.float32]
    masks: NDArray[np.bool_]
    doubtful: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        shapes = {
            self.grey.shape,
            self.masks.shape[1:],
            self.grey.shape if self.doubtful is None else self.doubtful.shape,
        }
        if self.masks.ndim != 3 or len(shapes) > 1 or min(self.grey.shape) < _SHORTEST_SIDE:
            raise SettingsError(
                f"a labelled picture of shape {self.grey.shape} with masks of shape {self.masks.shape}: expected "
                f"(H, W) of at least {_SHORTEST_SIDE} pixels and (classes, H, W); cut both alike"
            )

    def layers(self, window: tuple[slice, slice]) -> NDArray[np.bool_]:
        """The masks of a part, and where it is not doubtful, shape (K + 1, h, w)."""
        masks = self.masks[:, *window]
        known = np.ones(masks.shape[1:], bool) if self.doubtful is None else ~self.doubtful[window]
        return np.concatenate([masks, known[None]])


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSet:
    """Pictures that are labelled with the same classes.

    Attributes
    ----------
    name
        Of the set.
    classes
        Names of the K classes.
    pictures
        At least one; drawn equally often.
    scales
        Smallest and largest factor by which its crops are rescaled.

    Raises
    ------
    SettingsError
        If there is no picture, or one has another number of masks than there are classes.
    """

    name: str
    classes: tuple[str, ...]
    pictures: tuple[LabelledPicture, ...]
    scales: tuple[float, float] = (0.4, 2.5)

    def __post_init__(self) -> None:
        counts = {len(picture.masks) for picture in self.pictures}
        if counts != {len(self.classes)}:
            raise SettingsError(
                f"set {self.name!r} names {len(self.classes)} classes, its pictures have {sorted(counts)} masks: "
                "expected at least one picture, and one mask per class in each"
            )

    def shares(self) -> NDArray[np.float64]:
        """Share of the area that each class has, shape (K,), the mean over the pictures."""
        shares: NDArray[np.float64] = np.mean([p.masks.mean(axis=(1, 2)) for p in self.pictures], axis=0)
        return shares


def object_masks(instances: NDArray[np.integer], width: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Inside and border of labelled objects.

    Parameters
    ----------
    instances
        Label of every pixel, shape (H, W); 0 is none.
    width
        How many pixels the border reaches to each side of the edge between two labels.

    Returns
    -------
    Two masks (H, W) that do not overlap.
    """
    largest = ndimage.maximum_filter(instances, size=3, mode="nearest")
    smallest = ndimage.minimum_filter(instances, size=3, mode="nearest")
    edges: NDArray[np.bool_] = largest != smallest
    if width > 1:
        edges = ndimage.binary_dilation(edges, structure=np.ones((3, 3), dtype=bool), iterations=width - 1)
    return (instances > 0) & ~edges, edges


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """N crops of one picture.

    Attributes
    ----------
    grey
        Intensities, shape (N, side, side).
    shares
        The share of every patch that each class covers, shape (N, K, h, w).
    known
        The share of every patch that is not doubtful, shape (N, h, w).
    """

    grey: torch.Tensor
    shares: torch.Tensor
    known: torch.Tensor


def draw_labelled(source: LabelledSet, rng: np.random.Generator, side: int, stride: int, count: int) -> Crops:
    """Turned, flipped and rescaled crops of one random picture, all at one scale.

    Parameters
    ----------
    source
        Where they come from.
    rng
        Decides everything that is random.
    side
        Pixels of a crop after rescaling, a multiple of `stride`.
    stride
        Side of a patch.
    count
        How many, N.
    """
    picture = source.pictures[int(rng.integers(len(source.pictures)))]
    scale = math.exp(rng.uniform(math.log(source.scales[0]), math.log(source.scales[1])))
    extent = min(round(side / scale), *picture.grey.shape)
    greys, targets = [], []
    for _ in range(count):
        y, x = (int(rng.integers(size - extent + 1)) for size in picture.grey.shape)
        window = (slice(y, y + extent), slice(x, x + extent))
        turns, flipped = int(rng.integers(4)), bool(rng.integers(2))
        greys.append(_turned(_resampled(picture.grey[window], side), turns, flipped))
        targets.append(_turned(_covered(picture.layers(window), side // stride), turns, flipped))
    covered = torch.stack(targets)
    return Crops(torch.stack(greys), covered[:, :-1], covered[:, -1])


def _resampled(grey: NDArray[np.float32], side: int) -> torch.Tensor:
    pixels = torch.from_numpy(grey)[None, None]
    pixels = functional.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    return pixels[0, 0].clamp(0.0, 1.0)


def _covered(masks: NDArray[np.bool_], side: int) -> torch.Tensor:
    """Share of the cells of a grid of side x side that each of some masks (K, H, H) covers, shape (K, side, side)."""
    return functional.interpolate(
        _at_least(torch.from_numpy(masks).float()[None], side), size=(side,) * 2, mode="area"
    )[0]


def _at_least(masks: torch.Tensor, side: int) -> torch.Tensor:
    """The masks (1, K, H, H), enlarged by a whole factor where that makes the edges of patches finer than a pixel."""
    factor = -(-8 * side // masks.shape[-1])
    return masks.repeat_interleave(factor, dim=-1).repeat_interleave(factor, dim=-2) if factor > 1 else masks


def _turned(values: torch.Tensor, turns: int, flipped: bool) -> torch.Tensor:
    turned = torch.rot90(values, turns, dims=(-2, -1))
    return (turned.flip(-1) if flipped else turned).contiguous()
