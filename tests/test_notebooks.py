"""Every notebook must run from top to bottom, and reads well afterwards."""

from __future__ import annotations

import base64
import io
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"

MISSING = [name for name in ("ipywidgets", "matplotlib", "nbclient") if find_spec(name) is None]

PATIENCE_S = 300

if MISSING and not os.environ.get("CI"):
    pytest.skip(f"{', '.join(MISSING)} not installed: pip install -e '.[jupyter,dev]'", allow_module_level=True)


def executed(path: Path, folder: Path) -> Any:
    """The notebook after its cells were run in a folder."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    client = NotebookClient(notebook, timeout=PATIENCE_S, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    return notebook


def pictures(cell: Any) -> list[Picture.Image]:
    data = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
    return [Picture.open(io.BytesIO(base64.b64decode(text))) for text in data]


def test_there_are_notebooks_and_no_outputs_in_them() -> None:
    import nbformat

    found = sorted(FOLDER.glob("*.ipynb"))
    assert FOLDER / "quick_start.ipynb" in found
    for path in found:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert not any(cell.get("outputs") for cell in notebook.cells), f"clear the outputs of {path.name}"


@pytest.mark.slow
def test_the_quick_start_runs_and_leaves_a_picture_of_what_was_found(tmp_path: Path) -> None:
    notebook = executed(FOLDER / "quick_start.ipynb", tmp_path)
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
