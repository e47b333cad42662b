"""Self-supervised pre-training of the compact encoder."""

from dinoscope.settings import PretrainSettings
from dinoscope.training._loop import pretrain

__all__ = ["PretrainSettings", "pretrain"]
