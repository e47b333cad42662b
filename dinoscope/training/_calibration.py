"""What is measured at the end of a run: normalisations on unchanged crops, and a whitening of the features.

A trained network says most things many times over: a handful of directions hold nearly all of the variance, and both
cosines and distances see little else. The last convolution is linear, so a whitening folds into it for free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.optim.swa_utils import update_bn

from dinoscope.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinoscope.encoders._compact_net import CompactNet

WHITENING_FLOOR = 0.1
"""Added to the variances, relative to the largest one, so that noise is not blown up to the size of signals."""


def calibrate(net: CompactNet, crops: Sequence[torch.Tensor]) -> None:
    """Measure the normalisations of a trained network, and whiten its features, in place.

    Parameters
    ----------
    net
        Gets running statistics and a last convolution from `crops`, and is put in evaluation mode.
    crops
        Batches (N, 1, H, W) of unchanged pictures, on the device of `net`.
    """
    update_bn(crops, net)
    net.eval()
    with torch.no_grad():
        tokens = torch.cat([net(batch).movedim(1, -1).flatten(0, 2) for batch in crops])  # T C
        whitening = whitening_matrix(tokens, WHITENING_FLOOR) @ torch.diag(1.0 / _spread(net))
        net.project.weight.copy_((whitening @ net.project.weight[:, :, 0, 0])[:, :, None, None])
    update_bn(crops, net)
    net.eval()


def whitening_matrix(tokens: torch.Tensor, floor: float) -> torch.Tensor:
    """Symmetric matrix (C, C) that takes tokens (T, C) to nearly uncorrelated ones: ``(cov + floor * max)^(-1/2)``.

    The symmetric root keeps every channel as close as can be to what it was.
    """
    variances, directions = torch.linalg.eigh(torch.cov(tokens.T.double()))
    scale = (variances.clamp_min(0.0) + floor * variances.max()).rsqrt()
    root: torch.Tensor = (directions * scale) @ directions.T
    return root.to(tokens)


def _spread(net: CompactNet) -> torch.Tensor:
    """What the last normalisation divides by, shape (C,)."""
    norm = net.standardise
    if not isinstance(norm, torch.nn.BatchNorm2d) or norm.running_var is None:
        raise SettingsError("the network is folded: expected one as it was trained; calibrate it before folding")
    variance: torch.Tensor = norm.running_var
    return torch.sqrt(variance + norm.eps)
