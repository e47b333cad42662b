"""Dense clustering: patches are assigned to prototypes, balanced over the batch, and the student predicts them.

The balanced assignment is that of SwAV (Caron et al. 2020, https://arxiv.org/abs/2006.09882); the mean teacher and
the hidden patches are those of DINO and iBOT (Caron et al. 2021, https://arxiv.org/abs/2104.14294; Zhou et al. 2022,
https://arxiv.org/abs/2111.07832).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from dinoscope.encoders._compact_net import CompactNet

STUDENT_TEMPERATURE = 0.1
SINKHORN_TEMPERATURE = 0.02
SINKHORN_ROUNDS = 3
_HEAD_WIDTH = 256
_HEAD_CHANNELS = 64


class ClusterNet(nn.Module):
    """A compact network with a head that compares every patch with the prototypes.

    Parameters
    ----------
    encoder
        The network to train.
    prototypes
        Their number K.
    """

    def __init__(self, encoder: CompactNet, prototypes: int) -> None:
        super().__init__()
        self.encoder = encoder
        # Tokens are centred within their own picture. Without that all cosines start alike, and the easiest way to
        # fill the prototypes is to tell the pictures apart, which is of no use within one image.
        self.head = nn.Sequential(
            nn.Conv2d(encoder.config.channels, _HEAD_WIDTH, 1, bias=False),
            nn.BatchNorm2d(_HEAD_WIDTH),
            nn.GELU(),
            nn.Conv2d(_HEAD_WIDTH, _HEAD_CHANNELS, 1, bias=False),
            nn.InstanceNorm2d(_HEAD_CHANNELS),
        )
        self.prototypes = nn.Parameter(functional.normalize(torch.randn(prototypes, _HEAD_CHANNELS)))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Cosines (N, K, h, w) of the patches of pixels (N, 1, H, W) with the prototypes."""
        tokens = functional.normalize(self.head(self.encoder(pixels)))  # N D h w
        return functional.conv2d(tokens, functional.normalize(self.prototypes)[:, :, None, None])


def sinkhorn(scores: torch.Tensor, temperature: float, rounds: int) -> torch.Tensor:
    """Assign tokens to prototypes so that every prototype gets about the same share.

    Algorithm of Sinkhorn and Knopp: rows and columns of ``exp(scores / temperature)`` are scaled in turn.

    Parameters
    ----------
    scores
        Shape (T, K).
    temperature
        Lower is closer to a hard assignment.
    rounds
        How often both scalings are done; the tokens' comes last.

    Returns
    -------
    Shape (T, K); every row sums to 1, every column to nearly T / K.
    """
    logits = scores / temperature
    # Scaling the rows by their maxima first cannot overflow, and leaves the limit of the iteration as it is.
    plan = torch.exp(logits - logits.amax(dim=1, keepdim=True))
    for _ in range(rounds):
        plan = plan / plan.sum(dim=0, keepdim=True).clamp_min(1e-12)
        plan = plan / plan.sum(dim=1, keepdim=True)
    return plan


def assign(cosines: torch.Tensor) -> torch.Tensor:
    """Balanced assignments (N, K, h, w) of the tokens of a batch, each summing to 1 over K."""
    n, k, h, w = cosines.shape
    rows = cosines.permute(0, 2, 3, 1).reshape(-1, k)  # T K
    plan = sinkhorn(rows, SINKHORN_TEMPERATURE, SINKHORN_ROUNDS)
    return plan.reshape(n, h, w, k).permute(0, 3, 1, 2)


def dense_loss(cosines: torch.Tensor, targets: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the student's tokens (N, K, h, w) with their targets, where `valid` (N, h, w) is true."""
    entropy = -(targets * functional.log_softmax(cosines / STUDENT_TEMPERATURE, dim=1)).sum(dim=1)  # N h w
    weight = valid.to(entropy)
    return (entropy * weight).sum() / weight.sum().clamp_min(1.0)
