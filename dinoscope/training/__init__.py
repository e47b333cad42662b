"""Training of the compact encoder: without labels, or from another encoder."""

from dinoscope.training._distill import distill
from dinoscope.training._distilled_card import Distilled
from dinoscope.training._loop import pretrain

__all__ = ["Distilled", "distill", "pretrain"]
