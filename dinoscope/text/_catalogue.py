"""The text encoders that are known, and which files each is made of."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from dinoscope.encoders._create import DINOTXT_URL

if TYPE_CHECKING:
    from collections.abc import Mapping

VOCABULARY_URL = "https://dl.fbaipublicfiles.com/dinov2/thirdparty/bpe_simple_vocab_16e6.txt.gz"
DINOTXT_TEXT = f"{DINOTXT_URL}_text_encoder.pth"

DINOTXT_ENCODER = "dinov2-large-reg+dinotxt"
"""The vision encoder of dino.txt."""


@dataclass(frozen=True, slots=True)
class TextEntry:
    """The facts about a system that aligns texts with patches.

    Attributes
    ----------
    name
        What `create_text_encoder` takes, where the files may be fetched by name; else only what it is called.
    system
        What its authors call it.
    encoder
        The vision encoder to use with it.
    files
        What to bring, and from where: put into one folder, whose path is then the text encoder.
    parameters
        Number of trained values of the text part, from the published sizes.
    licence
        SPDX identifier of the weights, or what is known.
    is_fetched
        Whether the name is an order to download it.
    note
        In a sentence.
    """

    name: str
    system: str
    encoder: str
    files: tuple[str, ...]
    parameters: int
    licence: str
    is_fetched: bool
    note: str

    @property
    def weight_bytes(self) -> int:
        """Size of the text part in float32: on disk, and in memory while texts are embedded."""
        return 4 * self.parameters


_CLIP = "https://huggingface.co/openai/clip-vit-base-patch16 (config.json, model.safetensors, vocab.json, merges.txt)"
_TALK2DINO = "https://github.com/lorebianchi98/Talk2DINO"

_ENTRIES = (
    TextEntry(
        "dinotxt",
        "dino.txt",
        DINOTXT_ENCODER,
        (DINOTXT_TEXT, VOCABULARY_URL),
        538_131_200,
        "Apache-2.0",
        True,
        "Trained by Meta on captions from the web; its vision head (101 MB) is fetched with the encoder.",
    ),
    TextEntry(
        "talk2dino-base",
        "Talk2DINO",
        "dinov2-base-reg",
        (_CLIP, f"{_TALK2DINO}: weights/vitb_mlp_infonce.pth"),
        63_428_096 + 984_576,
        "Apache-2.0 on the hub",
        False,
        "The light one: CLIP's text tower and a projector of 4 MB.",
    ),
    TextEntry(
        "talk2dino-large",
        "Talk2DINO",
        "dinov2-large-reg",
        (_CLIP, "https://huggingface.co/lorebianchi98/Talk2DINO-ViTL: the projector"),
        63_428_096 + 512 * 1024 + 1024 + 1024 * 1024 + 1024,  # if it is as wide inside as outside, like the small one
        "Apache-2.0 on the hub",
        False,
        "The same over larger patches.",
    ),
    TextEntry(
        "simzss",
        "SimZSS",
        "dinov2-base-reg",
        ("one of the two checkpoints that github.com/tileb1/simzss links to, through `convert-text`", VOCABULARY_URL),
        63_559_168,
        "none given: ask its authors",
        False,
        "For its denoiser add the checkpoint to the encoder: dinov2-base-reg+FILE.",
    ),
)

TEXT_CATALOGUE: Mapping[str, TextEntry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""Every text encoder that is known, by name."""


def parts_to_bring(name: str) -> str:
    """Which files a text encoder is made of, in a sentence."""
    entry = TEXT_CATALOGUE[name]
    return f"{entry.system}: put {' and '.join(entry.files)} into one folder and pass its path"
