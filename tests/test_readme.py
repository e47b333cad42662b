"""What the README shows must run, lead somewhere and be true."""

from __future__ import annotations

import json
import os
import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from benchmarks._report_readme import BEGIN, END, measured, update_readme
from dinoscope.cli import build_parser
from dinoscope.encoders import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROUNDED = 0.06
"""How far a round number of parameters may be from the exact one."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("dinoscope ")]


def links() -> list[str]:
    """Files and pictures of this repository that the README leads to."""
    found = re.findall(r"\]\(([^)#]+)", README)
    return sorted({link for link in found if "://" not in link})


def tables() -> list[list[list[str]]]:
    """The cells of every table, without its line of dashes."""
    rows = [re.findall(r"^\|.*\|$", part, re.MULTILINE) for part in re.split(r"\n\n", README)]
    cut = [[[cell.strip() for cell in row[1:-1].split("|")] for row in table] for table in rows if table]
    return [[row for row in table if not all(re.fullmatch(r"-+", cell) for cell in row)] for table in cut]


def encoder_rows() -> list[list[str]]:
    (table,) = (table for table in tables() if table[0][0] == "name")
    return [row for row in table[1:] if row[1]]


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dinoscope.features._store.user_cache_path", lambda name: tmp_path / name)
    (example,) = [block for block in blocks("python") if "import dinoscope as ds" in block]
    namespace: dict[str, object] = {}
    exec(example, namespace)
    assert getattr(namespace["mask"], "shape", None) == (256, 256)


def test_the_notebook_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comms: None) -> None:
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("stack.tif", np.zeros((3, 40, 50), np.uint8), photometric="minisblack")
    (example,) = [block for block in blocks("python") if "dinoscope.jupyter" in block]
    namespace: dict[str, Any] = {}
    exec(example, namespace)
    assert namespace["panel"].session.image.shape == (3, 40, 50)
    namespace["panel"].close()


@pytest.mark.skipif(
    not os.environ.get("CI") and not all(map(find_spec, ("napari", "pytestqt"))), reason="napari is not installed"
)
def test_the_napari_example_opens_the_widget(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dinoscope.napari._preferences import Preferences

    make_viewer: Callable[..., Any] = request.getfixturevalue("make_napari_viewer")
    monkeypatch.setattr("napari.Viewer", make_viewer)
    kept_here = Preferences(cache_folder=tmp_path)
    monkeypatch.setattr("dinoscope.napari._widget.read_preferences", lambda: kept_here)
    (example,) = [block for block in blocks("python") if "import napari" in block]
    namespace: dict[str, Any] = {}
    exec(example, namespace)
    viewer = namespace["viewer"]
    assert [type(layer).__name__ for layer in viewer.layers][:2] == ["Image", "Labels"]
    assert [name for name in viewer.window.dock_widgets if "segment by example" in name]


@pytest.mark.parametrize("command", commands())
def test_the_commands_parse(command: str) -> None:
    assert build_parser().parse_args(shlex.split(command)[1:]).run


def test_there_are_commands_to_check() -> None:
    assert len(commands()) >= 4


@pytest.mark.parametrize("link", links())
def test_links_lead_to_files_that_are_there(link: str) -> None:
    assert (ROOT / link).exists()


def test_there_is_a_picture_before_anything_is_told() -> None:
    assert README.index("![") < README.index("##")


def test_encoders_are_those_of_the_catalogue() -> None:
    names = [name for row in encoder_rows() for name in re.findall(r"`(nano|dinov2-[\w-]+)`", row[0])]
    assert sorted(names) == sorted(CATALOGUE)


@pytest.mark.parametrize("row", encoder_rows(), ids=lambda row: row[0])
def test_figures_of_encoders_are_true(row: list[str]) -> None:
    _, parameters, channels, stride, licence = row
    for name in re.findall(r"`(nano|dinov2-[\w-]+)`", row[0]):
        entry = CATALOGUE[name]
        assert float(parameters.removesuffix(" M").replace(",", "")) * 1e6 == pytest.approx(entry.parameters, ROUNDED)
        assert int(channels) == entry.channels
        assert licence.startswith(entry.licence)
        assert int(stride) == (8 if name == "nano" else 14)


def test_figures_are_those_of_the_benchmarks() -> None:
    folder = ROOT / "benchmarks" / "results"
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    assert measured(found) in README, "run `python -m benchmarks.report`"
    page = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    (table,) = (table for table in tables() if table[0][:2] == ["what", "measured"])
    assert len(table) > 4
    assert [row[1] for row in table[1:] if not re.search(rf"(?<![\d.]){re.escape(row[1])}(?![\d.])", page)] == []


def test_the_readme_is_written_between_its_marks_only(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    update_readme(page, {"napari_window": {"nano": {"first_answer_s": 1.25}}})
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "1.2" in text
    assert "old" not in text


def test_others_are_told_with_the_date_they_were_read() -> None:
    (table,) = (table for table in tables() if table[0][1] == "dinoscope")
    head, dates, *rows = table
    assert dates[0] == "read on"
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", date) for date in dates[2:])
    assert all("](https://" in name for name in head[2:])
    assert all(len(row) == len(head) and all(row[1:]) for row in rows)
