"""Texts looked up among the features of a vision encoder, and whether the two belong together."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dinoscope.encoders import CATALOGUE
from dinoscope.errors import PromptError, ReferenceMismatchError
from dinoscope.reference import no_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dinoscope.encoders import EncoderSpec
    from dinoscope.text._encoder import TextSpec

_OTHER_NAMES = {
    "dinov2_vitb14_reg4_pretrain": "dinov2-base-reg",
    "dinov2_vitl14_reg4_pretrain": "dinov2-large-reg",
    "dinov2-with-registers-base": "dinov2-base-reg",
    "dinov2-with-registers-large": "dinov2-large-reg",
}
"""What files and folders with these weights are called where they are published."""

_DENOISED = "+denoiser"
"""What SimZSS's vision encoder has and need not have."""


class TextSpaceWarning(UserWarning):
    """Nobody can tell whether texts and features belong together."""


@dataclass(slots=True, eq=False)
class TextLookUp:
    """Knows where texts lie. Its encoder is loaded for new texts only and let go of at once: it may be large.

    Attributes
    ----------
    text_encoder
        Name or path, see `dinoscope.text.create_text_encoder`; None where there is none.
    device
        Where it computes.
    """

    text_encoder: str | None
    device: str = "auto"
    _spec: TextSpec | None = field(default=None, repr=False)
    _known: dict[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)

    def __call__(self, texts: Sequence[str], encoder: EncoderSpec) -> NDArray[np.float32]:
        """Where n texts lie among the features of a vision encoder, shape (n, C), each of length 1.

        Raises
        ------
        PromptError
            If no text encoder is named.
        ReferenceMismatchError
            If it is aligned with other features.
        EncoderNotFoundError, CheckpointError, DownloadError, SettingsError
            As `dinoscope.text.create_text_encoder`.

        Warns
        -----
        TextSpaceWarning
            If nobody can tell whether it is.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new or self._spec is None:
            self._read(new, texts, encoder)
        if self._spec is not None:
            check_space(self._spec, encoder)
        return np.stack([self._known[text] for text in texts])

    def _read(self, new: list[str], texts: Sequence[str], encoder: EncoderSpec) -> None:
        if self.text_encoder is None:
            no_texts(texts, encoder)
            raise PromptError("there is no text encoder")
        from dinoscope.text import create_text_encoder  # loads torch; and tests put another in its place

        reader = create_text_encoder(self.text_encoder, self.device)
        self._spec = reader.spec
        check_space(self._spec, encoder)  # before texts are read for nothing
        self._known.update(zip(new, reader.embed(new), strict=True))


def check_space(text: TextSpec, encoder: EncoderSpec) -> None:
    """Make sure that texts lie where the features of a vision encoder do.

    Raises
    ------
    ReferenceMismatchError
        If they do not.

    Warns
    -----
    TextSpaceWarning
        If the features have as many channels, but nobody can tell: of weights from elsewhere, only names are known.
    """
    name = _name_of(encoder)
    if text.space in (name, name.removesuffix(_DENOISED), encoder.feature_space) and text.channels == encoder.channels:
        return
    if text.channels != encoder.channels or name in CATALOGUE:
        raise ReferenceMismatchError(
            f"the texts of {text.name} lie among the features of {text.space} ({text.channels} channels), those here "
            f"are of {encoder.name} ({encoder.channels} channels): use the encoder {text.space}"
        )
    warnings.warn(
        f"the texts of {text.name} lie among the features of {text.space}; whether {encoder.name} has the same weights "
        "nobody can tell from its name: if not, texts find anything",
        TextSpaceWarning,
        stacklevel=3,
    )


def _name_of(encoder: EncoderSpec) -> str:
    """The name in the catalogue of published weights, with what is put on them."""
    whole = encoder.name.split(" in ")[0]  # without the passes
    backbone, plus, head = whole.partition("+")
    return _OTHER_NAMES.get(backbone, backbone) + plus + head
