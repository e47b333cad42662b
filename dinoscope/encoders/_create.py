"""From a name or a path to an encoder."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from dinoscope.encoders._catalogue import BUNDLED, CATALOGUE
from dinoscope.encoders._precision import in_precision
from dinoscope.encoders._shifted import in_passes
from dinoscope.errors import EncoderNotFoundError

if TYPE_CHECKING:
    from dinoscope.encoders._catalogue import CatalogueEntry
    from dinoscope.encoders._spec import Encoder

PLUS = "+"
"""Between the name or path of a DINOv2 and that of what is put on it."""

DINOTXT = "dinotxt"
"""Name of the head of dino.txt."""

DINOTXT_URL = "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_reg4_dinotxt_tet1280d20h24l"
"""What the addresses of dino.txt's two files begin with."""

DINOTXT_HEAD = f"{DINOTXT_URL}_vision_head.pth"

_WEIGHT_SUFFIXES = {".pth", ".pt", ".bin", ".safetensors"}


def create_encoder(name_or_path: str | Path, device: str = "auto", passes: int = 1, precision: str = "auto") -> Encoder:
    """Make the encoder of that name, or of weights on disk.

    A name from `CATALOGUE` is an order to get it: weights that are not on this machine are downloaded from the Hugging
    Face hub. A path is read and nothing else: a folder of Hugging Face's DINOv2, a checkpoint with Meta's or Hugging
    Face's tensor names (``.pth`` or ``.safetensors``, any size), EM-DINO's ``backbone_emdino_v1.pt``, or a compact
    encoder of our own. All DINOv2 weights give the features of Meta's code at every picture size.

    What others trained to be put on a DINOv2 follows after a ``+``: ``"dinov2-large-reg+dinotxt"`` for the vision head
    of dino.txt, which is downloaded from Meta, or the path of a file: ``"dinov2-base-reg+/data/denoiser.pth"``.

    Parameters
    ----------
    name_or_path
        A name such as ``"nano"`` or ``"dinov2-small-reg"``, or a path.
    device
        ``"auto"`` for the fastest there is, or ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``, ``"xpu"``.
    passes
        How many times finer its grid of patches is made by shifted passes, see `ShiftedEncoder`; a divisor of its
        stride. Every tile takes ``passes * passes`` times as long.
    precision
        What its products are computed in: ``"auto"`` for what is usual on the device (float16 for DINOv2 on CUDA,
        float32 elsewhere), ``"fastest"`` for bfloat16 where a CPU is made for it, or ``"float32"``,
        ``"bfloat16"``, ``"float16"``.

    Raises
    ------
    EncoderNotFoundError
        If the name is unknown, or the weights are not here and cannot be downloaded.
    CheckpointError
        If a file is damaged or holds no encoder known here.
    SettingsError
        If the device is not available or does not compute in the precision, or the passes do not divide the stride.
    """
    return in_passes(in_precision(_create(name_or_path, device), precision), passes)


def _create(name_or_path: str | Path, device: str) -> Encoder:
    """The encoder as it is usual on the device."""
    if isinstance(name_or_path, str) and name_or_path in CATALOGUE:
        return _create_named(CATALOGUE[name_or_path], device)
    path = Path(name_or_path).expanduser()
    if path.exists():
        return _create_from_path(path, device)
    backbone, plus, head = str(name_or_path).partition(PLUS)
    if not plus:
        raise EncoderNotFoundError(_unknown(name_or_path))
    return _create_with_head(backbone, head, device)


def _create_with_head(backbone: str, head: str, device: str) -> Encoder:
    """A DINOv2 by name or path, with a head by name or path."""
    from dinoscope.encoders._checkpoints import read_checkpoint
    from dinoscope.encoders._devices import pick_device
    from dinoscope.encoders._dinov2 import Dinov2Encoder
    from dinoscope.encoders._heads import read_head
    from dinoscope.encoders._hub import fetch_url, fetch_weights

    picked = pick_device(device)
    entry, path = CATALOGUE.get(backbone), Path(backbone).expanduser()
    if (entry is None and not path.exists()) or (entry is not None and entry.source == BUNDLED):
        names = ", ".join(name for name, other in CATALOGUE.items() if other.source != BUNDLED)
        raise EncoderNotFoundError(
            f"{backbone!r} carries no head: expected before the {PLUS} one of {names}, or a path to DINOv2 weights"
        )
    file = fetch_url(DINOTXT_HEAD) if head == DINOTXT else Path(head).expanduser()
    if not file.is_file():
        raise EncoderNotFoundError(
            f"there is no file {head!r}: expected after the {PLUS} the path of a vision head, or {DINOTXT}"
        )
    found = read_head(file)
    checkpoint = read_checkpoint(path if entry is None else fetch_weights(entry))
    name = entry.name if entry is not None else path.name if path.is_dir() else path.stem
    licence = entry.licence if entry is not None and head == DINOTXT else "unknown"
    return Dinov2Encoder(checkpoint, picked, name=name, licence=licence, head=found)


def _create_named(entry: CatalogueEntry, device: str) -> Encoder:
    from dinoscope.encoders._devices import pick_device

    picked = pick_device(device)  # before a download, which a wrong device would waste
    if entry.source == BUNDLED:
        from dinoscope.encoders._compact import load_nano

        return load_nano(str(picked))
    from dinoscope.encoders._checkpoints import read_checkpoint
    from dinoscope.encoders._dinov2 import Dinov2Encoder
    from dinoscope.encoders._hub import fetch_weights

    checkpoint = read_checkpoint(fetch_weights(entry))
    return Dinov2Encoder(checkpoint, picked, name=entry.name, licence=entry.licence)


def _create_from_path(path: Path, device: str) -> Encoder:
    from dinoscope.encoders._checkpoints import read_checkpoint
    from dinoscope.encoders._compact import is_compact_checkpoint, load_compact
    from dinoscope.encoders._devices import pick_device
    from dinoscope.encoders._dinov2 import Dinov2Encoder

    picked = pick_device(device)
    if is_compact_checkpoint(path):
        return load_compact(path, str(picked))
    name = path.name if path.is_dir() else path.stem
    return Dinov2Encoder(read_checkpoint(path), picked, name=name, licence="unknown")


def _unknown(name_or_path: str | Path) -> str:
    text = str(name_or_path)
    by_source = {entry.source: name for name, entry in CATALOGUE.items()}
    near = [by_source[text]] if text in by_source else get_close_matches(text, CATALOGUE)
    if isinstance(name_or_path, Path) or Path(text).name != text or Path(text).suffix in _WEIGHT_SUFFIXES:
        hint = f"; did you mean the encoder {near[0]!r}?" if near else ""
        return f"there is no file or folder {text!r}: expected weights at that path{hint}"
    return f"unknown encoder {text!r}: expected a name such as {', '.join(near or CATALOGUE)}, or a path to weights"
