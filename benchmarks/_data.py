"""Where the real images are, and where results go."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def data_folder() -> Path:
    """The folder with real EM images; ends the program with a sentence where there is none."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("DINOSCOPE_DATA", default))
    if not (folder / "vnc" / "raw").is_dir():
        sys.exit(f"no real EM images in {folder}: set DINOSCOPE_DATA")
    return folder


def save(name: str, values: dict[str, Any]) -> None:
    """Keep the figures of a run for `benchmarks.report`, beside those of other runs of the same benchmark."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({**before, **values}, indent=2, sort_keys=True) + "\n", encoding="utf-8")
