"""What the README and the pages of the documentation show must run; what cannot run here must at least make sense."""

from __future__ import annotations

import ast
import glob
import os
import shutil
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

import dinoscope
from dinoscope.cli import DONE, build_parser, main
from tests.docs.inputs import make_inputs
from tests.docs.snippets import LANGUAGES, ROOT, Snippet, pages, snippets_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.docs.snippets import Command

README = ROOT / "README.md"
ALL = [snippet for page in pages() for snippet in snippets_of(page)]
CODE = [snippet for snippet in ALL if snippet.language in ("sh", "python")]
NOT_RUN = [snippet for snippet in CODE if snippet.reason]
PAGES = sorted({snippet.page for snippet in CODE if not snippet.reason})

MOST_NOT_RUN = 16
"""Blocks that need a download, a GPU, SLURM or a window. Whoever adds one must raise this, and should not."""

PROGRAMS = ("python", "py", "pip", "git", "cd", "make", "napari", "jupyter", "hf")
"""Other programs that commands which are not run may name."""

PATIENCE_S = 300


def named(snippets: list[Snippet]) -> list[Any]:
    return [pytest.param(snippet, id=snippet.place) for snippet in snippets]


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    return folder


@pytest.fixture
def folder(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the inputs, in which a page is at work, with a cache of its own."""
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / "cache" / name)
    work = tmp_path / "work"
    shutil.copytree(inputs, work)
    monkeypatch.chdir(work)
    return work


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_snippets_of_a_page_run(
    page: str, folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    snippets = [snippet for snippet in CODE if snippet.page == page and not snippet.reason]
    if any("await " in snippet.text for snippet in snippets):
        run_in_kernel(snippets, folder)
        return
    if any("dinoscope.jupyter" in snippet.text for snippet in snippets):
        request.getfixturevalue("comms")
    names: dict[str, Any] = {}
    for snippet in snippets:
        if snippet.language == "python":
            exec(compile(snippet.text, snippet.place, "exec"), names)
            continue
        for command in snippet.commands:
            run(command, snippet, monkeypatch)
    if "panel" in names:
        names["panel"].close()


def run(command: Command, snippet: Snippet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command of dinoscope in this process."""
    assert command.program == "dinoscope", f"{snippet.place}: only dinoscope is run here, not {command.program!r}"
    with monkeypatch.context() as patch:
        for name, value in command.environment.items():
            patch.setenv(name, value)
        words = [word for argument in command.arguments for word in expanded(argument)]
        assert main(words) == DONE, f"{snippet.place}: dinoscope {' '.join(words)}"


def expanded(argument: str) -> Iterator[str]:
    """What a shell makes of an argument with a star."""
    found = sorted(glob.glob(argument)) if "*" in argument else []
    yield from found or [argument]


def run_in_kernel(snippets: list[Snippet], folder: Path) -> None:
    """Run snippets of Python as the cells of a notebook."""
    import nbformat
    from nbclient import NotebookClient

    assert {snippet.language for snippet in snippets} == {"python"}, "a page that waits has Python only"
    cells = [nbformat.v4.new_code_cell(snippet.text) for snippet in snippets]
    notebook = nbformat.v4.new_notebook(cells=cells)
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    client = NotebookClient(notebook, timeout=PATIENCE_S, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_the_commands_of_the_readme_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Python is run by tests/test_readme.py; it has no marks, as others show it, too."""
    commands = [
        (c, s) for s in snippets_of(README) if s.language == "sh" for c in s.commands if c.program == "dinoscope"
    ]
    assert len(commands) >= 4
    for command, snippet in commands:
        run(command, snippet, monkeypatch)


def test_there_are_snippets_that_run() -> None:
    assert len(CODE) - len(NOT_RUN) >= 40
    assert {"docs/index.md", "docs/tutorials/command-line.md", "docs/tutorials/notebook.md"} <= set(PAGES)


def test_few_snippets_are_not_run() -> None:
    told = "\n".join(f"{snippet.place}: {snippet.reason}" for snippet in NOT_RUN)
    assert len(NOT_RUN) <= MOST_NOT_RUN, told


def test_every_mark_has_a_block_below_it() -> None:
    marks = sum(page.read_text(encoding="utf-8").count("<!-- not run:") for page in pages())
    quoted = 1  # the page that explains it
    assert marks == len([snippet for snippet in ALL if snippet.reason]) + quoted


@pytest.mark.parametrize("snippet", named(ALL))
def test_every_block_says_what_it_is(snippet: Snippet) -> None:
    assert snippet.language in LANGUAGES
    assert not snippet.is_indented, f"{snippet.place}: blocks inside of lists are not found by the tests"


@pytest.mark.parametrize("snippet", named([snippet for snippet in CODE if snippet.language == "sh"]))
def test_commands_parse(snippet: Snippet) -> None:
    assert snippet.commands
    for command in snippet.commands:
        if command.program == "dinoscope":
            assert build_parser().parse_args(command.arguments).run
        else:
            assert command.program in PROGRAMS, f"{snippet.place}: {command.program}"


@pytest.mark.parametrize("snippet", named([snippet for snippet in CODE if snippet.language == "python"]))
def test_python_compiles_and_names_what_there_is(snippet: Snippet) -> None:
    tree = ast.parse(snippet.text, snippet.place)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dinoscope":
            for alias in node.names:
                assert exists(node.module or "", alias.name), f"{snippet.place}: {node.module}.{alias.name}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ds":
            assert node.attr in dinoscope.__all__, f"{snippet.place}: ds.{node.attr}"


def exists(module: str, name: str) -> bool:
    return hasattr(import_module(module), name) or find_spec(f"{module}.{name}") is not None


def test_a_block_is_read_with_its_mark_and_its_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Words\n\n<!-- not run: needs a moon -->\n```sh\n# a comment\nA_B=1 dinoscope info \\\n  'a b.tif'  # why\n\n"
        "cd there\n```\n\n```python\nx = 1\n```\n\n- list\n\n  ```sh\n  dinoscope demo\n  ```\n"
    )
    monkeypatch.setattr("tests.docs.snippets.ROOT", tmp_path)
    shell, python, listed = snippets_of(page)
    assert (shell.language, shell.reason, shell.place) == ("sh", "needs a moon", "page.md:4")
    first, second = shell.commands
    assert (first.environment, first.program, first.arguments) == ({"A_B": "1"}, "dinoscope", ["info", "a b.tif"])
    assert (second.program, second.arguments) == ("cd", ["there"])
    assert (python.language, python.reason, python.text) == ("python", "", "x = 1\n")
    assert listed.is_indented


def test_all_pages_are_looked_at() -> None:
    assert {ROOT / "docs" / "index.md", ROOT / "docs" / "how-to" / "cluster.md"} <= set(pages())
