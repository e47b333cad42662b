"""What a text encoder is, and the two kinds of it: a tower of its own, and CLIP's with a projector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch.nn import functional as F

from dinoscope.text._templates import sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from dinoscope.text._tokens import ClipTokenizer
    from dinoscope.text._tower import TextTower

_AT_ONCE = 32
"""Sentences in one pass."""


@dataclass(frozen=True, slots=True)
class TextSpec:
    """The facts about a text encoder.

    Attributes
    ----------
    name
        The system: ``dino.txt``, ``SimZSS`` or ``Talk2DINO``.
    space
        The vision encoder whose patches its vectors are aligned with: its name, or its `EncoderSpec.feature_space`.
    channels
        Length C of a vector.
    fingerprint
        Hexadecimal digest of the weights and of the templates.
    """

    name: str
    space: str
    channels: int
    fingerprint: str


class TextEncoder(Protocol):
    """Anything that turns words into places among patch features."""

    @property
    def spec(self) -> TextSpec:
        """The facts that decide the vectors."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Where patches that show what the texts name lie, shape (n, C), each of length 1."""
        ...


class TowerEncoder:
    """A text tower whose vectors, or the last channels of them, are aligned with patches.

    Parameters
    ----------
    spec
        Its facts; where a vector has more channels than `spec.channels`, the last ones count.
    tokenizer
        Of the vocabulary it was trained with.
    tower
        The network.
    device
        Where it computes.
    """

    def __init__(self, spec: TextSpec, tokenizer: ClipTokenizer, tower: TextTower, device: torch.device) -> None:
        self._spec, self._tokenizer, self._device = spec, tokenizer, device
        self._tower = tower.to(device)

    @property
    def spec(self) -> TextSpec:
        """The facts that decide the vectors."""
        return self._spec

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Where patches that show what the texts name lie, shape (n, C), each of length 1.

        Every text is put into all templates, and the mean of the vectors of length 1 is brought to length 1 again.
        """
        return _embed(texts, self._spec.channels, self._one)

    def _one(self, text: str) -> Tensor:
        vectors = [self._tower(batch)[:, -self._spec.channels :] for batch in self._batches(text)]
        return F.normalize(torch.cat(vectors), dim=-1).mean(dim=0)

    def _batches(self, text: str) -> tuple[Tensor, ...]:
        tokens = torch.from_numpy(self._tokenizer.batch(sentences(text), self._tower.sizes.context))
        return torch.split(tokens.to(self._device), _AT_ONCE)


class ProjectedEncoder:
    """CLIP's text tower, and a projector from its vectors to patches.

    Parameters
    ----------
    spec
        Its facts.
    tokenizer
        CLIP's.
    clip
        A `transformers.CLIPTextModelWithProjection` that is ready for use.
    projector
        From CLIP's vectors (n, c) to (n, C).
    device
        Where it computes.
    """

    def __init__(
        self, spec: TextSpec, tokenizer: ClipTokenizer, clip: Any, projector: nn.Module, device: torch.device
    ) -> None:
        self._spec, self._tokenizer, self._device = spec, tokenizer, device
        self._clip, self._projector = clip.to(device), projector.to(device)

    @property
    def spec(self) -> TextSpec:
        """The facts that decide the vectors."""
        return self._spec

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Where patches that show what the texts name lie, shape (n, C), each of length 1.

        Every text is put into all templates; the mean of CLIP's vectors, as they are, is projected. That is how
        Talk2DINO was evaluated.
        """
        return _embed(texts, self._spec.channels, self._one)

    def _one(self, text: str) -> Tensor:
        context = int(self._clip.config.max_position_embeddings)
        tokens = torch.from_numpy(self._tokenizer.batch(sentences(text), context)).to(self._device)
        # A token sees none of those after it, so what a text is filled up with does not matter.
        vectors = self._clip(input_ids=tokens).text_embeds  # n c
        projected: Tensor = self._projector(vectors.float().mean(dim=0, keepdim=True))[0]
        return projected


def _embed(texts: Sequence[str], channels: int, one: Callable[[str], Tensor]) -> NDArray[np.float32]:
    with torch.inference_mode():
        vectors = [F.normalize(one(text), dim=-1).float().cpu().numpy() for text in texts]
    return np.stack(vectors) if vectors else np.zeros((0, channels), np.float32)
