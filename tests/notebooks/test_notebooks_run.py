"""Every notebook runs from top to bottom in an empty folder, without the network and without a warning."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from PIL import Image as Picture

from notebooks.execute import FOLDER, execute, find_notebooks, tidy

if TYPE_CHECKING:
    from pathlib import Path

QUICK_START = FOLDER / "01_quick_start.ipynb"


def pictures(cell: Any) -> list[Picture.Image]:
    data = [output.data["image/png"] for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})]
    return [Picture.open(io.BytesIO(base64.b64decode(text))) for text in data]


def kinds(notebook: Any) -> list[list[str]]:
    """What every cell puts out."""
    return [[output.output_type for output in cell.get("outputs", ())] for cell in notebook.cells]


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in find_notebooks() if path != QUICK_START], ids=lambda path: path.stem)
def test_it_runs_and_shows_what_is_saved(path: Path, tmp_path: Path) -> None:
    notebook = execute(path, tmp_path)
    tidy(notebook)
    saved = nbformat.read(path, as_version=4)
    assert kinds(notebook) == kinds(saved)
    assert [[p.size for p in pictures(cell)] for cell in notebook.cells] == [
        [p.size for p in pictures(cell)] for cell in saved.cells
    ]


@pytest.mark.slow
def test_the_quick_start_runs_and_leaves_a_picture_of_what_was_found(tmp_path: Path) -> None:
    notebook = execute(QUICK_START, tmp_path)
    cells = {cell.id: cell for cell in notebook.cells}
    (still,) = pictures(cells["show"])
    colours = still.convert("RGB").getcolors(maxcolors=2**16) or []
    vivid = sum(count for count, colour in colours if isinstance(colour, tuple) and max(colour) - min(colour) > 40)
    assert vivid > 0.02 * still.width * still.height
    (line,) = (output.text for output in cells["objects"].outputs if output.output_type == "stream")
    objects, detections = (int(word) for word in line.split() if word.isdigit())
    assert objects > 20
    assert detections > 20
    assert len(pictures(cells["plots"])) == 1
