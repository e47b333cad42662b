"""Text as the numbers that CLIP's text towers read.

The byte-pair encoding is that of Hugging Face's tokenizers, put together as CLIP has it (Radford et al. 2021,
arXiv 2103.00020). The vocabulary is a file: it is not part of dinoscope.
"""

from __future__ import annotations

import gzip
import html
import json
import warnings
import zlib
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.pre_tokenizers import ByteLevel

from dinoscope.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

CONTEXT = 77
"""Tokens that all released towers read, with the one that begins and the one that ends a text."""

_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"
_WORDS = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"  # what a word is
)
_MERGES = 49152 - 256 - 2
"""Merges that OpenAI's file counts; what follows in it belongs to other vocabularies."""

_SHOWN = 40
"""Letters of a long text that a message quotes."""

VOCABULARY_FILES = ("bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt", "vocab.json", "tokenizer.json")


class LongTextWarning(UserWarning):
    """Of a text only the beginning counts."""


class ClipTokenizer:
    """Splits text into the tokens of a vocabulary.

    Parameters
    ----------
    vocabulary
        Token to number.
    merges
        The pairs of tokens that become one, the most frequent first.

    Raises
    ------
    CheckpointError
        If the two do not belong together, or the vocabulary lacks the tokens that begin and end a text.
    """

    def __init__(self, vocabulary: dict[str, int], merges: Sequence[tuple[str, str]]) -> None:
        lacking = [token for token in (_BEGIN, _END) if token not in vocabulary]
        if lacking:
            raise CheckpointError(f"the vocabulary has no {' and no '.join(lacking)}: expected that of CLIP")
        self._begin, self._end = vocabulary[_BEGIN], vocabulary[_END]
        self.size = max(vocabulary.values()) + 1
        """Numbers there are, as many as a tower has rows for."""
        try:
            model = models.BPE(vocab=vocabulary, merges=list(merges), end_of_word_suffix=_WORD_END, unk_token=_END)
        except Exception as error:  # the library raises nothing narrower
            raise CheckpointError(f"vocabulary and merges do not belong together ({error})") from error
        self._tokenizer = Tokenizer(model)
        self._tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
        )
        split = pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True)
        self._tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [split, ByteLevel(add_prefix_space=False, use_regex=False)]
        )
        self._tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in (_BEGIN, _END)])

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, however many, between the one that begins and the one that ends it."""
        cleaned = html.unescape(html.unescape(text)).strip()
        return [self._begin, *self._tokenizer.encode(cleaned, add_special_tokens=False).ids, self._end]

    def batch(self, texts: Sequence[str], context: int = CONTEXT) -> NDArray[np.int64]:
        """The tokens of some texts, filled up with zeros, shape (n, context).

        Of a text that is longer the beginning counts, and the last token ends it, as in CLIP.

        Warns
        -----
        LongTextWarning
            If a text is longer.
        """
        rows, encoded = np.zeros((len(texts), context), np.int64), [self.encode(text) for text in texts]
        length, text = max(((len(tokens), text) for tokens, text in zip(encoded, texts, strict=True)), default=(0, ""))
        if length > context:
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
            warnings.warn(
                f"the text {shown!r} has {length - 2} tokens: only the first {context - 2} of them count",
                LongTextWarning,
                stacklevel=2,
            )
        for row, tokens in zip(rows, encoded, strict=True):
            kept = tokens if len(tokens) <= context else [*tokens[: context - 1], self._end]
            row[: len(kept)] = kept
        return rows


def read_vocabulary(path: Path) -> ClipTokenizer:
    """CLIP's vocabulary from any form in which it is published.

    Parameters
    ----------
    path
        OpenAI's ``bpe_simple_vocab_16e6.txt.gz``, ``vocab.json`` with ``merges.txt`` beside it, or ``tokenizer.json``;
        or a folder with one of them.

    Raises
    ------
    CheckpointError
        If there is none, or it is damaged.
    """
    file = path if path.is_file() else next((path / n for n in VOCABULARY_FILES if (path / n).is_file()), None)
    if file is None:
        raise CheckpointError(
            f"there is no vocabulary in {path}: expected {VOCABULARY_FILES[0]} (of dino.txt and SimZSS), or vocab.json "
            "with merges.txt (of CLIP on the Hugging Face hub)"
        )
    try:
        return _read(file)
    except (OSError, EOFError, KeyError, TypeError, ValueError, zlib.error) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{file} is no vocabulary of CLIP, or is damaged ({error})") from error


def _read(file: Path) -> ClipTokenizer:
    if file.name == "vocab.json":
        merges = file.with_name("merges.txt").read_text(encoding="utf-8")
        return ClipTokenizer(json.loads(file.read_text(encoding="utf-8")), _pairs(merges))
    if file.name == "tokenizer.json":
        model = json.loads(file.read_text(encoding="utf-8"))["model"]
        pairs = [pair.split() if isinstance(pair, str) else pair for pair in model["merges"]]
        return ClipTokenizer(model["vocab"], [(left, right) for left, right in pairs])
    written = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    merges_only = _pairs(written.decode("utf-8"))[:_MERGES]
    return ClipTokenizer(_vocabulary_of(merges_only), merges_only)


def _pairs(text: str) -> list[tuple[str, str]]:
    """The merges after the line with the version."""
    rows = [line.split() for line in text.split("\n")[1:]]
    return [(row[0], row[1]) for row in rows if len(row) == 2]


def _vocabulary_of(merges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """OpenAI's numbers: the bytes, the bytes at the end of a word, the merges, and the two that begin and end."""
    letters = _letters()
    tokens = [*letters, *(letter + _WORD_END for letter in letters), *(a + b for a, b in merges), _BEGIN, _END]
    return {token: number for number, token in enumerate(tokens)}


def _letters() -> list[str]:
    """A letter for each byte: bytes that print stand for themselves and come first, as GPT-2 has it."""
    printing = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = 256 - len(printing)
    return [chr(byte) for byte in printing] + [chr(256 + number) for number in range(others)]
