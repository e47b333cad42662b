"""The exception family of dinoscope.

Each class also subclasses the builtin that a caller would naturally catch. A message says what is wrong, the value
found, what was expected and what to do next.
"""

from __future__ import annotations


class DinoscopeError(Exception):
    """Base of every error that dinoscope raises on purpose."""


class AxesError(DinoscopeError, ValueError):
    """The axes of an image are not the ones a step can work with."""


class RegionError(DinoscopeError, ValueError):
    """A region is malformed or lies outside of its image."""


class ImageReadError(DinoscopeError, OSError):
    """A file cannot be read as an image: missing, damaged or of an unknown kind."""


class SettingsError(DinoscopeError, ValueError):
    """A setting, or a combination of settings, makes no sense."""


class EncoderNotFoundError(DinoscopeError, FileNotFoundError):
    """An encoder's name is unknown, or its weights are not on this machine."""


class SegmenterNotFoundError(DinoscopeError, FileNotFoundError):
    """The name of a segmenter is unknown, or its weights are not on this machine."""


class CheckpointError(DinoscopeError, ValueError):
    """A weights file does not have the layout of any model known here."""


class EncoderInputError(DinoscopeError, ValueError):
    """Pixels handed to an encoder have the wrong shape, type or range."""


class StoreMismatchError(DinoscopeError, ValueError):
    """A feature store was made from another image, encoder, tiling or intensity range."""


class StoreError(DinoscopeError, OSError):
    """A feature store or a result cannot be read from or written to disk."""


class DamagedFeaturesError(StoreError):
    """Features on disk were damaged. They are no longer in the store: extract again what is missing."""


class PromptError(DinoscopeError, ValueError):
    """Prompts are missing, malformed or outside of the image."""


class ReferenceMismatchError(DinoscopeError, ValueError):
    """A reference and the features it is compared with do not belong together."""


class EvaluationError(DinoscopeError, ValueError):
    """A prediction and a ground truth cannot be compared."""


class OutputExistsError(DinoscopeError, FileExistsError):
    """A result would overwrite a file that is already there."""


class NotReadyError(DinoscopeError, LookupError):
    """A result is asked for that has not been made, or is no longer true."""


class MissingDependencyError(DinoscopeError, ImportError):
    """An optional package is needed; the message names the extra that brings it."""


class DownloadError(DinoscopeError, OSError):
    """A file cannot be fetched, or what arrived is not what was asked for."""


class ClusterError(DinoscopeError, RuntimeError):
    """Workers cannot be reached, die again and again, or cannot do what is asked of them."""


class Cancelled(DinoscopeError, RuntimeError):  # noqa: N818 - an outcome, not a fault
    """A running step was asked to stop and did so at a clean point."""
