"""What is saved of the notebooks is for readers: small, complete, and without a trace of the machine it was made on."""

from __future__ import annotations

import ast
import base64
import json
import re
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from notebooks.execute import MOST_BYTES, MOST_PICTURE_BYTES, digest, find_notebooks

if TYPE_CHECKING:
    from pathlib import Path

NOTEBOOKS = find_notebooks()

OF_A_MACHINE = re.compile(r"(?<![\w.])/(home|root|tmp|work|Users|var|opt|mnt)/|[A-Z]:\\\\|\b(127\.0\.0\.1|localhost)\b")
"""Paths that begin at the root of a disk, and addresses."""

SMALL_KINDS = {"text/plain", "text/html", "image/png"}

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def outputs(path: Path) -> list[Any]:
    return [output for cell in code_cells(path) for output in cell.outputs]


def test_it_was_run_from_top_to_bottom_as_it_is(path: Path) -> None:
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert read(path).metadata["dinoscope"]["executed"] == digest(read(path)), "changed since: run `make notebooks`"


def test_there_is_no_error_no_warning_and_no_widget(path: Path) -> None:
    for output in outputs(path):
        assert output.output_type in ("stream", "execute_result", "display_data")
        assert output.get("name") != "stderr"
        assert set(output.get("data", {})) <= SMALL_KINDS


def test_it_is_small(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES
    assert all(len(base64.b64decode(png)) < MOST_PICTURE_BYTES for png in pictures(path))


def test_it_has_a_picture(path: Path) -> None:
    assert pictures(path)


def pictures(path: Path) -> list[str]:
    return [output.data["image/png"] for output in outputs(path) if "image/png" in output.get("data", {})]


def test_nothing_tells_of_the_machine(path: Path) -> None:
    texts = [
        json.dumps({**output, "data": dict(output.get("data", {}), **{"image/png": ""})}) for output in outputs(path)
    ]
    sources = ["".join(cell.source) for cell in read(path).cells]
    assert [found[0] for text in texts + sources for found in [OF_A_MACHINE.search(text)] if found] == []


def test_it_begins_with_a_title_and_what_one_gets(path: Path) -> None:
    title, nothing, about, *_ = read(path).cells[0].source.splitlines()
    assert re.fullmatch(r"# \S.*", title)
    assert nothing == ""
    assert about.endswith(".")


def test_it_uses_nothing_private(path: Path) -> None:
    trees = [ast.parse(cell.source, mode="exec", type_comments=False) for cell in map(without_await, code_cells(path))]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    names = [alias.name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names]
    names += [node.attr for node in nodes if isinstance(node, ast.Attribute)]
    private = [name for name in modules + names if re.search(r"(^|\.)_[a-z]", name)]
    assert private == []


def without_await(cell: Any) -> Any:
    """A cell without the keyword that Python allows in functions only."""
    cell.source = re.sub(r"(?m)^await ", "", cell.source)
    return cell
