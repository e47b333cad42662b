"""From a name or a path to a text encoder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from dinoscope.encoders._checkpoints import read_tensors
from dinoscope.encoders._heads import digest_of
from dinoscope.encoders._hub import fetch_url
from dinoscope.errors import CheckpointError, EncoderNotFoundError
from dinoscope.text._catalogue import DINOTXT_ENCODER, DINOTXT_TEXT, TEXT_CATALOGUE, VOCABULARY_URL, parts_to_bring
from dinoscope.text._encoder import ProjectedEncoder, TextSpec, TowerEncoder
from dinoscope.text._talk2dino import is_projector, read_clip_text, read_projector
from dinoscope.text._templates import TEMPLATES
from dinoscope.text._tokens import read_vocabulary
from dinoscope.text._tower import dinotxt_tower, is_dinotxt, is_simzss, simzss_tower

if TYPE_CHECKING:
    import torch

    from dinoscope.encoders._layouts import State
    from dinoscope.text._encoder import TextEncoder
    from dinoscope.text._tokens import ClipTokenizer
    from dinoscope.text._tower import TextTower

_WEIGHTS = (".pth", ".pt", ".bin", ".safetensors")
_NOT_TEXT = ("vision_head", "pretrain", "denoiser")
"""In the names of files that may lie beside a text tower: the DINOv2, and what is put on it."""

_CLIP_WEIGHTS = ("model", "pytorch_model")
_SPACES = {768: "dinov2-base-reg", 1024: "dinov2-large-reg"}
"""The vision encoders of Talk2DINO, by the channels of their patches."""


def create_text_encoder(name_or_path: str | Path, device: str = "auto") -> TextEncoder:
    """Make the text encoder of that name, or of files on disk.

    A name is an order to get it, where that is possible: see `TEXT_CATALOGUE`. A path is read and nothing else; what
    the weights are, their tensors tell.

    Parameters
    ----------
    name_or_path
        ``"dinotxt"``, or the path of a folder with the weights and the vocabulary: the text tower of dino.txt or
        SimZSS with ``bpe_simple_vocab_16e6.txt.gz``, or CLIP as on the Hugging Face hub with a projector of Talk2DINO.
        It may also be the path of the tower or the projector itself, the others lying beside it.
    device
        As for `create_encoder`.

    Raises
    ------
    EncoderNotFoundError
        If the name is unknown, or nothing is there.
    CheckpointError
        If a file is damaged, missing or of no system known here.
    DownloadError
        If a file cannot be downloaded.
    SettingsError
        If the device is not available.
    """
    from dinoscope.encoders._devices import pick_device

    picked = pick_device(device)  # before a download, which a wrong device would waste
    entry = TEXT_CATALOGUE.get(str(name_or_path))
    path = Path(name_or_path).expanduser()
    if entry is not None and not path.exists():
        if not entry.is_fetched:
            raise EncoderNotFoundError(f"{entry.name} is not fetched by name. {parts_to_bring(entry.name)}")
        tokenizer = read_vocabulary(fetch_url(VOCABULARY_URL))
        return _tower(read_tensors(fetch_url(DINOTXT_TEXT)), tokenizer, picked)
    if not str(name_or_path) or not path.exists():
        raise EncoderNotFoundError(
            f"there is no text encoder {str(name_or_path)!r}: expected {', '.join(TEXT_CATALOGUE)} or a folder with "
            f"its files. {parts_to_bring('talk2dino-base')}"
        )
    try:
        return _from_files(path, picked)
    except CheckpointError as error:
        raise CheckpointError(f"cannot use {path} for texts: {error}") from error


def _from_files(path: Path, device: torch.device) -> TextEncoder:
    folder = path if path.is_dir() else path.parent
    file = _weights_in(folder) if path.is_dir() else path
    state = _read(file)
    if is_projector(state):
        return _talk2dino(state, folder, device)
    return _tower(state, read_vocabulary(folder), device)


def _weights_in(folder: Path) -> Path:
    """The tower or the projector in a folder: CLIP's own weights are found by their name."""
    is_clip = (folder / "config.json").is_file()
    found = [
        file
        for file in sorted(folder.iterdir())
        if file.suffix in _WEIGHTS
        and not any(part in file.name for part in _NOT_TEXT)
        and not (is_clip and file.name.startswith(_CLIP_WEIGHTS))
    ]
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise CheckpointError(
            f"expected one file with a text tower or a projector there ({', '.join(_WEIGHTS)}), found {names}: "
            "pass the path of the right one"
        )
    return found[0]


def _read(file: Path) -> State:
    try:
        return read_tensors(file)
    except CheckpointError as error:
        raise CheckpointError(
            f"{error}. If it is a checkpoint of SimZSS that you trust, `dinoscope convert-text {file.name} OUT "
            "--trust` takes the tensors out of it"
        ) from error


def _tower(state: State, tokenizer: ClipTokenizer, device: torch.device) -> TextEncoder:
    if is_dinotxt(state):
        tower = dinotxt_tower(state)
        # The vector of a text has two halves: the first is aligned with the picture's class token.
        name, space, channels = "dino.txt", DINOTXT_ENCODER, tower.sizes.channels // 2
    elif is_simzss(state):
        tower = simzss_tower(state)
        name, space, channels = "SimZSS", TEXT_CATALOGUE["simzss"].encoder, tower.sizes.channels
    else:
        raise CheckpointError(
            f"none of the {len(state)} tensors is of a text tower of dino.txt (backbone.token_embedding.weight) or of "
            "SimZSS (text.text_projection), or of a projector of Talk2DINO (linear_layer.weight)"
        )
    _check_vocabulary(tower, tokenizer)
    spec = TextSpec(name, space, channels, _fingerprint(tower.state_dict()))
    return TowerEncoder(spec, tokenizer, tower, device)


def _talk2dino(state: State, folder: Path, device: torch.device) -> TextEncoder:
    projector, clip = read_projector(state), read_clip_text(folder)
    text, channels = projector.text, projector.channels
    if text != clip.config.projection_dim:
        raise CheckpointError(
            f"the projector takes vectors of {text} channels, this CLIP gives {clip.config.projection_dim}: expected "
            "CLIP ViT-B/16"
        )
    space = _SPACES.get(channels, f"dinov2 with {channels} channels")
    spec = TextSpec("Talk2DINO", space, channels, _fingerprint({**clip.state_dict(), **projector.state_dict()}))
    return ProjectedEncoder(spec, read_vocabulary(folder), clip, projector, device)


def _check_vocabulary(tower: TextTower, tokenizer: ClipTokenizer) -> None:
    if tokenizer.size != tower.sizes.vocabulary:
        raise CheckpointError(
            f"the vocabulary has {tokenizer.size} tokens, the tower knows {tower.sizes.vocabulary}: they do not belong "
            "together"
        )


def _fingerprint(state: State) -> str:
    return hashlib.sha256(f"{digest_of(state)} {TEMPLATES}".encode()).hexdigest()
