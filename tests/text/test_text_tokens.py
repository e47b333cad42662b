"""CLIP's tokens: the true numbers of a few sentences, and what is in no caption."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import CLIPTokenizerFast  # type: ignore[attr-defined]

from dinoscope.errors import CheckpointError
from dinoscope.text import ClipTokenizer, LongTextWarning, read_vocabulary
from tests.text.files import BEGIN, END, MERGES, small_vocabulary, true_vocabulary, write_hub, write_openai

# As OpenAI's own tokenizer numbers them.
SENTENCES = {
    "a photo of a cat": [49406, 320, 1125, 539, 320, 2368, 49407],
    "mitochondrion": [49406, 42132, 525, 49407],
    "Vesicle": [49406, 673, 8278, 579, 49407],
    "": [49406, 49407],
}
WHOLE = {
    **SENTENCES,
    "an electron micrograph of a mitochondrion.": [
        49406, 550, 33396, 3160, 4407, 539, 320, 42132, 525, 269, 49407,
    ],
    "  Golgi   apparatus\n(trans)": [49406, 1537, 4478, 37716, 263, 8126, 264, 49407],
    "don't we'll 42nd 3.5nm": [49406, 847, 713, 649, 1342, 275, 273, 1764, 274, 269, 276, 11370, 49407],
    "митохондрия": [49406, 38018, 16701, 17875, 13506, 141, 227, 20978, 121, 140, 112, 41092, 141, 493, 49407],
    "a &amp; b": [49406, 320, 261, 321, 49407],
}  # fmt: skip


@pytest.fixture
def tokenizer() -> ClipTokenizer:
    return ClipTokenizer(true_vocabulary(), list(MERGES))


@pytest.mark.parametrize("text", SENTENCES)
def test_sentences_have_the_numbers_that_openai_gives_them(tokenizer: ClipTokenizer, text: str) -> None:
    assert tokenizer.encode(text) == SENTENCES[text]


@pytest.mark.data
@pytest.mark.parametrize("text", WHOLE)
def test_the_whole_vocabulary_gives_them_too(text: str) -> None:
    path = Path(os.environ.get("DINOSCOPE_CLIP_VOCABULARY", "absent"))
    if not path.exists():
        pytest.skip("no CLIP vocabulary here (set DINOSCOPE_CLIP_VOCABULARY to bpe_simple_vocab_16e6.txt.gz)")
    tokenizer = read_vocabulary(path)
    assert tokenizer.size == 49408
    assert tokenizer.encode(text) == WHOLE[text]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipTokenizer, Any]:
    """Ours and that of transformers, from the same files."""
    folder = tmp_path_factory.mktemp("hub")
    write_hub(folder)
    return read_vocabulary(folder), CLIPTokenizerFast.from_pretrained(folder)


@given(text=st.text(max_size=40).filter(lambda text: "&" not in text and "<|" not in text))
def test_any_text_is_split_as_transformers_splits_it(both: tuple[ClipTokenizer, Any], text: str) -> None:
    ours, theirs = both
    assert ours.encode(text) == theirs(text.strip())["input_ids"]


def test_all_forms_of_a_vocabulary_are_the_same(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("openai", "hub", "one", "older")]
    for folder in folders:
        folder.mkdir()
    write_openai(folders[0])
    write_hub(folders[1])
    model = {"vocab": small_vocabulary(), "merges": [list(pair) for pair in MERGES]}
    (folders[2] / "tokenizer.json").write_text(json.dumps({"model": model}))
    model["merges"] = [" ".join(pair) for pair in MERGES]
    (folders[3] / "tokenizer.json").write_text(json.dumps({"model": model}))
    read = [read_vocabulary(folder) for folder in folders]
    for text in ("a photo of a mitochondrion", "ミトコンドリア", "naïve café 42nd", "😀"):
        first, *others = (tokenizer.encode(text) for tokenizer in read)
        assert all(other == first for other in others)
    assert {tokenizer.size for tokenizer in read} == {len(small_vocabulary())}


def test_rows_are_filled_with_zeros(tokenizer: ClipTokenizer) -> None:
    rows = tokenizer.batch(["mitochondrion", "a cat"])
    assert rows.shape == (2, 77)
    assert rows[0].tolist() == [49406, 42132, 525, 49407] + 73 * [0]


def test_of_a_long_text_the_beginning_counts(tokenizer: ClipTokenizer) -> None:
    text = " ".join(["cat"] * 200)
    with pytest.warns(LongTextWarning, match="200 tokens: only the first 75"):
        (row,) = tokenizer.batch([text])
    assert row.tolist() == [49406, *75 * [2368], 49407]


@pytest.mark.parametrize("text", ["細胞", "митохондрия", "\x00\x07", "😀", "ß", " "])
def test_no_text_is_unknown(tokenizer: ClipTokenizer, text: str) -> None:
    tokens = tokenizer.encode(text)
    assert (tokens[0], tokens[-1]) == (49406, 49407)
    assert len(tokens) == 2 or 49407 not in tokens[1:-1]  # which would stand for what is unknown


def test_what_is_no_vocabulary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no vocabulary in .*bpe_simple_vocab_16e6\.txt\.gz"):
        read_vocabulary(tmp_path)
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"vocab\.json is no vocabulary of CLIP"):
        read_vocabulary(tmp_path)  # merges.txt is missing
    (tmp_path / "merges.txt").write_text("#version\n")
    with pytest.raises(CheckpointError, match=re.escape("has no <|startoftext|> and no <|endoftext|>")):
        read_vocabulary(tmp_path)
    (tmp_path / "bpe_simple_vocab_16e6.txt.gz").write_bytes(b"no gzip")
    with pytest.raises(CheckpointError, match="damaged"):
        read_vocabulary(tmp_path)
    whole = write_openai(tmp_path).read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:40] + b"\xff" * 40 + whole[80:]):
        (tmp_path / "bpe_simple_vocab_16e6.txt.gz").write_bytes(broken)
        with pytest.raises(CheckpointError, match="damaged"):
            read_vocabulary(tmp_path)
    with pytest.raises(CheckpointError, match="do not belong together"):
        ClipTokenizer({BEGIN: 0, END: 1}, [("a", "b")])
