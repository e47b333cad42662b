"""The architecture, checked: who imports whom, and what a light import must not load."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.layers import (
    ARROW_LAYER,
    FRONT_ENDS,
    LAYERS,
    PACKAGE,
    diagram,
    imported,
    imports_of,
    module_of,
    rank,
    sources,
)

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = sources()


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    module = module_of(path)
    for other in imports_of(path) - {module}:
        assert rank(other) <= rank(module), f"{module} imports {other}, which is not below it"
        if rank(module)[0] == FRONT_ENDS:
            assert rank(other)[0] < rank(module)[0], "the front ends must not import one another"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_the_diagram_shows_every_module_once_and_the_topmost_layer_first() -> None:
    shown = re.findall(r"[a-z_]+", diagram())
    assert sorted(shown) == sorted(name for layer in LAYERS for name in layer)
    assert set(shown) == {module_of(path) for path in SOURCES}
    assert [rank(name)[0] for name in shown] == sorted((rank(name)[0] for name in shown), reverse=True)
    assert "features <- reference <- similarity" in diagram()
    assert [name for name in shown if rank(name)[0] == ARROW_LAYER] == list(LAYERS[ARROW_LAYER])


def test_what_modules_import_is_read_from_all_of_their_files() -> None:
    assert imported()["similarity"] >= {"features", "reference", "settings", "tiling"}
    assert imported()["errors"] == set()


@pytest.mark.parametrize("command", ["import dinoscope", "from dinoscope.cli import main; main(['--help'])"])
def test_light_start_loads_no_heavy_package(command: str) -> None:
    check = (
        f"import sys\ntry:\n    {command}\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'napari', 'qtpy', 'ipywidgets', 'zarr', 'scipy', 'skimage'}\n"
        "sys.exit(','.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
