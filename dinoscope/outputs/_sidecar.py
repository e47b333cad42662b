"""The record next to a result: how it was made."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dinoscope import __version__
from dinoscope.outputs._atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path


def sidecar_path(result: Path) -> Path:
    """Name of the record of a result: the result's own name and ``.json`` after it."""
    return result.with_name(f"{result.name}.json")


def write_sidecar(result: Path, content: dict[str, Any]) -> Path:
    """Write how a result was made into a JSON file next to it.

    Parameters
    ----------
    result
        The file or folder that the record is about.
    content
        Settings, encoder, image, prompts…, as plain JSON values. The program's version, the time (UTC) and the
        platform are added.

    Returns
    -------
    Name of the record. An earlier one is replaced.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    record = {
        "result": result.name,
        "dinoscope": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **content,
    }
    text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False)
    return write_text(sidecar_path(result), text + "\n")
