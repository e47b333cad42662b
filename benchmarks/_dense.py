"""DINOSim as its public code does it, written anew from its description: the yardstick for the time of a click.

What the code does otherwise than the paper is done here, too: a point takes one patch, rounded and not floored; the
patches of its window join the bank once per point, copies and all; windows do not overlap; and every window is compared
with the whole bank at once. Features are held in memory in single precision, and each click is answered for all of the
image, down to its pixels.

References
----------
Gonzalez-Marfil et al., DINOSim, bioRxiv 10.1101/2025.03.09.642092; what its code does is told where it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

WINDOW = 37
"""Patches per side of a window: 518 pixels of a DINOv2."""

NEIGHBOURS = 5
QUANTILES = (0.01, 0.99)


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """Windows of features, and the clicks they answer.

    Attributes
    ----------
    windows
        Shape (z, rows, columns, w, w, C), float32; the image is mirrored up to whole windows.
    voxels
        Shape of the image (z, y, x).
    stride
        Side of a patch in voxels.
    """

    windows: Tensor
    voxels: tuple[int, int, int]
    stride: int

    @classmethod
    def of(cls, features: NDArray[np.float32], voxels: tuple[int, int, int], stride: int, side: int = WINDOW) -> Dense:
        """Cut features (z, gy, gx, C) into windows of `side` patches."""
        sections, height, width, channels = features.shape
        missing = [(0, -size % side) for size in (height, width)]
        padded = np.pad(features, ((0, 0), *missing, (0, 0)), mode="symmetric")
        rows, columns = padded.shape[1] // side, padded.shape[2] // side
        cut = padded.reshape(sections, rows, side, columns, side, channels).transpose(0, 1, 3, 2, 4, 5)
        return cls(torch.from_numpy(np.ascontiguousarray(cut, dtype=np.float32)), voxels, stride)

    @torch.inference_mode()
    def click(self, places: Sequence[tuple[float, float, float]]) -> Tensor:
        """Distance of every voxel to what lies at some places (z, y, x), shape (z, y, x): 0 is alike, 1 is unlike."""
        found = [self._look_up(place) for place in places]
        vector = torch.stack([self.windows[window][patch] for window, patch in found]).mean(dim=0)  # C
        bank = torch.stack([self.windows[window] for window, _ in found])  # P w w C
        labels = pseudo_labels(bank, vector).flatten()  # M
        return self._upsampled(self._vote(bank.flatten(0, 2), labels))

    def _look_up(self, place: tuple[float, float, float]) -> tuple[tuple[int, int, int], tuple[int, int]]:
        """The window of a place, and the patch in it: the position is rounded, half a patch too far."""
        side = self.windows.shape[3]
        within, patch = [], []
        for voxel in place[1:]:
            window = int(voxel // (side * self.stride))
            within.append(window)
            patch.append(min(round(voxel / self.stride - window * side), side - 1))
        return (round(place[0]), within[0], within[1]), (patch[0], patch[1])

    def _vote(self, bank: Tensor, labels: Tensor) -> Tensor:
        """Mean label of the nearest patches of the bank (M, C), shape (z, gy, gx), window by window."""
        sections, rows, columns, side, _, _ = self.windows.shape
        votes = torch.empty(sections, rows, columns, side, side)
        for index in np.ndindex(sections, rows, columns):
            distances = torch.cdist(self.windows[index].flatten(0, 1), bank)  # w*w M
            nearest = distances.topk(min(NEIGHBOURS, len(bank)), dim=1, largest=False).indices
            votes[index] = labels[nearest].mean(dim=1).reshape(side, side)
        return votes.transpose(2, 3).reshape(sections, rows * side, columns * side)

    def _upsampled(self, patches: Tensor) -> Tensor:
        """Smoothed and bilinear, at all voxels (z, y, x)."""
        size = [count * self.stride for count in patches.shape[1:]]
        fine = F.interpolate(smoothed(patches)[:, None], size=size, mode="bilinear", align_corners=False)
        _, height, width = self.voxels
        return fine[:, 0, :height, :width]


def pseudo_labels(bank: Tensor, vector: Tensor) -> Tensor:
    """Smoothed distances of windows (P, w, w, C) to a vector (C,), from 0 to 1 between their quantiles: (P, w, w)."""
    distances = torch.cdist(bank.flatten(0, 2), vector[None])[:, 0].reshape(bank.shape[:3])
    smooth = smoothed(distances)
    low, high = torch.quantile(smooth, torch.tensor(QUANTILES))
    labels: Tensor = ((smooth - low) / (high - low)).clamp(0.0, 1.0)
    return labels


def smoothed(maps: Tensor) -> Tensor:
    """A Gaussian of 3 x 3 patches and a sigma of 1 over maps (N, h, w), mirrored at their borders."""
    side = torch.exp(-0.5 * torch.tensor([-1.0, 0.0, 1.0]) ** 2)
    kernel = torch.outer(side, side) / side.sum() ** 2
    return F.conv2d(F.pad(maps[:, None], (1, 1, 1, 1), mode="reflect"), kernel[None, None])[:, 0]
