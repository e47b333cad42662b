"""The model card of an encoder: what it is, what it was trained on, and what it is worth."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from dinoscope.encoders._catalogue import BUNDLED, CATALOGUE
from dinoscope.errors import EncoderNotFoundError

CARD_FILE = "README.md"
"""Name of the card inside of an encoder's folder."""


def read_card(encoder: str | Path) -> str:
    """The model card of an encoder, in Markdown.

    Parameters
    ----------
    encoder
        A name of the catalogue, or the folder of an encoder that `dinoscope pretrain` or `dinoscope distill` made.

    Raises
    ------
    EncoderNotFoundError
        If there is no such encoder, or its folder has no card.
    """
    entry = CATALOGUE.get(str(encoder))
    if entry is None:
        path = Path(encoder)
        card = path / CARD_FILE if path.is_dir() else path.with_name(CARD_FILE)
        if not path.exists() or not card.is_file():
            raise EncoderNotFoundError(
                f"there is no card of an encoder {str(encoder)!r}: expected {', '.join(CATALOGUE)}, or a folder with "
                f"an encoder and its {CARD_FILE}"
            )
        return card.read_text(encoding="utf-8")
    if entry.source == BUNDLED:
        folder = resources.files("dinoscope.encoders") / "weights"
        return (folder / f"{entry.name}.md").read_text(encoding="utf-8")
    return (
        f"# {entry.name}\n\n{entry.note}\n\n- Weights: https://huggingface.co/{entry.source}\n"
        f"- Licence of the weights: {entry.licence}\n- Parameters: {entry.parameters:,}\n"
    )
