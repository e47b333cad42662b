"""Which files are images, and what their results are called."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinoscope.errors import ImageReadError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dinoscope.image import Image

    Source = str | Path | Image

_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|]')


def find_images(source: Path | Iterable[Path]) -> tuple[Path, ...]:
    """The images in a folder, or among files and folders, sorted.

    Parameters
    ----------
    source
        A folder, or files and folders. Of a folder everything that `open_image` may read is taken, without its plain
        sub-folders; a Zarr is one image. Files are taken as they are.

    Returns
    -------
    Paths without hidden files, feature stores, label images and the results of earlier runs.

    Raises
    ------
    ImageReadError
        If there are none.
    """
    from dinoscope.image import is_zarr

    given = [source] if isinstance(source, Path) else list(source)
    found: set[Path] = set()
    for path in given:
        is_folder = path.is_dir() and not is_zarr(path)
        found |= {inside for inside in path.iterdir() if _is_image(inside)} if is_folder else {path}
    if not found:
        places = ", ".join(str(path) for path in given) or "nothing"
        raise ImageReadError(f"no images in {places}: expected image files or OME-Zarrs that are no results themselves")
    return tuple(sorted(found))


def read_record(result: Path) -> dict[str, Any] | None:
    """The record next to a result, or None where dinoscope wrote none."""
    from dinoscope.outputs import sidecar_path

    try:
        content = json.loads(sidecar_path(result).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and "dinoscope" in content else None


def names_of(images: Sequence[Source]) -> list[str]:
    """What the results of each image begin with.

    Raises
    ------
    SettingsError
        If two images would share their results.
    """
    names = [_NOT_IN_NAMES.sub("_", _name(image)) for image in images]
    shared = sorted(name for name in set(names) if names.count(name) > 1)
    if shared:
        raise SettingsError(
            f"several images are called {shared[0]!r} and would share their results: rename them, or give each a "
            "folder of results of its own"
        )
    return names


def _name(image: Source) -> str:
    if not isinstance(image, str | Path):
        return image.name
    path = Path(image)
    whole = path.is_dir() and path.suffix.lower() != ".zarr"  # a folder of sections has no suffix to take off
    return path.name if whole else path.stem.removesuffix(".ome")


def _is_image(path: Path) -> bool:
    from dinoscope.features import is_feature_store
    from dinoscope.image import IMAGE_SUFFIXES, is_zarr

    if path.name.startswith(".") or read_record(path) is not None:
        return False
    if path.is_dir():
        return is_zarr(path) and not is_feature_store(path) and not _holds_labels(path)
    return path.suffix.lower() in IMAGE_SUFFIXES


def _holds_labels(folder: Path) -> bool:
    """Whether a Zarr is a label image."""
    import zarr

    try:
        attributes: Any = dict(zarr.open(folder, mode="r").attrs)
    except (OSError, ValueError, KeyError, TypeError):
        return False  # a damaged one may have been an image: whoever works on it will say so
    return "image-label" in attributes.get("ome", attributes)
