"""References as files: tensors in safetensors and everything else in a JSON header, never pickle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from dinoscope.errors import ReferenceMismatchError, StoreError
from dinoscope.unfinished import clear_unfinished, unfinished_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT = "dinoscope-reference"
FORMAT_VERSION = 1


def write_file(path: Path, tensors: Mapping[str, NDArray[Any]], header: Mapping[str, Any]) -> None:
    """Write tensors and a header that is plain JSON, whole or not at all.

    Raises
    ------
    StoreError
        If the disk refuses, or there is no such folder.
    """
    clear_unfinished(path)
    partial = unfinished_name(path, "partial")
    facts = json.dumps({"version": FORMAT_VERSION, **header})
    try:
        partial.write_bytes(save(dict(tensors), metadata={FORMAT: facts}))
        partial.replace(path)
    except OSError as error:
        raise StoreError(f"the reference cannot be written to {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def read_file(path: str | Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The tensors and the header that `write_file` wrote.

    Raises
    ------
    ReferenceMismatchError
        If the file is missing, damaged or not a reference of this version.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})[FORMAT])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise ReferenceMismatchError(f"{path} is not a dinoscope reference, or is damaged ({error})") from error
    if header["version"] != FORMAT_VERSION:
        raise ReferenceMismatchError(f"{path} has format version {header['version']}, expected {FORMAT_VERSION}")
    return tensors, header
