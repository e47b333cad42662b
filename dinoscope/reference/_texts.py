"""Texts as examples: vectors without a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from dinoscope.errors import PromptError
from dinoscope.prompts import TextPrompt
from dinoscope.reference._reference import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dinoscope.encoders import EncoderSpec
    from dinoscope.prompts import Prompt

EmbedTexts: TypeAlias = "Callable[[Sequence[str], EncoderSpec], NDArray[Any]]"
"""From n texts to where they lie among the features of a vision encoder, shape (n, C), each of length 1."""


def no_texts(texts: Sequence[str], encoder: EncoderSpec) -> NDArray[np.float32]:
    """Refuse texts: there is nothing to read them.

    Raises
    ------
    PromptError
        Always.
    """
    raise PromptError(
        f"the text {texts[0]!r} is an example, but there is no text encoder to read it: name one as text_encoder "
        "(--text-encoder); `dinoscope encoders` lists them and the files they need"
    )


def text_examples(
    prompts: Sequence[Prompt], encoder: EncoderSpec, embed: EmbedTexts
) -> dict[TextPrompt, tuple[NDArray[np.float32], Window]]:
    """The vector (C,) of every text among some prompts, as long as its weight, and its window."""
    texts = list(dict.fromkeys(prompt for prompt in prompts if isinstance(prompt, TextPrompt)))
    if not texts:
        return {}
    vectors = embed([prompt.text for prompt in texts], encoder)
    nowhere = Window.nowhere(encoder.channels)
    pairs = zip(texts, vectors, strict=True)
    return {prompt: ((prompt.weight * vector).astype(np.float32), nowhere) for prompt, vector in pairs}
