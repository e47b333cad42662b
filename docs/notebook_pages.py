"""Notebooks as pages: their cells, and what these showed when the notebook was saved."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"

_STYLE = re.compile(r"<style.*?</style>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NotebookPage:
    """A notebook as Markdown.

    Attributes
    ----------
    text
        The page.
    pictures
        PNG files that it shows, by name; they lie beside it.
    """

    text: str
    pictures: Mapping[str, bytes]

    @property
    def title(self) -> str:
        """Its first heading."""
        return self.text.splitlines()[0].removeprefix("# ")

    @property
    def about(self) -> str:
        """Its first paragraph."""
        _, *rest = self.text.split("\n\n")
        return next((part.replace("\n", " ").strip() for part in rest if not part.startswith(("[", "!"))), "")


def notebooks() -> list[Path]:
    """The notebooks, by name."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def read_notebook(path: Path) -> NotebookPage:
    """A notebook as a page, with the notebook itself to download below its title."""
    title, *rest = "\n\n".join(_parts(path)).split("\n", 1)
    pictures = {name: base64.b64decode(data["image/png"]) for name, data in _pictures(path)}
    return NotebookPage("\n".join([title, "", f"[Download this notebook]({path.name})", *rest]) + "\n", pictures)


def _cells(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


def _parts(path: Path) -> Iterator[str]:
    names = iter([name for name, _ in _pictures(path)])
    for cell in _cells(path):
        source = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            yield source
            continue
        yield f"```python\n{source}\n```"
        for output in cell.get("outputs", ()):
            yield from _shown(output, names)


def _shown(output: dict[str, Any], names: Iterator[str]) -> Iterator[str]:
    """An output of a cell: a picture, a table or text."""
    data = output.get("data", {})
    html, text = "".join(data.get("text/html", "")), "".join(data.get("text/plain", output.get("text", "")))
    if "image/png" in data:
        yield f"![What the cell shows]({next(names)})"
    elif "<table" in html:
        lines = (line.strip() for line in _STYLE.sub("", html).splitlines())
        yield "\n".join(line for line in lines if line)
    elif text.strip():
        yield f"```text\n{text.rstrip()}\n```"


def _pictures(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    outputs = (output for cell in _cells(path) for output in cell.get("outputs", ()))
    shown = [output["data"] for output in outputs if "image/png" in output.get("data", {})]
    for number, data in enumerate(shown, start=1):
        yield f"{path.stem}_{number}.png", {"image/png": "".join(data["image/png"])}
