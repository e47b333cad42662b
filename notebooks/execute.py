"""Run the notebooks and save them as they are to be read: ``python -m notebooks.execute [NAME ...]``.

A notebook is run from top to bottom in an empty folder, with a cache of its own and without the network. What is saved
does not tell where, when or how fast that was, so that a run that changes nothing changes few bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np
from nbclient import NotebookClient
from PIL import Image as Picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent

MOST_BYTES = 700_000
"""Of a notebook, so that it opens at once and a repository of them stays small."""

MOST_PICTURE_BYTES = 150_000

PATIENCE_S = 300
"""For one cell."""

_COLOURS = ((128, 128), (64, 128), (32, 128), (24, 128), (16, 96), (12, 64))
"""Greys and colours of a picture, from many to few: the noise of electron microscopes does not compress, fewer do."""

_VIVID = 12
"""Difference of the channels from which a pixel has a colour. Chosen together, greys would leave few to colours."""

_LIVE = "application/vnd.jupyter.widget-view+json"
"""A widget, of which nothing is left without its kernel: the panel has a picture beside it."""

_NO_TRACE = {"XDG_CACHE_HOME": "cache", "IPYTHONDIR": "ipython", "MPLCONFIGDIR": "matplotlib"}
"""Folders that a notebook has for itself, below the one it runs in."""


def find_notebooks() -> list[Path]:
    """All notebooks, in the order of their numbers."""
    return sorted(FOLDER.glob("*.ipynb"))


def execute(path: Path, folder: Path) -> Any:
    """The notebook after its cells were run in a folder.

    Parameters
    ----------
    path
        The notebook; the file stays as it is.
    folder
        Where it runs; empty, or with what an earlier run has left.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    own = {name: str(folder / f".{place}") for name, place in _NO_TRACE.items()}
    client = NotebookClient(
        notebook,
        timeout=PATIENCE_S,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env={**os.environ, **own, "HF_HUB_OFFLINE": "1"})
    return notebook


def tidy(notebook: Any) -> None:
    """Keep of an executed notebook what is for readers, and note which sources it was made from."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        cell.metadata = {}
        cell.execution_count = number
        cell.outputs = [output for output in cell.outputs if _LIVE not in output.get("data", {})]
        for output in cell.outputs:
            if "execution_count" in output:
                output["execution_count"] = number
            if "image/png" in output.get("data", {}):
                small = shrink(base64.b64decode(output.data["image/png"]))
                output.data = {"image/png": base64.b64encode(small).decode()}
                output.metadata = {}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {
        "dinoscope": {"executed": digest(notebook)},
        "kernelspec": kernel,
        "language_info": {"name": "python"},
    }


def digest(notebook: Any) -> str:
    """Tells whether the sources of the cells are still those that were executed."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()[:16]


def shrink(png: bytes, most: int = MOST_PICTURE_BYTES) -> bytes:
    """A picture with as many colours as fit into so many bytes, and without notes on who made it.

    Parameters
    ----------
    png
        The picture; transparent parts become white.
    most
        Bytes it may have. With the fewest colours it may still have more.
    """
    with Picture.open(io.BytesIO(png)) as opened:
        coloured = opened.convert("RGBA")
    white = Picture.new("RGBA", coloured.size, "white")
    white.alpha_composite(coloured)
    pixels, small = np.asarray(white.convert("RGB")), b""
    for greys, colours in _COLOURS:
        buffer = io.BytesIO()
        _coarse(pixels, greys, colours).save(buffer, "png", optimize=True)
        small = buffer.getvalue()
        if len(small) <= most:
            break
    return small


def _coarse(pixels: NDArray[np.uint8], greys: int, colours: int) -> Picture.Image:
    """Pixels (h, w, 3) in evenly spaced greys from black to white, and in the colours that suit the others best."""
    steps = np.linspace(0, 255, greys).round().astype(np.uint8)
    index = (pixels.mean(axis=-1) / 255 * (greys - 1)).round().astype(np.uint8)
    palette = steps.repeat(3).tobytes()
    vivid = np.ptp(pixels, axis=-1) > _VIVID
    if vivid.any():
        few = Picture.fromarray(pixels[vivid][np.newaxis]).quantize(colours, Picture.Quantize.MEDIANCUT, kmeans=1)
        index[vivid] = greys + np.asarray(few)[0]
        palette += bytes(few.getpalette() or ())[: 3 * colours]
    picture = Picture.fromarray(index, "P")
    picture.putpalette(palette)
    return picture


def main(names: list[str]) -> None:
    """Run the notebooks whose names begin as one of these, or all, and save them in place."""
    for path in find_notebooks():
        if names and not path.name.startswith(tuple(names)):
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            notebook = execute(path, Path(folder))
        tidy(notebook)
        nbformat.write(notebook, path)
        print(f"{path.name}: {path.stat().st_size / 1000:,.0f} kB, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
