"""The SAM 2 weights that can be asked for by name, and the segmenter that some settings want."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from dinoscope.errors import DownloadError, SegmenterNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dinoscope.segmentation._segmenter import Segmenter
    from dinoscope.settings import SegmentationSettings

FILES = ("config.json", "model.safetensors")
"""What a folder holds, as Hugging Face's transformers lays it out."""


@dataclass(frozen=True, slots=True)
class SamEntry:
    """The facts about SAM 2 weights that have a name.

    Attributes
    ----------
    name
        What `create_segmenter` takes.
    source
        Repository on the Hugging Face hub.
    parameters
        Number of trained values, in millions, as Meta gives it: github.com/facebookresearch/sam2.
    licence
        SPDX identifier of the weights.
    """

    name: str
    source: str
    parameters: float
    licence: str = "Apache-2.0"

    @property
    def megabytes(self) -> int:
        """Size of the weights in float32, which is how they are published."""
        return round(4 * self.parameters)


_SIZES = {"tiny": 38.9, "small": 46.0, "base-plus": 80.8, "large": 224.4}

SAM_CATALOGUE: Mapping[str, SamEntry] = MappingProxyType(
    {
        f"sam2.1-hiera-{size}": SamEntry(f"sam2.1-hiera-{size}", f"facebook/sam2.1-hiera-{size}", parameters)
        for size, parameters in _SIZES.items()
    }
)
"""All SAM 2 weights that have a name, by name, smallest first."""


def segmenter_of(settings: SegmentationSettings, device: str = "auto") -> Segmenter | None:
    """The segmenter that draws the outlines of objects by these settings, or None where none does.

    Raises
    ------
    SegmenterNotFoundError, CheckpointError, SettingsError, MissingDependencyError
        As `create_segmenter`.
    """
    return create_segmenter(settings.sam2_weights, device) if settings.refine == "sam2" else None


def create_segmenter(name_or_path: str | Path, device: str = "auto") -> Segmenter:
    """Make a SAM 2 of that name, or of weights on disk.

    Parameters
    ----------
    name_or_path
        A name from `SAM_CATALOGUE`, which is an order to get it: weights that are not on this machine are downloaded
        from the Hugging Face hub. Or the path of a folder that `Sam2Model.save_pretrained` of transformers wrote, of
        SAM 2 or SAM 2.1 in any size; it is read and nothing else.
    device
        ``"auto"`` for the fastest there is, or ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``, ``"xpu"``.

    Raises
    ------
    SegmenterNotFoundError
        If the name is unknown, or the weights are not here and cannot be downloaded.
    CheckpointError
        If a file is damaged or holds no SAM 2.
    SettingsError
        If the device is not available.
    MissingDependencyError
        If transformers is too old to know SAM 2.
    """
    from dinoscope.encoders._devices import pick_device
    from dinoscope.segmentation._sam import load_sam2

    picked = pick_device(device)  # before a download, which a wrong device would waste
    entry = SAM_CATALOGUE.get(name_or_path) if isinstance(name_or_path, str) else None
    if entry is not None:
        return load_sam2(_fetch(entry), picked)
    path = Path(name_or_path).expanduser()
    if not path.is_dir():
        raise SegmenterNotFoundError(_unknown(str(name_or_path)))
    return load_sam2(path, picked)


def _fetch(entry: SamEntry) -> Path:
    """The folder of catalogued weights, downloaded unless they are in the cache already."""
    from dinoscope.encoders._hub import fetch_file

    try:
        config, _ = (fetch_file(entry.source, name) for name in FILES)
        return config.parent
    except DownloadError as error:
        raise SegmenterNotFoundError(
            f"the SAM 2 weights {entry.name!r} are not on this machine and could not be downloaded ({error}). On a "
            f"machine with internet, download {' and '.join(FILES)} ({entry.megabytes} MB, {entry.licence}) from "
            f"https://huggingface.co/{entry.source} into a folder, bring it here and pass its path as sam2_weights; or "
            "choose refine 'image', which needs no weights"
        ) from error


def _unknown(text: str) -> str:
    by_source = {entry.source: name for name, entry in SAM_CATALOGUE.items()}
    near = [by_source[text]] if text in by_source else get_close_matches(text, SAM_CATALOGUE)
    return (
        f"there are no SAM 2 weights {text!r}: expected {' or '.join(near or SAM_CATALOGUE)}, or the path of a folder "
        f"with {' and '.join(FILES)} as transformers writes them"
    )
