"""Self-supervised pre-training of the compact encoder."""

from dinoscope.training._loop import pretrain
from dinoscope.training._settings import PretrainSettings

__all__ = ["PretrainSettings", "pretrain"]
